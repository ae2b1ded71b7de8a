"""An authority's signed marks stay on record, and a revoked one stays revoked."""

from dataclasses import replace

from gateway.ports import Store
from gateway.store.tables import issued_trust_marks
from gateway.store.tables.issued_trust_marks import IssuedTrustMark
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE
from trust.federation.trust_mark import mark_digest

ASSURED, SIGNED = "https://anchor.example/marks/assured", "https://anchor.example/marks/signed"


def mark(raw: bytes = b"header.claims.signature", *, of: str = ASSURED, subject: str = COUNCIL) -> IssuedTrustMark:
    return IssuedTrustMark(
        digest=mark_digest(raw), mark_type=of, subject=subject, raw=raw, issued_at=NOW, expires_at=LATER
    )


def put(store: Store, *marks: IssuedTrustMark) -> None:
    for each in marks:
        store.write(lambda tx, each=each: issued_trust_marks.put(tx, each))  # type: ignore[misc]


def test_a_mark_is_found_by_its_content_with_any_signature(store: Store) -> None:
    put(store, mark())
    assert store.read(lambda tx: issued_trust_marks.get(tx, raw=b"header.claims.signature")) == mark()
    assert store.read(lambda tx: issued_trust_marks.get(tx, raw=b"header.claims.another")) == mark()
    assert store.read(lambda tx: issued_trust_marks.get(tx, raw=b"header.others.signature")) is None


def test_marks_are_listed_by_type_and_by_subject(store: Store) -> None:
    council, police = mark(), mark(b"h.2.s", subject=POLICE)
    signed = mark(b"h.3.s", of=SIGNED)
    put(store, council, police, signed)
    assert store.read(issued_trust_marks.list) == (council, police, signed)
    assert store.read(lambda tx: issued_trust_marks.list(tx, mark_type=ASSURED)) == (council, police)
    assert store.read(lambda tx: issued_trust_marks.list(tx, subject=COUNCIL)) == (council, signed)
    assert store.read(lambda tx: issued_trust_marks.list(tx, mark_type=SIGNED, subject=POLICE)) == ()


def test_revoking_takes_every_mark_of_a_type_from_a_subject_and_keeps_why(store: Store) -> None:
    renewed = mark(b"h.renewed.s")
    put(store, mark(), renewed, mark(b"h.other.s", subject=POLICE))

    def revoke() -> int:
        return store.write(
            lambda tx: issued_trust_marks.revoke(tx, mark_type=ASSURED, subject=COUNCIL, reason="audit", at=LATER)
        )

    assert revoke() == 2
    assert revoke() == 0
    ended = {"revoked_at": LATER, "reason": "audit"}
    held = store.read(lambda tx: issued_trust_marks.list(tx, subject=COUNCIL))
    assert set(held) == {replace(mark(), **ended), replace(renewed, **ended)}  # type: ignore[arg-type]
    assert [each.revoked_at for each in store.read(lambda tx: issued_trust_marks.list(tx, subject=POLICE))] == [None]
