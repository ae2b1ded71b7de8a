"""The federation after the story: things to try, and nodes that the visitor stops and starts.

A node that a visitor stops does not end the demo. SIGUSR1 makes the demo start it again, as its own child process.
"""

import os
import shlex
import signal
from collections.abc import Mapping
from contextlib import suppress
from threading import Event
from typing import Any, Final

from gateway.demo.agencies import ANCHOR_NAME, ASKER, COUNCIL, JOBCENTRE, MEMBERS
from gateway.demo.agreement import EARLY_HELP, KEY_WORKER
from gateway.demo.case_client import CLIENT_ID
from gateway.demo.commands import hearthgate
from gateway.demo.federation import ANCHOR, Federation
from gateway.demo.people.population import Group
from gateway.demo.people.truth import Person
from gateway.demo.processes import DemoError
from gateway.demo.story.benefits import question_body
from gateway.demo.story.scene import Scene, lookup_body
from gateway.lookups.case_api import LOOKUPS_PATH
from trust import strict_json

_HEALTH: Final = "/health/ready"
_POLL_S: Final = 0.5
_NODES: Final = {ANCHOR: ANCHOR_NAME} | {agency.slug: agency.name for agency in MEMBERS}
_PEOPLE: Final = {
    Group.EIGHT: "eight services",
    Group.THREE: "three services",
    Group.NONE: "no other service",
    Group.TWIN: "some; a twin, known to others",
}


def run_sandbox(scene: Scene) -> None:
    """Print addresses and things to try, and wait for Ctrl-C."""
    restart = Event()
    before = signal.signal(signal.SIGUSR1, lambda _number, _frame: restart.set())
    try:
        scene.narrator.section("The federation runs until you press Ctrl-C")
        _show_nodes(scene)
        _show_things_to_try(scene)
        with suppress(KeyboardInterrupt):
            _watch(scene, restart)
    finally:
        signal.signal(signal.SIGUSR1, before)


def _show_nodes(scene: Scene) -> None:
    narrator, federation = scene.narrator, scene.federation
    rows = [
        (
            name,
            f"https://127.0.0.1:{federation.ports[slug].peer}",
            f"https://127.0.0.1:{federation.ports[slug].case}" if slug != ANCHOR else "-",
            f"http://127.0.0.1:{federation.ports[slug].operations}{_HEALTH}",
        )
        for slug, name in _NODES.items()
    ]
    narrator.table(("node", "peer API", "case API", "health"), rows)
    narrator.gap()
    narrator.say(f"The truth about all residents: {federation.root / 'truth.json'}. Logs: {federation.root / 'logs'}.")


def _show_things_to_try(scene: Scene) -> None:
    narrator, federation = scene.narrator, scene.federation
    narrator.gap()
    narrator.say("Four things to try; copy each line into another terminal:")
    young_man = scene.truth.first(Group.YOUNG_MAN)
    lookup = _ask(federation, "young-man", lookup_body(young_man))
    narrator.gap()
    narrator.say(f"1. Ask which services work with {young_man.name}:")
    narrator.show(lookup)
    narrator.gap()
    person = next(each for each in scene.truth.people if _is_paid(each))
    narrator.say(f"2. Ask the Jobcentre whether {person.name}'s Universal Credit is in payment:")
    narrator.show(_ask(federation, "benefit", question_body(person, "in_payment")))
    narrator.gap()
    narrator.say(f"3. Stop the node of {JOBCENTRE.name}, ask again, and tell this demo to start it again:")
    narrator.show(_stop_line(federation, JOBCENTRE.slug), lookup, _start_line())
    narrator.gap()
    narrator.say("4. Ask about other residents, by file or at the terminal; the table has the truth about each:")
    people = {group: scene.truth.first(group) for group in _PEOPLE}
    rows = [(each.name, each.subject["birth_date"], _PEOPLE[group]) for group, each in people.items()]
    narrator.table(("resident", "birth date", "known to"), rows)
    narrator.show(*(_ask(federation, str(group), lookup_body(each)) for group, each in people.items()))
    narrator.show(_command(federation, "--purpose", EARLY_HELP, "--role", KEY_WORKER))
    narrator.gap()
    narrator.say("Or ask as a case system does. The token expires in ten minutes; the second command gets a new one:")
    narrator.show(*_curl(federation, lookup_body(young_man)), shlex.join(federation.case_client.token_command))


def _is_paid(person: Person) -> bool:
    return ASKER in person.works and person.pair is None and person.benefit["in_payment"] == "yes"


def _ask(federation: Federation, name: str, body: Mapping[str, Any]) -> str:
    """Write a question to a file, and return the command that asks it."""
    path = federation.papers / f"ask-{name}.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(strict_json.dumps(dict(body)))
    return _command(federation, str(path))


def _command(federation: Federation, *words: str) -> str:
    key = federation.case_client.key
    config = federation.config(COUNCIL.slug)
    return shlex.join(hearthgate("lookup", *words, "--config", config, "--client", CLIENT_ID, "--key", key))


def _stop_line(federation: Federation, slug: str) -> str:
    return f"kill {federation.processes.pid(slug)}"


def _start_line() -> str:
    return f"kill -USR1 {os.getpid()}"


def _curl(federation: Federation, body: Mapping[str, Any]) -> list[str]:
    host, port = COUNCIL.case_host, federation.ports[COUNCIL.slug].case
    return [
        f"curl --cacert {federation.ca} --connect-to {host}:443:127.0.0.1:{port} \\",
        f"  https://{host}{LOOKUPS_PATH} \\",
        f"  -H 'Authorization: Bearer {federation.case_client.new_token()}' \\",
        "  -H \"Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)\" -H 'Content-Type: application/json' \\",
        f"  --data {shlex.quote(strict_json.dumps(dict(body)).decode())}",
    ]


def _watch(scene: Scene, restart: Event) -> None:
    """Report servers that stop, and start them again on request, until interrupted."""
    stopped_names: list[str] = []
    while True:
        is_requested = restart.wait(_POLL_S)
        for name in scene.federation.processes.remove_ended():
            stopped_names.append(name)
            _report_stop(scene, name)
        if is_requested:
            restart.clear()
            _start_again(scene, stopped_names)


def _report_stop(scene: Scene, name: str) -> None:
    narrator = scene.narrator
    narrator.gap()
    if name not in _NODES:
        narrator.say(f"{name} has stopped. Its agency's node now answers that it cannot read its case system.")
    elif name == ANCHOR:
        narrator.say("The trust anchor has stopped. The nodes use their stored trust chains until these are too old.")
    else:
        narrator.say(f"The node of {_NODES[name]} has stopped. Its services now show no_reply; the others answer.")
    narrator.say("Start it again:")
    narrator.show(_start_line())


def _start_again(scene: Scene, stopped_names: list[str]) -> None:
    narrator, federation = scene.narrator, scene.federation
    narrator.gap()
    if not stopped_names:
        narrator.say("No node is stopped.")
    while stopped_names:
        name = stopped_names.pop()
        try:
            federation.start_again(name)
        except DemoError as error:
            narrator.say(str(error))
            continue
        narrator.say(f"{_NODES.get(name, name)} runs again. Stop it again:")
        narrator.show(_stop_line(federation, name))
