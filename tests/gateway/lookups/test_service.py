"""Lookups as their client sees them, and as they rest in the store."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from threading import Event

from pysqlite3 import dbapi2

from gateway.ports import PeerRequest, PeerResponse
from tests.simulator import faults
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.town import COUNCIL, SUBJECT, TRUST
from tests.simulator.unsealing import everything_sealed
from tests.simulator.wire import Pass
from tests.support.positions import positions
from trust.keys import KeyUse
from trust.oauth import access_token
from trust.oauth.access_token import AccessTokenClaims, SignedIn

SERVICE = f"{TRUST}#mental-health"


@contextmanager
def held_back(network: Network) -> Iterator[tuple[Event, Event]]:
    """Keep the trust's answers back until the test lets them go; say when a question has arrived there."""
    arrived, go = Event(), Event()

    def wait(request: PeerRequest, answer: Pass) -> PeerResponse:
        if request.url.endswith(faults.MESSAGES):
            arrived.set()
            go.wait(30)
        return answer()

    network.wire.faults[TRUST] = wait
    try:
        yield arrived, go
    finally:
        go.set()


def test_a_lookup_under_way_says_so_and_says_nothing_of_who_is_awaited(pair: Network) -> None:
    client = pair.case_client()
    with held_back(pair):
        begun = client.post_lookup(client.body(wait_s=0.5))
        view = begun.get_json()
        assert (begun.status_code, view["state"], view["asked"]) == (202, "running", 4)
        assert begun.headers["Location"] == f"{client.base_url}/case/v1/lookups/{view['id']}"
        assert begun.headers["Retry-After"] == "1"
        assert SERVICE not in [line["service"] for line in view["answers"]]


def test_a_lookup_ends_by_its_limit_after_any_end_of_its_process(pair: Network) -> None:
    client = pair.case_client()
    with held_back(pair) as (arrived, _):
        view = client.post_lookup(client.body(wait_s=0.0)).get_json()
        assert arrived.wait(30)
        pair.clock.forward(seconds=21)
        over = client.get_lookup(view["id"]).get_json()
    assert over["state"] == "complete"
    lines = {line["service"]: line for line in over["answers"]}
    assert (len(lines), lines[SERVICE]["status"]) == (4, "no_reply")
    assert lines[SERVICE]["reason"] == "No answer came."


def test_a_late_answer_is_shown_when_it_came(pair: Network) -> None:
    client = pair.case_client()
    with held_back(pair) as (_, go):
        view = client.post_lookup(client.body(wait_s=0.0)).get_json()
        go.set()
        while view["state"] != "complete":
            view = client.get_lookup(view["id"]).get_json()
    assert view["summary"] == "4 of 4 services answered"


def test_the_account_of_a_lookup_is_kept_sealed_without_the_person(pair: Network) -> None:
    client = pair.case_client()
    client.look_up()
    account = next(each for each in everything_sealed(pair, COUNCIL) if "practitioner" in each)
    assert account["practitioner"]["id"] == "u-17"
    assert account["reason"] == "Agreeing who leads before Thursday's meeting."
    assert account["case_ref"] == "CF-2291"
    assert not [value for value in (SUBJECT["nhs_number"], SUBJECT["family_name"]) if value in str(account)]


def test_a_key_that_says_who_was_asked_about_does_not_rest_in_the_store(pair: Network) -> None:
    client = pair.case_client()
    key = SUBJECT["nhs_number"].replace(" ", "")
    begun = client.post_lookup(client.body(wait_s=20.0), key=key)
    assert client.post_lookup(client.body(wait_s=20.0), key=key).get_json()["id"] == begun.get_json()["id"]
    files = list((pair.folder_of(COUNCIL) / "data").iterdir())
    assert files
    assert not [path.name for path in files if key.encode() in path.read_bytes()]


def test_answers_that_were_swapped_in_the_store_are_not_shown(pair: Network) -> None:
    client = pair.case_client()
    view = client.look_up()
    with closing(dbapi2.connect(str(pair.folder_of(COUNCIL) / "data" / "node.db"))) as connection, connection:
        [(sealed,)] = connection.execute("SELECT sealed FROM lookup_answers WHERE service = ?", (SERVICE,)).fetchall()
        other = f"{COUNCIL}#youth-justice"
        connection.execute("UPDATE lookup_answers SET sealed = ? WHERE service = ?", (sealed, other))
    answer = client.get_lookup(view["id"])
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal")
    assert "Farouk" not in answer.text


def test_a_key_whose_lookup_was_forgotten_starts_no_other(pair: Network) -> None:
    client = pair.case_client()
    body = client.body(wait_s=20.0)
    client.post_lookup(body, key="the-same-key")
    pair.clock.forward(seconds=901)
    again = client.post_lookup(body, key="the-same-key")
    assert (again.status_code, again.get_json()["code"]) == (422, "idempotency-key-reused")
    assert "new" in again.get_json()["remedy"]
    assert len(pair.wire.messages(TRUST)) == 1


def test_a_refused_lookup_leaves_no_row(pair: Network) -> None:
    client = pair.case_client()
    assert client.post_lookup(client.body(purpose="marketing")).status_code == 403
    assert not everything_sealed(pair, COUNCIL)


POSITIONS = positions(["connecting-families"], ["key-worker"], ["north-team"])


def token_of(network: Network, client: CaseClient, name: str) -> str:
    """Return the token that a practitioner's sign-in is exchanged for, as the council's own server signs it."""
    person = SignedIn(issuer="https://login.example", name=name, positions=POSITIONS)
    now = network.clock.now()
    made = AccessTokenClaims(
        iss=client.base_url,
        sub=person.sub,
        client_id=client.client_id,
        aud=client.base_url + "/case/v1",
        jti=name,
        iat=now,
        exp=now + timedelta(minutes=10),
        signed_in=person,
    )
    return access_token.build(made, network.nodes[COUNCIL].vault.signer(KeyUse.OAUTH)).decode()


def test_a_signed_in_user_reads_only_their_own_lookups(pair: Network) -> None:
    client = pair.case_client()
    asked_by = {"Authorization": f"Bearer {token_of(pair, client, 'u-17')}", "Idempotency-Key": "one-key-0001"}
    body = {name: value for name, value in client.body(wait_s=20.0).items() if name != "practitioner"}
    view = client.http.post("/case/v1/lookups", base_url=client.base_url, json=body, headers=asked_by).get_json()

    def read(token: str) -> int:
        path, headers = f"/case/v1/lookups/{view['id']}", {"Authorization": f"Bearer {token}"}
        return client.http.get(path, base_url=client.base_url, headers=headers).status_code

    assert read(token_of(pair, client, "u-17")) == 200
    assert read(token_of(pair, client, "u-18")) == 404
    assert client.get_lookup(view["id"]).status_code == 404  # nor the case system with a token of its own
    again = client.post_lookup(body | {"practitioner": client.as_role("key-worker")}, key="one-key-0001")
    assert (again.status_code, again.get_json()["code"]) == (422, "idempotency-key-reused")
