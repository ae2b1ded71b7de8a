"""A person in hiding: no answer, question, alert, note or log tells where they live to one who may not know (S9)."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Adapter, Candidate, Deadline
from gateway.app.node_parts import build_places
from gateway.keys.vault import FileKeyVault
from tests.simulator.alerts import CLAUSES, SAFEGUARDING, alert, get, post
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.peer_hand import PeerHand, claims_in, reply_body
from tests.simulator.settings_files import NEUTRAL_DESK as DESK
from tests.simulator.town import ASKER, BY_ENTITY, COUNCIL, HOUSING, SUBJECT, TRUST
from tests.support.logs import capture_logs
from tests.support.people import GRACE
from trust.agreements.location import NEUTRAL_DAY, NEUTRAL_TEXT
from trust.exchange.involvement import Involvement
from trust.exchange.message import AgreementRef
from trust.exchange.person import Subject, parse_subject
from trust.identifiers import EntityId, ServiceSlug, parse_service_ref

MAN = {"family_name": "Skell", "given_names": "Rufus", "birth_date": "1988-01-30"}
STREET, SCHOOL, TELEPHONE = "14 Ash Lane", "St Brannoc's Primary School", "01632 960188"
SECRETS = (STREET, "Ash Lane", SCHOOL, "Brannoc", TELEPHONE, "YO7 1AB", "YO71AB", "100050123456", "H801200001001")
NURSE = {"id": "n-7", "role": "key-worker", "org_unit": "north-team", "second_factor": True}
SECOND = {**NURSE, "id": "n-8"}
TEAM = f"{TRUST}#mental-health"


NAMED = {name: SUBJECT[name] for name in ("family_name", "given_names", "birth_date", "address")}
"""The young man without a number, so that a holder is sent his postcode."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A source that knows the young man; ``contact`` is what it says of those who work with him."""

    contact: Involvement
    is_flagged: bool = False

    def find(self, subject: Subject, *, deadline: Deadline) -> Sequence[Candidate]:
        person = replace(subject, address=None, address_restricted=self.is_flagged)
        return (Candidate(ref="case-7", person=person),)

    def involvements(self, ref: str, *, deadline: Deadline) -> Sequence[Involvement]:
        return (self.contact,)


REFUGE = Involvement(
    organisation="Ash Lane Refuge",
    service_type="refuge",
    role="Refuge worker",
    worker="Farouk Linton",
    phone=TELEPHONE,
    since=date(2025, 2, 3),
    last_contact_month="2026-02",
)


def agree(network: Network, version: int = 1, **changes: bool) -> AgreementRef:
    """Have all sign the agreements on lookups and on alerts, each clause with these changes."""
    document = network.document(version=version)
    purposes = [*document["purposes"], {"code": SAFEGUARDING, "description": "To keep people safe."}]
    changed = [_changed(clause, **changes) for clause in CLAUSES]
    network.agree(network.document(id="safe", version=version, purposes=purposes, clauses=changed))
    clauses = [_changed(each, **changes) for each in document["clauses"] if each["kind"] == "involvement.query"]
    return network.agree({**document, "clauses": clauses})


def _changed(clause: dict[str, Any], *, authorises: bool = False) -> dict[str, Any]:
    """Return a clause that names all its services as recipients of a restricted place, or none."""
    return {**clause, "location_recipients": [*clause["askers"], *clause["holders"]]} if authorises else clause


def start(folder: Path, **changes: bool) -> Network:
    """Start the council, the trust and the housing association."""
    network = Network(folder, [BY_ENTITY[each] for each in (COUNCIL, TRUST, HOUSING)])
    agree(network, **changes)
    tell(network, REFUGE)
    return network


def tell(network: Network, contact: Involvement, *, is_flagged: bool = False) -> None:
    """Have the trust's case system say this of the young man."""
    source = Worker(contact, is_flagged)
    network.use_adapter(TRUST, "mental-health", Adapter(name="test", involvement=source))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Network]:
    made = start(tmp_path)
    yield made
    made.close()


@pytest.fixture
def authorised(tmp_path: Path) -> Iterator[Network]:
    """Give a town whose clauses name asker and holders as recipients of a restricted place."""
    made = start(tmp_path, authorises=True)
    yield made
    made.close()


def declare(network: Network, entity: EntityId = TRUST, **changes: Any) -> CaseClient:
    """Declare the young man's place at a node, and return the case system that did."""
    client = network.case_client(entity)
    body = {
        "subject": SUBJECT,
        "reason": "He fears being found.",
        "case_ref": "C-1",
        "practitioner": NURSE,
        "from_service": BY_ENTITY[entity].services[0].service,
        "texts": [STREET, SCHOOL],
        "telephones": [TELEPHONE],
        **changes,
    }
    answer = post(client, "restrictions", body)
    assert answer.status_code == 201, answer.text
    return client


def line(network: Network, service: str = TEAM, **changes: Any) -> dict[str, Any]:
    """Return what the council's key worker is told by a service."""
    return network.case_client().lines(**changes)[service]


def sent_to(network: Network, entity: EntityId) -> list[dict[str, Any]]:
    """Return the claims of every message that went to a node."""
    ends = "/exchange/v1/messages"
    bodies = [request.body for request, _ in network.wire.log if request.url == entity + ends]
    return [claims_in(body) for body in bodies]


def vault_of(network: Network) -> FileKeyVault:
    """Return the council's keys."""
    return network.nodes[COUNCIL].vault


def answers_of(network: Network) -> list[dict[str, Any]]:
    """Return the leaves of the trust's answers."""
    return [leaf for leaf in network.leaves(TRUST) if leaf["kind"] == "answered"]


def said_by(network: Network) -> str:
    """Return everything that went between the nodes, opened."""
    texts = []
    for request, response in network.wire.log:
        for raw in (request.body, response.body):
            texts.append(raw.decode(errors="replace"))
            parts = raw.split(b".")
            if len(parts) == 3:
                texts.append(json.dumps(claims_in(raw), ensure_ascii=False))
    return "\n".join(texts)


@pytest.mark.holds("S9", "A47", "A71")
class TestAnswers:
    def test_what_tells_the_place_goes_together_and_the_answer_keeps_its_members(self, town: Network) -> None:
        (open_line,) = line(town)["involvements"]
        assert open_line["phone"] == TELEPHONE
        declare(town, linked=[COUNCIL])
        with capture_logs() as logs:
            answer = line(town)
        (row,) = answer["involvements"]
        assert set(row) == set(open_line)
        assert row == {
            **dict.fromkeys(("organisation", "service_type", "role", "worker"), NEUTRAL_TEXT),
            "phone": DESK,
            "since": NEUTRAL_DAY,
            "last_contact_month": "2026-02",
        }
        assert not any(secret in json.dumps(logs) for secret in SECRETS)
        (answered,) = [leaf for leaf in answers_of(town) if "location:recipient_linked" in leaf["reasons"]]
        assert answered["fields"] == ["last_contact_month"]

    def test_the_case_systems_own_mark_is_enough(self, town: Network) -> None:
        tell(town, REFUGE, is_flagged=True)
        (row,) = line(town)["involvements"]
        assert (row["phone"], row["organisation"]) == (DESK, NEUTRAL_TEXT)

    def test_the_mark_in_a_question_is_enough(self, town: Network) -> None:
        declare(town, COUNCIL)
        (row,) = line(town, subject={**SUBJECT, "address_restricted": True})["involvements"]
        assert "address" not in json.dumps(sent_to(town, TRUST)[-1]["subject"])
        assert row["organisation"] == "Ash Lane Refuge"  # the trust knows of no restriction of its own

    def test_a_service_whose_identity_tells_the_place_does_not_say_that_it_knows_them(self, town: Network) -> None:
        assert line(town, f"{HOUSING}#housing")["status"] == "known"
        declare(town, HOUSING)
        answer = line(town, f"{HOUSING}#housing")
        assert (answer["status"], answer.get("involvements", [])) == ("review", [])

    def test_those_who_live_with_them_are_protected_too(self, town: Network) -> None:
        child = {"family_name": "Hartley", "birth_date": "2019-05-06", "nhs_number": GRACE.nhs_number}
        declare(town, household=[child])
        (row,) = line(town, subject=child)["involvements"]
        assert row["organisation"] == NEUTRAL_TEXT

    def test_neither_size_nor_members_tell_what_was_there(self, town: Network) -> None:
        unrestricted = PeerHand(network=town, agreement=agreement_of(town)).ask()
        declare(town)
        long = replace(REFUGE, organisation="A" * 150, worker="B" * 90, role="C" * 120, service_type="D" * 40)
        sizes, rows = set(), []
        for contact in (REFUGE, long):
            tell(town, contact)
            hand = PeerHand(network=town, agreement=agreement_of(town))
            body = hand.ask()
            sizes.add(len(json.dumps(body)))
            rows.append(body["involvements"])
        assert sizes == {len(json.dumps(unrestricted))}
        assert rows[0] == rows[1]
        assert list(rows[0][0]) == list(unrestricted["involvements"][0])


def agreement_of(network: Network) -> AgreementRef:
    """Return the agreement on lookups that the nodes hold."""
    standings = network.nodes[TRUST].agreements.standings(now=network.clock.now())
    return next(each.agreement.ref for each in standings if each.agreement.id != "safe")


@pytest.mark.holds("S9", "A47")
class TestReleases:
    def test_an_authorised_recipient_is_told_where_links_were_declared(self, authorised: Network) -> None:
        declare(authorised, alleged_perpetrators=[MAN])
        (row,) = line(authorised)["involvements"]
        assert (row["organisation"], row["phone"]) == ("Ash Lane Refuge", TELEPHONE)

    def test_a_linked_recipient_is_not(self, authorised: Network) -> None:
        declare(authorised, linked=[ASKER])
        assert line(authorised)["involvements"][0]["organisation"] == NEUTRAL_TEXT

    def test_a_recipient_that_is_involved_with_him_is_not(self, authorised: Network) -> None:
        declare(authorised, alleged_perpetrators=[MAN])
        line(authorised, subject=MAN)
        (row,) = line(authorised)["involvements"]
        assert row["organisation"] == NEUTRAL_TEXT
        assert any("location:recipient_linked" in leaf["reasons"] for leaf in answers_of(authorised))

    def test_a_service_of_the_node_itself_that_knows_him_is_linked(self, authorised: Network) -> None:
        hidden = {"family_name": "Farrow", "given_names": "Lena", "birth_date": "1990-04-02"}
        client = declare(authorised, COUNCIL, subject=hidden, alleged_perpetrators=[SUBJECT], texts=[], telephones=[])
        (listed,) = get(client, "restrictions").get_json()["items"]
        assert listed["links"] == 4  # he himself, and the three services of the council that work with him
        places = build_places(authorised.nodes[COUNCIL].settings, authorised.nodes[COUNCIL].store, vault_of(authorised))
        subject, now = parse_subject(hidden, this_year=2026), authorised.clock.now()
        service = BY_ENTITY[COUNCIL].services[0].service
        for slug, is_linked in (("youth-justice", True), (service, False)):
            holder = parse_service_ref(f"{COUNCIL}#{slug}")
            finding = places.of_question(subject, service=ServiceSlug(service), holder=holder, now=now)
            assert finding is not None
            assert finding.restriction.is_linked is is_linked

    def test_with_nothing_declared_only_a_named_person_releases(self, authorised: Network) -> None:
        client = declare(authorised)
        assert line(authorised)["involvements"][0]["organisation"] == NEUTRAL_TEXT
        assert line(authorised)["involvements"][0]["organisation"] == NEUTRAL_TEXT
        (task,) = get(client, "place-releases").get_json()["items"]
        assert (task["recipient"], task["record"], task["state"]) == (ASKER, "case-7", "open")
        (item,) = get(client, "work-list").get_json()["items"]
        assert (item["kind"], item["service"], item["id"]) == ("place-release", ASKER, task["id"])
        until = (authorised.clock.now() + timedelta(days=30)).isoformat()
        body = {"release": True, "until": until, "reason": "She has no contact with him.", "practitioner": NURSE}
        decided = post(client, f"place-releases/{task['id']}", body)
        assert (decided.status_code, decided.get_json()["state"]) == (200, "released")
        assert line(authorised)["involvements"][0]["organisation"] == "Ash Lane Refuge"
        assert get(client, "work-list").get_json()["items"] == []
        declined = {"release": False, "reason": "It was a mistake.", "practitioner": SECOND}
        assert post(client, f"place-releases/{task['id']}", declined).get_json()["state"] == "declined"
        assert line(authorised)["involvements"][0]["organisation"] == NEUTRAL_TEXT

    def test_a_task_of_another_service_is_not_found(self, authorised: Network) -> None:
        client = declare(authorised)
        line(authorised)
        (task,) = get(client, "place-releases").get_json()["items"]
        body = {"release": False, "reason": "Not ours.", "practitioner": NURSE}
        assert post(authorised.case_client(), f"place-releases/{task['id']}", body).status_code == 404


@pytest.mark.holds("S9", "A47")
class TestWhatIsSent:
    def test_a_question_tells_no_address_and_no_team(self, town: Network) -> None:
        line(town, subject=NAMED)
        before = sent_to(town, TRUST)[-1]
        assert (before["practitioner"]["org_unit"], before["subject"]["address"]["postcode"]) == (
            "north-team",
            "YO7 1AB",
        )
        declare(town, COUNCIL)
        line(town, subject=NAMED, practitioner={**NURSE, "call_back": "01632 960117"})
        after = sent_to(town, TRUST)[-1]
        assert not {"address", "upn"} & after["subject"].keys()
        assert (after["practitioner"]["org_unit"], after["practitioner"]["call_back"]) == (NEUTRAL_TEXT, DESK)
        assert "YO7 1AB" not in json.dumps(after)

    def test_an_alert_tells_no_address_and_shows_where_a_text_tells_one(self, town: Network) -> None:
        client = declare(town, COUNCIL)
        statement = alert()["statements"][0]
        with capture_logs() as logs:
            bad = alert(statements=[{**statement, "text": f"He is now at {STREET}, ring {TELEPHONE}."}])
            refused = post(client, "alerts", bad, key="the-first-key-of-ours")
        assert refused.status_code == 403, refused.text
        assert "statements[0].text: has a restricted value at characters 14 to 24" in refused.text
        assert not any(secret in refused.text + json.dumps(logs) for secret in SECRETS)
        persons = [{**alert()["persons"][0], "subject": NAMED}]
        sent = post(client, "alerts", alert(persons=persons), key="the-second-key-of-ours")
        assert sent.status_code == 201, sent.text
        town.nodes[COUNCIL].delivery.relay.drain()
        claims = sent_to(town, TRUST)[-1]
        assert not {"address", "upn"} & claims["persons"][0]["subject"].keys()
        assert claims["practitioner"]["call_back"] == DESK
        assert not any(secret in said_by(town) for secret in SECRETS)

    def test_an_alert_that_was_queued_before_is_held(self, town: Network) -> None:
        client = town.case_client()
        listed = {**CLAUSES[0], "subject_by_holder": {TEAM: ["family_name", "birth_date", "postcode"]}}
        document = town.document(id="safe", version=2, purposes=[{"code": SAFEGUARDING, "description": "Safety."}])
        town.agree({**document, "clauses": [listed]})
        submission = post(client, "alerts", alert()).get_json()["id"]
        declare(town, COUNCIL)
        town.nodes[COUNCIL].delivery.relay.drain()
        (delivery,) = get(client, f"alerts/{submission}").get_json()["deliveries"]
        assert delivery["state"] == "held", delivery
        assert not any(secret in said_by(town) for secret in SECRETS)

    def test_an_authorised_recipient_gets_the_address_and_is_told_that_it_is_restricted(
        self, authorised: Network
    ) -> None:
        declare(authorised, COUNCIL, alleged_perpetrators=[MAN])
        client = authorised.case_client()
        listed = {
            **CLAUSES[0],
            "location_recipients": [TEAM],
            "subject_by_holder": {TEAM: ["family_name", "birth_date", "postcode"]},
        }
        purposes = [{"code": SAFEGUARDING, "description": "Safety."}]
        authorised.agree({**authorised.document(id="safe", version=2, purposes=purposes), "clauses": [listed]})
        body = alert(persons=[{**alert()["persons"][0], "subject": {**SUBJECT, "address_restricted": True}}])
        assert post(client, "alerts", body).status_code == 201
        authorised.nodes[COUNCIL].delivery.relay.drain()
        claims = sent_to(authorised, TRUST)[-1]
        assert claims["persons"][0]["subject"]["address"] == {"postcode": "YO7 1AB"}
        assert claims["handling"]["restricted_address"] is True
        (item,) = get(authorised.case_client(TRUST), "inbox").get_json()["items"]
        whole = get(authorised.case_client(TRUST), f"inbox/{item['id']}").get_json()
        assert whole["document"]["persons"][0]["subject"]["address"] == {"postcode": "YO7 1AB"}
        assert whole["document"]["restricted_address"] is True
        assert line(authorised)["involvements"][0]["organisation"] == NEUTRAL_TEXT  # the recipient tells no one else


@pytest.mark.holds("S9")
class TestKeeping:
    def test_two_people_lift_a_restriction(self, town: Network) -> None:
        client = declare(town)
        (listed,) = get(client, "restrictions").get_json()["items"]
        path = f"restrictions/{listed['id']}/lift"
        ask = {
            "reason": "He moved to a place that all may know.",
            "practitioner": NURSE,
            "from_service": "mental-health",
        }
        assert post(client, path, ask).get_json()["lift_asked"] is True
        assert post(client, path, ask).status_code == 403
        assert line(town)["involvements"][0]["organisation"] == NEUTRAL_TEXT
        assert post(client, path, {**ask, "practitioner": SECOND}).get_json()["state"] == "lifted"
        assert line(town)["involvements"][0]["organisation"] == "Ash Lane Refuge"
        assert post(client, path, {**ask, "practitioner": SECOND}).status_code == 403

    def test_a_client_lists_and_lifts_its_own_alone(self, town: Network) -> None:
        (mine,) = get(declare(town), "restrictions").get_json()["items"]
        other = town.case_client(TRUST)
        assert get(other, "restrictions").get_json()["items"] == []
        body = {"reason": "Mine.", "practitioner": NURSE, "from_service": "mental-health"}
        assert post(other, f"restrictions/{mine['id']}/lift", body).status_code == 404

    def test_every_fault_of_a_declaration_is_named_without_a_value(self, town: Network) -> None:
        client = town.case_client(TRUST)
        body = {
            "subject": {"family_name": "Hartley", "nhs_number": "12"},
            "household": [{"nhs_number": "13"}],
            "reason": "r",
            "case_ref": "C-1",
            "practitioner": NURSE,
            "linked": ["nowhere"],
            "texts": ["Oak"],
        }
        answer = post(client, "restrictions", body)
        members = {fault["member"] for fault in answer.get_json()["faults"]}
        assert members == {"subject.nhs_number", "household[0].nhs_number", "linked[0]", "texts[0]"}
        vague = {**body, "subject": {"family_name": "Hartley"}, "household": [], "linked": [], "texts": []}
        assert post(client, "restrictions", vague).status_code == 403

    def test_the_store_holds_no_restricted_value_in_clear(self, town: Network) -> None:
        declare(town)
        line(town)
        for path in (town.folder_of(TRUST) / "data").iterdir():
            content = path.read_bytes()
            assert not any(secret.encode() in content for secret in SECRETS)


@pytest.mark.holds("A45", "A47", "S9")
def test_a_place_restricted_between_question_and_repeat_is_hidden(town: Network) -> None:
    hand = PeerHand(network=town, agreement=agreement_of(town))
    question = hand.signed()
    (row,) = reply_body(hand.post(question))["involvements"]
    assert row["organisation"] == REFUGE.organisation
    declare(town)
    again = reply_body(hand.post(question))
    assert again["involvements"][0]["organisation"] == NEUTRAL_TEXT
    assert not any(secret in json.dumps(again) for secret in SECRETS)


@pytest.mark.holds("A45", "A47")
def test_a_mark_of_the_case_system_since_the_question_is_obeyed(town: Network) -> None:
    hand = PeerHand(network=town, agreement=agreement_of(town))
    question = hand.signed()
    hand.post(question)
    tell(town, REFUGE, is_flagged=True)
    assert reply_body(hand.post(question))["involvements"][0]["organisation"] == NEUTRAL_TEXT


def test_what_the_case_system_says_of_its_work_meanwhile_changes_no_repeat(town: Network) -> None:
    hand = PeerHand(network=town, agreement=agreement_of(town))
    question = hand.signed()
    first = hand.post(question)
    tell(town, replace(REFUGE, worker="Ines Marlow"))
    assert hand.post(question).body == first.body
