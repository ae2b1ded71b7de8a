"""Break-glass: an emergency passes this agency's own limits, the holder is told, and a second person reviews it."""

import re
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from werkzeug.http import parse_dict_header
from werkzeug.test import TestResponse

from config.loading import ConfigError
from config.settings import NodeSettings
from gateway.accountability.break_glass import ASKED_BY_BREAK_GLASS, BREAK_GLASS, UNREVIEWED, BreakGlassNotice
from gateway.accountability.disclosures import Disclosures
from gateway.administration import break_glass
from gateway.administration.errors import OperationRefused
from gateway.app.on_call import build_break_glass
from gateway.store.tables import flags
from tests.gateway.delivery.servers import HOST, Mailbox, mail_server, server_context
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.settings_files import read_node
from tests.simulator.sign_in import sign_in
from tests.simulator.town import AGREEMENT, ASKER, BY_ENTITY, COUNCIL, KNOWN, TRUST
from tests.support.tls import make_authority
from trust.identifiers import EntityId

REASON = "She was seen leaving with him and does not answer her telephone."
EMERGENCY = {"code": "life-at-risk", "reason": REASON}
REVIEWERS = """
[break_glass]
reviewer = "M. Example"
reviewer_id = "u-0417"
manager = "D. Example"
manager_id = "u-0002"
"""


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Network]:
    """Give the council, which allows one question an hour and names reviewers, and the trust."""
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]])
    network.agree()
    file = network.folder_of(COUNCIL) / "hearthgate.toml"
    text = file.read_text().replace("1000000", "1", 1).replace("1000000", "1", 1)
    file.write_text(text + REVIEWERS)
    network.start(COUNCIL)
    yield network
    network.close()


@pytest.fixture
def system(town: Network) -> CaseClient:
    return town.case_client()


def ask(town: Network, system: CaseClient, *, person: str = "n-7", key: str = "", **sign: Any) -> TestResponse:
    """Ask as a person who signed in, by break-glass unless another body says so."""
    emergency, more = sign.pop("break_glass", EMERGENCY), sign.pop("body", {})
    body = {each: value for each, value in system.body(wait_s=20.0, **more).items() if each != "practitioner"}
    if emergency is not None:
        body["break_glass"] = emergency
    headers = sign_in(
        town, system, person, entity=COUNCIL, service=ASKER.partition("#")[2], jti=token_urlsafe(9), **sign
    )
    headers["Idempotency-Key"] = key or token_urlsafe(16)
    return system.http.post("/case/v1/lookups", base_url=system.base_url, json=body, headers=headers)


def raised(town: Network, entity: EntityId) -> set[str]:
    return {flag.code for flag in town.nodes[entity].store.read(flags.list_open)}


def settings(town: Network) -> NodeSettings:
    return read_node(town.folder_of(COUNCIL) / "hearthgate.toml")


@pytest.mark.holds("S15")
@pytest.mark.holds("A52")
def test_an_emergency_passes_the_agencys_own_limit_and_everyone_is_told(
    town: Network, system: CaseClient, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(town, system, break_glass=None).status_code == 201
    assert ask(town, system, break_glass=None).status_code == 429
    answer = ask(town, system)
    assert answer.status_code == 201, answer.text
    lines = {line["service"]: line for line in answer.get_json()["answers"]}
    assert lines[f"{TRUST}#mental-health"]["status"] == "known"
    assert BREAK_GLASS in raised(town, COUNCIL)
    assert raised(town, TRUST) == {ASKED_BY_BREAK_GLASS}
    [use] = break_glass.list_uses(settings(town), with_reviewed=False).data["uses"]
    assert (use["id"], use["code"], use["reason"]) == (answer.get_json()["id"], "life-at-risk", REASON)
    [request] = [each.body for each, _ in town.wire.messages(TRUST)][-1:]
    assert REASON.encode() not in request
    logs = capsys.readouterr().err
    assert ("/case/v1/lookups" in logs, REASON in logs, "n-7" in logs) == (True, False, False)


@pytest.mark.holds("A52")
@pytest.mark.parametrize(
    ("notice", "recipient", "sentence"),
    [
        (BreakGlassNotice.USED, "m.example@council.example", "Review it within 72 hours"),
        (BreakGlassNotice.UNREVIEWED, "d.example@council.example", "was not reviewed within 72 hours"),
    ],
)
def test_the_reviewer_and_late_their_manager_are_told_by_mail(
    town: Network, tmp_path: Path, notice: BreakGlassNotice, recipient: str, sentence: str
) -> None:
    authority, box = make_authority(tmp_path), Mailbox()
    with mail_server(box, tls=server_context(authority, HOST)) as port:
        tables = [
            f'[break_glass.{name}]\nhost = "{HOST}"\nport = {port}\nca = "{authority.certificate}"\n'
            f'sender = "hearthgate@council.example"\nrecipients = ["{each}.example@council.example"]\n'
            for name, each in (("mail", "m"), ("manager_mail", "d"))
        ]
        file = town.folder_of(COUNCIL) / "hearthgate.toml"
        file.write_text(file.read_text() + "".join(tables))
        told = build_break_glass(settings(town), town.nodes[COUNCIL].store, lambda work: work())
        told.notify(notice, "lookup-of-an-emergency", town.clock.now())
    ((recipients, text),) = box.messages
    assert (recipients, sentence in text, REASON in text) == ([recipient], True, False)


@pytest.mark.holds("A52")
@pytest.mark.parametrize(
    ("sign", "status"),
    [
        ({"minutes_ago": 6}, 401),
        ({"factor_stated": False}, 401),
        ({"break_glass": {"code": "life-at-risk"}}, 422),
        ({"break_glass": {"code": "life-at-risk", "reason": " "}}, 422),
        ({"break_glass": {"code": "curious", "reason": REASON}}, 422),
    ],
)
def test_it_needs_a_reason_and_a_fresh_sign_in(
    town: Network, system: CaseClient, sign: dict[str, Any], status: int
) -> None:
    asked = town.count(TRUST, "mental-health")
    answer = ask(town, system, **sign)
    assert answer.status_code == status, answer.text
    assert asked.finds == 0
    assert not break_glass.list_uses(settings(town), with_reviewed=True).data["uses"]


@pytest.mark.holds("A52")
def test_no_case_system_speaks_for_a_person(town: Network, system: CaseClient) -> None:
    answer = system.post_lookup(system.body(break_glass=EMERGENCY))
    assert (answer.status_code, answer.get_json()["code"]) == (401, "step-up-required")
    challenge = parse_dict_header(answer.headers["WWW-Authenticate"].removeprefix("Bearer "))
    assert (challenge["error"], challenge["max_age"]) == ("insufficient_user_authentication", "300")


def test_an_ordinary_lookup_is_not_repeated_as_one(town: Network, system: CaseClient) -> None:
    assert ask(town, system, break_glass=None, key="0123456789abcdef").status_code == 201
    assert ask(town, system, key="0123456789abcdef").status_code == 422


@pytest.mark.holds("A52")
def test_an_unreviewed_use_suspends_that_person_alone_and_tells_the_manager(town: Network, system: CaseClient) -> None:
    first = ask(town, system).get_json()["id"]
    rounds = town.nodes[COUNCIL].keeper
    town.clock.forward(hours=71.9)
    rounds.escalate_break_glass(town.clock.now())
    assert UNREVIEWED not in raised(town, COUNCIL)
    town.clock.forward(hours=0.2)
    for entity in town.nodes:
        town.enrol(entity)
    rounds.escalate_break_glass(town.clock.now())
    assert UNREVIEWED in raised(town, COUNCIL)
    town.start(COUNCIL)
    refused = ask(town, system)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "break-glass-suspended")
    assert "M. Example or D. Example" in refused.get_json()["detail"]
    other = ask(town, town.case_client())
    assert (other.status_code, other.get_json()["code"]) == (403, "break-glass-suspended")
    assert ask(town, system, person="n-8").status_code == 201
    break_glass.plan_review(
        settings(town), first, reviewer="D. Example", reason="He was arrested.", justified=True
    ).apply()
    assert ask(town, system).status_code == 201


@pytest.mark.holds("A52")
def test_a_second_person_reviews_it(town: Network, system: CaseClient) -> None:
    mine = ask(town, system, person="u-0417").get_json()["id"]
    with pytest.raises(OperationRefused, match="The person who asked cannot review this"):
        break_glass.plan_review(settings(town), mine, reviewer="M. Example", reason="I know.", justified=True)
    with pytest.raises(OperationRefused, match=r"names M\. Example and D\. Example"):
        break_glass.plan_review(settings(town), mine, reviewer="A. Stranger", reason="Fine.", justified=True)
    break_glass.plan_review(
        settings(town), mine, reviewer="D. Example", reason="No emergency.", justified=False
    ).apply()
    assert ask(town, system, person="u-0417").status_code == 403
    with pytest.raises(OperationRefused, match="Only the reviewer's manager"):
        break_glass.plan_lift(settings(town), mine, manager="M. Example", reason="She is sorry.")
    break_glass.plan_lift(settings(town), mine, manager="D. Example", reason="She was trained.").apply()
    assert ask(town, system, person="u-0417").status_code == 201
    with pytest.raises(OperationRefused, match="was reviewed on"):
        break_glass.plan_review(settings(town), mine, reviewer="D. Example", reason="Again.", justified=True)


@pytest.mark.holds("A52")
def test_a_person_has_no_more_uses_than_may_wait_for_a_review(town: Network, system: CaseClient) -> None:
    uses = [ask(town, each).get_json()["id"] for each in (system, system, town.case_client())]
    refused = ask(town, system)
    assert (refused.status_code, refused.get_json()["code"]) == (403, "break-glass-suspended")
    assert "3 uses of this person wait for a review by M. Example or D. Example" in refused.get_json()["detail"]
    review: dict[str, Any] = {"reviewer": "M. Example", "reason": "He was arrested.", "justified": True}
    break_glass.plan_review(settings(town), uses[0], **review).apply()
    assert ask(town, system).status_code == 201


@pytest.mark.holds("A52")
def test_the_holders_account_of_disclosures_shows_it(town: Network, system: CaseClient) -> None:
    assert ask(town, system).status_code == 201
    node = town.nodes[TRUST]
    disclosures = Disclosures(own=TRUST, store=node.store, key=node.vault.evidence_hmac_key())
    (entry,) = disclosures.about_person(KNOWN).disclosures
    assert "break_glass:life-at-risk" in entry.reasons


@pytest.mark.parametrize("manager", ['manager = "m. example"', 'manager_id = "https://login.example#U-0417"'])
def test_reviewer_and_manager_are_two_people(town: Network, manager: str) -> None:
    name = manager.partition(" =")[0]
    file = town.folder_of(COUNCIL) / "hearthgate.toml"
    file.write_text(re.sub(rf"(?m)^{name} = .*$", manager, file.read_text()))
    with pytest.raises(ConfigError, match="reviewer and manager must be two people"):
        settings(town)


@pytest.mark.holds("A52")
def test_the_holder_is_told_of_a_question_that_it_refuses_too(tmp_path: Path) -> None:
    withdrawn = [
        {"agreement": AGREEMENT, "clause": clause, "reason": "A review is under way."}
        for clause in ("who-else", "who-else-sensitive")
    ]
    network = Network(tmp_path, [BY_ENTITY[COUNCIL], BY_ENTITY[TRUST]], restrictions={"mental-health": withdrawn})
    assert network.agree().id == AGREEMENT
    file = network.folder_of(COUNCIL) / "hearthgate.toml"
    file.write_text(file.read_text() + REVIEWERS)
    network.start(COUNCIL)
    answer = ask(network, network.case_client())
    [line] = [each for each in answer.get_json()["answers"] if each["service"].startswith(TRUST)]
    assert (line["status"], raised(network, TRUST)) == ("refused", {ASKED_BY_BREAK_GLASS})
    network.close()


@pytest.mark.holds("A52")
def test_a_manager_lifts_no_suspension_of_their_own(town: Network, system: CaseClient) -> None:
    mine = ask(town, system, person="u-0002").get_json()["id"]
    with pytest.raises(OperationRefused, match="The person who asked cannot review this"):
        break_glass.plan_review(settings(town), mine, reviewer="D. Example", reason="I know.", justified=True)
    break_glass.plan_review(
        settings(town), mine, reviewer="M. Example", reason="No emergency.", justified=False
    ).apply()
    with pytest.raises(OperationRefused, match="The person who asked cannot review this"):
        break_glass.plan_lift(settings(town), mine, manager="D. Example", reason="I am sorry.")


@pytest.mark.parametrize("name", ["reviewer_id", "manager_id"])
def test_a_configuration_without_an_id_says_which_is_missing(town: Network, name: str) -> None:
    file = town.folder_of(COUNCIL) / "hearthgate.toml"
    file.write_text(re.sub(rf"(?m)^{name} = .*$", "", file.read_text()))
    with pytest.raises(ConfigError, match=rf"break_glass\.{name}: this setting is required"):
        settings(town)


def test_without_a_reviewer_there_is_none(pair: Network) -> None:
    answer = ask(pair, pair.case_client())
    assert answer.status_code == 403
    assert "has not named who reviews break-glass" in answer.get_json()["detail"]
