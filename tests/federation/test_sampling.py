"""The node alone decides which lookups a manager justifies, and its decision stays."""

from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_urlsafe

from gateway.accountability.sampling import WITHIN, is_sampled, sample
from gateway.callers import CaseCaller
from gateway.ports import LocalClient
from gateway.store.tables import justifications
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL
from tests.support.positions import positions
from trust.oauth.access_token import AccessToken, AccessTokenClaims, SignedIn

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
KEY = b"k" * 32
CLIENT = LocalClient(
    client_id="case-system",
    name="Case system",
    jwks={},
    positions=positions(["families"], ["key-worker"], ["north"]),
    created_at=NOW,
    manager="Maud Ellery",
    sample_percent=100,
)
TOKEN = AccessTokenClaims(iss="i", sub="case-system", client_id="case-system", aud="a", jti="j", iat=NOW, exp=NOW)


def caller(*, signed_in: bool = False, percent: int = 100) -> CaseCaller:
    person = SignedIn(issuer="https://login.example", name="u", positions=CLIENT.positions)
    token = AccessToken(replace(TOKEN, signed_in=person if signed_in else None))
    return CaseCaller(client=replace(CLIENT, sample_percent=percent), token=token)


def test_about_the_share_that_was_asked_for_is_chosen() -> None:
    ids = [token_urlsafe(16) for _ in range(5_000)]
    assert 400 < sum(is_sampled(KEY, each, 10) for each in ids) < 600
    assert not any(is_sampled(KEY, each, 0) for each in ids)
    assert all(is_sampled(KEY, each, 100) for each in ids)


def test_without_the_key_the_choice_cannot_be_told() -> None:
    ids = [token_urlsafe(16) for _ in range(1_000)]
    agree = sum(is_sampled(KEY, each, 50) == is_sampled(b"other" * 7, each, 50) for each in ids)
    assert 400 < agree < 600
    assert [is_sampled(KEY, each, 50) for each in ids] == [is_sampled(KEY, each, 50) for each in ids]


def test_only_lookups_that_a_case_system_vouched_for_are_justified() -> None:
    found = sample(caller(), "lookup-1", key=KEY, now=NOW)
    assert found is not None
    assert found.due_at == NOW + WITHIN
    assert sample(caller(signed_in=True), "lookup-1", key=KEY, now=NOW) is None
    assert sample(caller(percent=0), "lookup-1", key=KEY, now=NOW) is None


def test_a_sampled_lookup_is_on_record_once_however_often_it_is_repeated(pair: Network) -> None:
    client = pair.case_client(sample_percent=100)
    for _ in range(3):
        assert client.post_lookup(client.body(wait_s=20.0), key="the-same-key").status_code == 201
    store = pair.nodes[COUNCIL].store
    (found,) = store.read(lambda tx: justifications.list(tx, is_settled=False))
    assert client.post_eligibility().status_code in {200, 403}
    assert found.client_id == client.client_id


def test_no_answer_tells_whether_it_was_sampled(pair: Network) -> None:
    every, none = pair.case_client(sample_percent=100), pair.case_client(sample_percent=0)
    answers = [client.look_up() for client in (every, none)]
    assert answers[0].keys() == answers[1].keys()
    assert len(pair.nodes[COUNCIL].store.read(lambda tx: justifications.list(tx, is_settled=False))) == 1
