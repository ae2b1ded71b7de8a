"""The account reads the same from each database, leaves of version 1 included."""

from datetime import timedelta

from gateway.accountability.disclosures import Disclosures
from gateway.accountability.subject_buckets import person_keys
from gateway.evidence import recorder
from gateway.ports import Store
from gateway.store.tables import evidence_index, evidence_leaves
from gateway.store.tables.evidence_leaves import StoredLeaf, new_id
from tests.gateway.store.makers import COUNCIL, DIGEST, NOW, POLICE
from trust.evidence.leaf import Leaf, LeafKind, leaf_hash, message_key, subject_key
from trust.exchange.message import AgreementRef
from trust.exchange.person import Subject
from trust.identifiers import AgreementId, EntityId, RoleCode

KEY = b"k" * 32
PERSON = Subject(nhs_number="9691292211")


def received(number: int) -> Leaf:
    return Leaf(
        kind=LeafKind.RECEIVED,
        at=NOW + timedelta(seconds=number),
        peer=EntityId(COUNCIL),
        message_iss=EntityId(COUNCIL),
        message_id=message_key(KEY, COUNCIL, str(number)),
        message_digest=DIGEST,
        agreement=AgreementRef(id=AgreementId("vale"), version=1 + number % 2, digest=DIGEST),
        role=RoleCode("key-worker"),
        outcome_code="known",
        fields=("worker",),
    )


def test_pages_by_person_and_by_agreement(store: Store) -> None:
    account = Disclosures(own=EntityId(POLICE), store=store, key=KEY)
    entries = [recorder.build_entry(received(number), person_keys(KEY, PERSON)) for number in range(5)]
    store.write(lambda tx: recorder.record(tx, *entries))
    first = account.about_person(PERSON, limit=3)
    assert first.before is not None
    rest = account.about_person(PERSON, before=first.before, limit=3)
    assert [each.at for each in (*first.disclosures, *rest.disclosures)] == [
        NOW + timedelta(seconds=number) for number in (4, 3, 2, 1, 0)
    ]
    assert len(account.under_agreement("vale", 2, since=NOW).disclosures) == 2
    assert len(account.under_agreement("vale", None, since=NOW + timedelta(seconds=3)).disclosures) == 2
    assert not account.about_person(Subject(nhs_number="9449306494")).disclosures


def test_a_leaf_of_version_1_is_found_by_the_person_and_by_its_message(store: Store) -> None:
    account = Disclosures(own=EntityId(POLICE), store=store, key=KEY)
    person = subject_key(KEY, PERSON)
    old = Leaf(
        kind=LeafKind.RECEIVED,
        at=NOW,
        peer=EntityId(COUNCIL),
        message_iss=EntityId(COUNCIL),
        message_id="m-1",
        message_digest=DIGEST,
        subject_hmac=person,
        outcome_code="known",
        version=1,
    ).to_bytes()
    stored = StoredLeaf(id=new_id(NOW), at=NOW, leaf=old, leaf_hash=leaf_hash(old))
    store.write(lambda tx: evidence_leaves.append_all(tx, [stored]))
    store.write(lambda tx: evidence_index.put(tx, [("m-1", stored.id), (person, stored.id)]))  # as the upgrade does
    [told] = account.about_person(PERSON).disclosures
    assert (told.agency, told.outcome, told.role) == (COUNCIL, "known", None)
    assert account.about_request("m-1").disclosures == (told,)
