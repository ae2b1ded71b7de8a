"""The members of an anchor, and the clients of a node."""

from dataclasses import replace

import pytest

from gateway.ports import Store
from gateway.store.tables import clients, members
from gateway.store.tables.clients import ClientExists
from gateway.store.tables.members import Member
from tests.gateway.store.makers import COUNCIL, LATER, NOW, POLICE, make_client
from trust.federation.terms import SubordinateTerms

JWKS = {"keys": [{"kid": "a"}]}


def test_a_member_comes_back_as_admitted(store: Store) -> None:
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks=JWKS, metadata={"x": 1}, state="active", at=NOW))
    council = Member(entity=COUNCIL, jwks=JWKS, metadata={"x": 1}, state="active", admitted_at=NOW, changed_at=NOW)
    assert store.read(lambda tx: members.get(tx, entity=COUNCIL)) == council
    assert store.read(lambda tx: members.get(tx, entity=POLICE)) is None
    assert store.read(members.list) == (council,)


def test_a_member_admitted_again_keeps_its_first_date(store: Store) -> None:
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks=JWKS, metadata={}, state="active", at=NOW))
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks=JWKS, metadata={}, state="suspended", at=LATER))
    found = store.read(lambda tx: members.get(tx, entity=COUNCIL))
    assert found is not None
    assert (found.state, found.admitted_at, found.changed_at) == ("suspended", NOW, LATER)


def test_a_members_state_changes(store: Store) -> None:
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks=JWKS, metadata={}, state="active", at=NOW))
    assert store.write(lambda tx: members.set_state(tx, entity=COUNCIL, state="suspended", at=LATER))
    assert not store.write(lambda tx: members.set_state(tx, entity=POLICE, state="suspended", at=LATER))
    found = store.read(lambda tx: members.get(tx, entity=COUNCIL))
    assert found is not None
    assert (found.state, found.changed_at) == ("suspended", LATER)


def test_a_members_terms_outlive_its_being_admitted_again(store: Store) -> None:
    terms = SubordinateTerms(intermediate=True, max_path_length=0, permitted=(".vale.example",))
    assert not store.write(lambda tx: members.set_terms(tx, entity=COUNCIL, terms=terms))
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks=JWKS, metadata={}, state="active", at=NOW))
    assert store.write(lambda tx: members.set_terms(tx, entity=COUNCIL, terms=terms))
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks=JWKS, metadata={}, state="active", at=LATER))
    found = store.read(lambda tx: members.get(tx, entity=COUNCIL))
    assert found is not None
    assert found.terms == terms


def test_a_client_comes_back_as_registered(store: Store) -> None:
    store.write(lambda tx: clients.add(tx, make_client()))
    assert store.read(lambda tx: clients.get(tx, client_id="case-system")) == make_client()
    assert store.read(lambda tx: clients.get(tx, client_id="another")) is None
    assert store.read(clients.list) == (make_client(),)


def test_a_client_id_never_changes_hands(store: Store) -> None:
    store.write(lambda tx: clients.add(tx, make_client()))
    assert store.write(lambda tx: clients.revoke(tx, client_id="case-system", at=LATER))
    assert not store.write(lambda tx: clients.revoke(tx, client_id="case-system", at=LATER))
    with pytest.raises(ClientExists, match="choose another"):
        store.write(lambda tx: clients.add(tx, make_client()))
    assert store.read(lambda tx: clients.get(tx, client_id="case-system")) == replace(make_client(), revoked_at=LATER)


def test_what_members_say_is_read_out_of_its_text_once_however_often_they_are_listed(store: Store) -> None:
    """Anybody may ask an authority for its list, which must not cost the reading of every member's metadata."""
    store.write(lambda tx: members.admit(tx, entity=COUNCIL, jwks={}, metadata={"a": {}}, state="active", at=NOW))
    (first,), (again,) = (store.read(members.list) for _ in range(2))
    assert again.metadata is first.metadata
    assert again.terms is first.terms
