"""Scenario S2: a key worker witnesses domestic abuse, and each service is told only its own part."""

from collections.abc import Mapping
from typing import Final

from gateway.demo.agencies import COLLEGE, hosted_service
from gateway.demo.case_systems import intake
from gateway.demo.case_systems.records import CaseService
from gateway.demo.story.incident import RECIPIENTS, Family, family
from gateway.demo.story.incident_outcomes import decide, poll_charity, refer_to_alternative, show_outcomes
from gateway.demo.story.incident_page import ARRIVED, IncidentPage, send_incident, states_of
from gateway.demo.story.incident_preview import preview, sign_agreement
from gateway.demo.story.lost_message import lose_and_find
from gateway.demo.story.received import ReceivedMessage, received_messages
from gateway.demo.story.scene import Scene
from gateway.demo.story.search import search_without_keys
from trust.agreements.clause import Clause

OFFLINE: Final = "school-notice"
"""The step whose recipient's node is stopped while the incident is sent."""
POLLED: Final = "advocacy"
"""The step whose recipient's case system fetches its messages."""
_BEFORE_ANYONE_READS: Final = dict.fromkeys(RECIPIENTS, ARRIVED) | {OFFLINE: "queued", POLLED: "stored"}


def tell(scene: Scene) -> None:
    """Tell the second story, from the agreement to the last outcome."""
    narrator, people = scene.narrator, family(scene.truth)
    narrator.section("7. S2: Connecting Families")
    narrator.say(
        f"On a visit the key worker sees {people.mother.name} being hurt by {people.partner.name}; two children are in "
        "the flat. She describes the incident once. The play says who is told what, in which order, and what happens "
        "if the mother says no."
    )
    narrator.gap()
    clauses = sign_agreement(scene)
    page = _send(scene, people, preview(scene, clauses, people))
    _college_returns(page)
    _charity_polls(page)
    _compare_case_systems(scene, clauses, people)
    lose_and_find(page)
    narrator.gap()
    with narrator.step("six people on duty sign in at their own agencies, read their message, and decide"):
        outcomes = decide(page)
    show_outcomes(page, outcomes)
    refer_to_alternative(scene, people)
    narrator.gap()
    narrator.say("The nodes keep what they sent and received sealed; the search without a key, once more:")
    narrator.gap()
    search_without_keys(scene)


def _send(scene: Scene, people: Family, consent: str) -> IncidentPage:
    narrator = scene.narrator
    narrator.gap()
    with narrator.step(f"stop the node of {COLLEGE.name}"):
        scene.federation.stop_node(COLLEGE)
    with narrator.step("the key worker confirms all six steps; each becomes one signed message"):
        page = send_incident(scene, people, consent)
        at_once = page.deliveries()
        deliveries = page.wait(lambda steps: states_of(steps) == _BEFORE_ANYONE_READS)
    narrator.say(f"Her page, from the first second: {at_once['police'].get('advice', '')}", indent=4)
    narrator.gap()
    page.show(deliveries)
    narrator.gap()
    narrator.expect(
        "the page says by when to ring which number if no one rings back",
        holds=f"ring {hosted_service(CaseService.POLICE).duty_phone}" in at_once["police"].get("advice", ""),
        instead=at_once["police"].get("advice"),
    )
    states = states_of(deliveries)
    narrator.expect(
        "four are in their case systems, which list them; the charity's waits until its case system polls",
        holds=_without(OFFLINE, states) == _without(OFFLINE, _BEFORE_ANYONE_READS),
        instead=states,
    )
    narrator.expect(
        "the college's waits in the council's outbox, and held up no other",
        holds=states[OFFLINE] == "queued",
        instead=states[OFFLINE],
    )
    return page


def _without(step: str, states: Mapping[str, str]) -> Mapping[str, str]:
    return {name: state for name, state in states.items() if name != step}


def _compare_case_systems(scene: Scene, clauses: Mapping[str, Clause], people: Family) -> None:
    """Compare what each case system has with the clause, once each of them has its message."""
    narrator, root = scene.narrator, scene.federation.root
    narrator.gap()
    narrator.say("What each case system really has, read from its own database, folder or file:")
    narrator.gap()
    rows, faults = [], {}
    for step, service in RECIPIENTS.items():
        name, messages = hosted_service(service).name, received_messages(scene.systems, root, service)
        rows += [(name, *_table_cells(message, people)) for message in messages]
        faults[name] = [fault for each in messages for fault in each.faults(clauses[step], people)]
        if len(messages) != 1:
            faults[name].append(f"it has {len(messages)} messages")
    narrator.table(("case system", "persons", "fields", "its first statement"), rows)
    narrator.gap()
    narrator.expect_each("each has its own part, once, and nothing else of the family or the incident", faults)


def _table_cells(message: ReceivedMessage, people: Family) -> tuple[str, str, str]:
    persons = ", ".join(people.given_names[ref].split()[0] for ref in sorted(message.refs))
    first = str(message.document["statements"][0]["text"])
    return persons, str(len(message.fields)), f"{first[:52].rstrip()}..."


def _college_returns(page: IncidentPage) -> None:
    scene, narrator = page.scene, page.scene.narrator
    narrator.gap()
    folder = scene.systems.intakes[CaseService.COLLEGE]
    with narrator.step(f"start the node of {COLLEGE.name} again, and have its system import what arrives"):
        scene.federation.start_node(COLLEGE)
        before = page.wait(lambda _: any(folder.glob("*.json")))
        intake.import_notices(folder)
        after = page.wait(lambda steps: steps[OFFLINE]["state"] == ARRIVED)
    narrator.expect(
        "the notice is stored once its node is back, and in the case system once that has imported it",
        holds=before[OFFLINE]["state"] != ARRIVED and after[OFFLINE]["state"] == ARRIVED,
        instead=(before[OFFLINE]["state"], after[OFFLINE]["state"]),
    )


def _charity_polls(page: IncidentPage) -> None:
    count = poll_charity(page.scene)
    steps = page.wait(lambda steps: steps[POLLED]["state"] == ARRIVED)
    page.scene.narrator.expect(
        "the charity's case system fetches its message and acknowledges it",
        holds=count == 1 and steps[POLLED]["state"] == ARRIVED,
        instead=(count, steps[POLLED]["state"]),
    )
