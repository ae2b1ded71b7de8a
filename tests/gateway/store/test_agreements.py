"""Agreements and the signatures under them."""

import json
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from gateway.ports import Store, Transaction
from gateway.store.engine.location import administration_engine, locate
from gateway.store.engine.sqlite_files import create_in_wal_mode
from gateway.store.factory import open_store
from gateway.store.migration import is_current_within, migrate
from gateway.store.tables import agreements
from gateway.store.tables.agreements import AgreementConflict, StoredAgreement, StoredSignature
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE
from trust.exchange.envelope import AgreementRef
from trust.identifiers import AgreementId

REF = AgreementRef(id=AgreementId("connecting-families"), version=2, digest="digest-of-version-2")


def put(tx: Transaction, digest: str = REF.digest, raw: bytes = b"text") -> None:
    agreements.put(tx, agreement_id=REF.id, version=REF.version, digest=digest, raw=raw, added_at=NOW)


def sign(tx: Transaction, entity: str, raw: bytes = b"signature", ref: AgreementRef = REF) -> None:
    signature = StoredSignature(raw=raw, jwks=b'{"keys":[]}')
    agreements.put_signature(tx, agreement=ref, entity=entity, signature=signature, added_at=NOW)


def test_an_agreement_comes_back_with_its_signatures(store: Store) -> None:
    store.write(put)
    store.write(lambda tx: sign(tx, POLICE, b"police"))
    store.write(lambda tx: sign(tx, COUNCIL, b"council"))
    store.write(lambda tx: sign(tx, COUNCIL, b"council again"))
    assert store.read(agreements.load_all) == (
        StoredAgreement(
            raw=b"text",
            signatures={
                COUNCIL: StoredSignature(raw=b"council again", jwks=b'{"keys":[]}'),
                POLICE: StoredSignature(raw=b"police", jwks=b'{"keys":[]}'),
            },
            ended_at=None,
        ),
    )


def test_an_id_and_version_stand_for_one_text(store: Store) -> None:
    store.write(put)
    store.write(put)
    with pytest.raises(AgreementConflict, match="give it a new version"):
        store.write(lambda tx: put(tx, "another-digest", b"another text"))
    assert [agreement.raw for agreement in store.read(agreements.load_all)] == [b"text"]


@pytest.mark.parametrize(
    "ref",
    [
        AgreementRef(id=REF.id, version=REF.version, digest="another-digest"),
        AgreementRef(id=REF.id, version=3, digest=REF.digest),
        AgreementRef(id=AgreementId("unknown"), version=2, digest=REF.digest),
    ],
)
def test_a_signature_under_another_text_is_refused(store: Store, ref: AgreementRef) -> None:
    store.write(put)
    with pytest.raises(AgreementConflict, match="add the agreement first"):
        store.write(lambda tx: sign(tx, COUNCIL, ref=ref))
    assert store.read(agreements.load_all)[0].signatures == {}


def test_an_ended_agreement_is_signed_no_more(store: Store) -> None:
    store.write(put)
    store.write(lambda tx: agreements.end(tx, agreement_id=REF.id, version=REF.version, at=LATER))
    with pytest.raises(AgreementConflict, match="has ended"):
        store.write(lambda tx: sign(tx, COUNCIL))


def test_what_is_retired_grows_and_never_shrinks(store: Store) -> None:
    epoch = store.read(agreements.epoch)
    for through, changed in ((2, True), (2, False), (1, False), (3, True)):
        retire = partial(agreements.retire, agreement_id=REF.id, through=through)
        assert store.write(retire) is changed
    assert store.read(agreements.retirements) == {REF.id: 3}
    assert store.read(agreements.epoch) == epoch + 2


def test_the_epoch_grows_with_every_change_and_only_then(store: Store) -> None:
    epochs = [store.read(agreements.epoch)]
    for change in (
        put,
        lambda tx: sign(tx, COUNCIL),
        lambda tx: agreements.end(tx, agreement_id=REF.id, version=REF.version, at=LATER),
    ):
        store.write(change)
        epochs.append(store.read(agreements.epoch))
    assert epochs == sorted(set(epochs))

    store.write(put)
    assert not store.write(lambda tx: agreements.end(tx, agreement_id=REF.id, version=REF.version, at=NOW))
    assert store.read(agreements.epoch) == epochs[-1]


def test_an_ended_agreement_says_since_when(store: Store) -> None:
    store.write(put)
    assert store.write(lambda tx: agreements.end(tx, agreement_id=REF.id, version=REF.version, at=LATER))
    assert store.read(agreements.load_all)[0].ended_at == LATER


def test_an_agreement_is_found_by_its_digest_until_it_ends(store: Store) -> None:
    store.write(put)
    store.write(lambda tx: sign(tx, POLICE, b"police"))
    found = store.read(lambda tx: agreements.find(tx, digest=REF.digest))
    assert found is not None
    assert (found.raw, list(found.signatures)) == (b"text", [POLICE])
    assert store.read(lambda tx: agreements.find(tx, digest="another-digest")) is None
    store.write(lambda tx: agreements.end(tx, agreement_id=REF.id, version=REF.version, at=LATER))
    assert store.read(lambda tx: agreements.find(tx, digest=REF.digest)) is None


@pytest.mark.holds("A72")
@pytest.mark.parametrize(
    ("signed_by", "begins", "ended", "through"),
    [
        ([COUNCIL, POLICE], "2020-01-01", False, {"vale": 2}),
        ([COUNCIL, POLICE], "2020-01-01", True, {"vale": 3}),
        ([COUNCIL], "2020-01-01", False, {}),
        ([COUNCIL, POLICE], "9999-01-01", False, {}),
        ([COUNCIL, POLICE], "9999-01-01", True, {}),
        ([COUNCIL, POLICE], None, False, {"vale": 2}),
    ],
    ids=["in-force", "ended", "unsigned", "ahead", "withdrawn", "unreadable"],
)
def test_an_upgrade_retires_what_a_version_has_replaced_or_ended(
    tmp_path: Path, signed_by: list[str], begins: str | None, ended: bool, through: dict[str, int]
) -> None:
    document = {"parties": [{"entity": COUNCIL}, {"entity": POLICE}]} | ({"valid_from": begins} if begins else {})
    url = f"sqlite:///{tmp_path}/old.db"
    create_in_wal_mode(tmp_path / "old.db")
    with administration_engine(locate(url, base_dir=tmp_path)).begin() as connection:
        is_current_within(connection, "0004_practitioners")
        row = {"id": "vale", "raw": json.dumps(document).encode(), "ended": 1_700_000_000_000_000 if ended else None}
        connection.execute(text("INSERT INTO agreements VALUES (:id, 3, 'digest', :raw, 1, :ended)"), row)
        for entity in signed_by:
            signed = {"id": "vale", "entity": entity}
            connection.execute(text("INSERT INTO agreement_signatures VALUES (:id, 3, :entity, 'x', 'x', 1)"), signed)
    migrate(url, base_dir=tmp_path)
    store = open_store(url, base_dir=tmp_path)
    assert store.read(agreements.retirements) == through
    store.close()
