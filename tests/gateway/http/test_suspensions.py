"""An authority serves its log of suspensions without new signatures, and proves it after a rotation."""

from datetime import UTC, datetime

from gateway.authority.suspension import signed_today
from gateway.store.tables.federation_records import StoredSuspension
from tests.simulator.federation import Keys
from trust.federation.suspension import Suspension, SuspensionState, build_suspension, parse_suspension
from trust.identifiers import EntityId
from trust.keys import KeySet, KeyUse, LocalSigner, Signer

ANCHOR, POLICE = EntityId("https://anchor.example"), EntityId("https://police.example")
NOW = datetime(2026, 3, 2, tzinfo=UTC)


class Counted:
    """A signer that counts what it signs."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self.kid, self.alg, self.use, self.public = signer.kid, signer.alg, signer.use, signer.public
        self.signed = 0

    def sign(self, message: bytes) -> bytes:
        self.signed += 1
        return self._signer.sign(message)


def held(signer: Signer, seq: int) -> StoredSuspension:
    entry = Suspension(issuer=ANCHOR, subject=POLICE, seq=seq, state=SuspensionState.SUSPENDED, issued_at=NOW)
    raw = build_suspension(entry, signer)
    return StoredSuspension(issuer=ANCHOR, seq=seq, subject=POLICE, state="suspended", issued_at=NOW, raw=raw)


def test_an_entry_is_signed_once_for_each_key_however_often_it_is_asked_for() -> None:
    vault, first = Keys(), Counted(LocalSigner.generate(KeyUse.FEDERATION))
    vault.signers[KeyUse.FEDERATION] = first
    log = [held(first, seq) for seq in range(1, 101)]
    shown = signed_today(ANCHOR, vault)
    first.signed = 0
    assert [shown(entry) for entry in log] == [entry.raw for entry in log]
    assert first.signed == 0
    second = vault.signers[KeyUse.FEDERATION] = Counted(LocalSigner.generate(KeyUse.FEDERATION))
    for _ in range(3):
        again = [shown(entry) for entry in log]
    assert second.signed == len(log)
    keys = KeySet.of(KeyUse.FEDERATION, [second.public])
    assert [parse_suspension(raw, issuer_keys=keys, now=NOW).seq for raw in again] == [entry.seq for entry in log]
