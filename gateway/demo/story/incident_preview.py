"""The agreement on domestic abuse, the play of the incident, and the preview that the key worker confirms."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from config.plays import Play, load_plays
from gateway.consents.case_api import PATH as CONSENTS_PATH
from gateway.demo.agencies import RESPONDERS
from gateway.demo.agreement import DOMESTIC_ABUSE, KEY_WORKER, PLAY
from gateway.demo.processes import DemoError
from gateway.demo.story.incident import Family, consent_bodies, incident_body
from gateway.demo.story.scene import Scene
from gateway.plays.case_api import PLAYS_PATH
from trust.agreements.agreement import Agreement, parse_agreement
from trust.agreements.clause import Clause
from trust.identifiers import RoleCode

PLAY_PATH: Final = f"{PLAYS_PATH}/{PLAY.stem}"
_OK: Final = 200
_CREATED: Final = 201

Step = Mapping[str, Any]
"""One step of a preview, as the case API returns it."""


def sign_agreement(scene: Scene) -> Mapping[str, Clause]:
    """Sign the agreement as each party, and return the clause of each step of the play."""
    narrator, federation, play = scene.narrator, scene.federation, _play()
    steps = {step.id for step in play.steps}
    before = _faults_of_play(scene)
    narrator.expect(
        f"before anyone signs, the node says of each of the {len(steps)} steps that nothing permits it",
        holds={fault["step"] for fault in before} == steps,
        instead=before,
    )
    document = federation.write_agreement(scene.today, DOMESTIC_ABUSE)
    agreement = parse_agreement(document.read_bytes())
    narrator.say(f'"{agreement.title}" ({agreement.id} version {agreement.version}, {len(agreement.clauses)} clauses).')
    with narrator.step("five parties sign it, and each adds it at its node with all signatures"):
        signatures = list(federation.sign(document, RESPONDERS).values())
        outputs = federation.add_agreement(document, signatures, RESPONDERS)
    narrator.expect(
        "every party's node reports that the agreement is in force",
        holds=all("It is in force until" in output for output in outputs),
        instead=outputs,
    )
    after = _faults_of_play(scene)
    narrator.expect("the node now finds no fault in the play", holds=not after, instead=after)
    return _clauses_by_step(play, agreement)


def preview(scene: Scene, clauses: Mapping[str, Clause], people: Family) -> str:
    """Show what each step would send: without the mother's consent, and with it. Return the id of hers."""
    narrator = scene.narrator
    unsigned = _preview(scene, people, consent=None)
    refused = {name for name, step in unsigned.items() if step["state"] == "refused"}
    narrator.expect(
        "without the mother's consent the advocate and the home are refused, and nothing else is",
        holds=refused
        == {name for name, clause in clauses.items() if clause.consent_roles}
        == {"advocacy", "rehousing"},
        instead={name: step["state"] for name, step in unsigned.items()},
    )
    home = unsigned["rehousing"]
    narrator.say(f"For the home: {home.get('refusal', '')} {home.get('remedy', '')}", indent=4)
    narrator.gap()
    with narrator.step("she signs; the key worker records her consent, and one for each child, at the council's node"):
        consent, *_ = [_record(scene, body) for body in consent_bodies(people)]
    _show_end_of(scene, consent, clauses)
    _show_steps(scene, _preview(scene, people, consent=consent), clauses, people)
    return consent


def _show_steps(scene: Scene, steps: Mapping[str, Step], clauses: Mapping[str, Clause], people: Family) -> None:
    narrator = scene.narrator
    narrator.gap()
    narrator.say("The preview shows what each service would be sent; nothing has left yet:")
    narrator.gap()
    narrator.table(
        ("step", "urgency", "to", "persons", "if she says no", "clause"),
        [
            (
                name,
                step["urgency"],
                f"{step.get('service_name', '')}, {step.get('organisation', '')}",
                ", ".join(people.given_names[ref].split()[0] for ref in step.get("persons", [])),
                step["if_victim_says_no"],
                step.get("clause", ""),
            )
            for name, step in steps.items()
        ],
    )
    narrator.gap()
    for name, step in steps.items():
        narrator.say(f"{name}: {', '.join(step.get('fields', []))}", indent=4)
    narrator.say(f"law of the home: {steps['rehousing'].get('law')}", indent=4)
    narrator.expect_each(
        "each step is ready, names its clause and law, and has no field beyond the clause",
        {name: _faults_of_step(step, clauses[name]) for name, step in steps.items()},
    )


def _record(scene: Scene, body: dict[str, Any]) -> str:
    """Record one person's consent, and return its id."""
    response = scene.federation.case_client.send("POST", CONSENTS_PATH, body)
    if response.status != _CREATED:
        raise DemoError(f"A consent was not recorded ({response.status}): {response.body.decode()}")
    return str(response.document["id"])


def _show_end_of(scene: Scene, consent: str, clauses: Mapping[str, Clause]) -> None:
    """Show what would end with the mother's consent, in the words that are safe to read out to her."""
    response = scene.federation.case_client.send("GET", f"{CONSENTS_PATH}/{consent}/preview")
    if response.status != _OK:
        raise DemoError(f"The preview of a consent failed with {response.status}: {response.body.decode()}")
    stops = {each["clause"] for each in response.document["stops"]}
    resting = {str(clause.id) for clause in clauses.values() if clause.consent_roles}
    scene.narrator.say("What would stop if she changed her mind, as it may be read out to her:", indent=4)
    for text in response.document["read_out"]:
        scene.narrator.say(text, indent=6)
    scene.narrator.expect(
        "it names what rests on her consent, and neither the police nor an enquiry about the children",
        holds=resting <= stops and not [text for text in response.document["read_out"] if "olice" in text],
        instead=response.document,
    )


def _play() -> Play:
    (play,) = load_plays(PLAY.parent)
    return play


def _clauses_by_step(play: Play, agreement: Agreement) -> Mapping[str, Clause]:
    clauses = {str(clause.id): clause for clause in agreement.clauses}
    return {step.id: clauses[str(step.clause)] for step in play.steps}


def _faults_of_play(scene: Scene) -> Sequence[Mapping[str, str]]:
    response = scene.federation.case_client.send("GET", PLAY_PATH)
    if response.status != _OK:
        raise DemoError(f"The play was not found ({response.status}): {response.body.decode()}")
    return list(response.document.get("faults", []))


def _preview(scene: Scene, people: Family, *, consent: str | None) -> Mapping[str, Step]:
    body = incident_body(people, consent=consent)
    response = scene.federation.case_client.send("POST", f"{PLAY_PATH}/preview", body)
    if response.status != _OK:
        raise DemoError(f"The preview failed with {response.status}: {response.body.decode()}")
    return {step["step"]: step for step in response.document["steps"]}


def _faults_of_step(step: Step, clause: Clause) -> list[str]:
    if step["state"] != "ready":
        return [f"it is {step['state']}: {step.get('refusal') or step.get('missing')}"]
    faults = [] if (step["clause"], step["law"]) == (clause.id, clause.law) else [f"its clause is {step['clause']}"]
    more = set(step["fields"]) - clause.fields_by_role[RoleCode(KEY_WORKER)]
    return faults + ([f"beyond the clause: {', '.join(sorted(more))}"] if more else [])
