"""``hearthgate lookup``: ask the running node who else works with somebody, as its first case system does.

The person is described in a file, on standard input or at the prompt, and never on the command line: other accounts can
read that, and shells remember it.
"""

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import click

from config.settings import NodeSettings
from gateway.cli.client.case_face import CaseFaceClient, read_answer
from gateway.cli.context import config_option, load_node, opened_store
from gateway.cli.faults import Refused
from gateway.cli.files import MAX_INPUT, read_input
from gateway.cli.journal import record
from gateway.cli.outcome import Outcome, answers
from gateway.http.openapi import LOOKUPS_PATH
from gateway.ports import LocalClient
from gateway.store import clients
from trust import strict_json

_CREATED = 201
_SPARE_S = 5.0
_PERSON = (
    ("family_name", "Family name"),
    ("given_names", "Given names"),
    ("birth_date", "Date of birth (YYYY-MM-DD)"),
    ("nhs_number", "NHS number"),
)
_TEXTS = (
    ("reason", "Why is this needed? It stays at this node"),
    ("case_ref", "Your own reference for the case. It stays at this node"),
)


@click.command()
@click.argument("question", required=False, metavar="[FILE]")
@config_option
@click.option("--client", "client_id", help="The case system to be [default: the only one that is registered].")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key [default: ./ID.pem].")
@click.option("--ca", type=click.Path(path_type=Path), help="The CA of the case face [default: [trust] ca].")
@click.option("--service", help="The service that asks [default: the only one it is registered for].")
@click.option("--purpose", help="A purpose that an agreement names, such as early-help.")
@click.option("--role", help="The role of whoever asks [default: the only one it is registered for].")
@click.option("--unit", help="Their team or unit [default: the only one it is registered for].")
@click.option("--second-factor", is_flag=True, help="Say that you signed in here with a second factor.")
@answers
def lookup(*, question: str | None, config: Path | None, **options: Any) -> Outcome:
    """Ask who else works with a person, and print the answer of each service that an agreement lets you ask.

    FILE holds the question as the case API takes it (- for standard input); its members go before the options. Without
    FILE the person, the reason and the case reference are asked for.
    """
    settings = load_node(config)
    client = _registered(settings, options["client_id"])
    body = _body(client, question, options)
    caller = CaseFaceClient(
        settings=settings, client_id=client.client_id, key=_key(client, options["key"]), ca=options["ca"]
    )
    record(settings, "lookup", client=client.client_id, purpose=str(body["purpose"]))
    headers = {
        "Authorization": f"Bearer {caller.token()['access_token']}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Idempotency-Key": token_urlsafe(16),
    }
    answer = caller.post(LOOKUPS_PATH, headers, strict_json.dumps(body), timeout_s=settings.limits.lookup_s + _SPARE_S)
    document = read_answer(answer)
    if answer.status != _CREATED:
        raise Refused(_refusal(answer.status, document), _faults(document))
    return Outcome(lines=_lines(document), data=document)


def _registered(settings: NodeSettings, client_id: str | None) -> LocalClient:
    """Return the case system to ask as. Raises :class:`Refused` where the choice is not clear."""
    with opened_store(settings) as store:
        every = [client for client in store.read(clients.list) if client.revoked_at is None]
    found = [client for client in every if client_id in {None, client.client_id}]
    if len(found) == 1:
        return found[0]
    if not every:
        raise Refused("No case system is registered: hearthgate client add")
    names = ", ".join(client.client_id for client in every)
    raise Refused(f"Say with --client which case system asks; these are registered: {names}")


def _key(client: LocalClient, given: Path | None) -> Path:
    return given or Path(f"{client.client_id}.pem")


def _body(client: LocalClient, question: str | None, options: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {} if question is None else _read(question)
    body: dict[str, Any] = {"purpose": options["purpose"], "wait_s": 30, **given}
    if "from_service" not in given:
        body["from_service"] = _one("--service", options["service"], _each(client, "service"))
    if "practitioner" not in given:
        body["practitioner"] = _practitioner(client, options, ask=question is None)
    if body["purpose"] is None:
        raise click.UsageError("Say with --purpose what the agreement allows this for.")
    if question is None:
        body |= {name: _ask(text) for name, text in _TEXTS}
        subject: dict[str, Any] = {name: said for name, text in _PERSON if (said := _ask(text, optional=True))}
        postcode = _ask("Postcode", optional=True)
        body["subject"] = subject | ({"address": {"postcode": postcode}} if postcode else {})
    return body


def _practitioner(client: LocalClient, options: dict[str, Any], *, ask: bool) -> dict[str, Any]:
    return {
        "id": pwd.getpwuid(os.getuid()).pw_name,
        "role": _one("--role", options["role"], _each(client, "role")),
        "org_unit": _one("--unit", options["unit"], _each(client, "org_unit")),
        "second_factor": options["second_factor"] or _second_factor(ask=ask),
    }


def _second_factor(*, ask: bool) -> bool:
    """Ask before anything else is asked: without one the node lets nobody ask. Raises :class:`Refused`."""
    try:
        if not ask:
            raise click.Abort
        return bool(click.confirm("Did you sign in to this machine with a second factor?", err=True))
    except click.Abort:
        raise Refused("Nobody was asked: say with --second-factor that you signed in with one.") from None


def _each(client: LocalClient, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(getattr(position, name) for position in client.positions))


def _one(option: str, given: str | None, registered: tuple[str, ...]) -> str:
    if given is not None:
        return given
    if len(registered) != 1:
        raise click.UsageError(f"Say {option}; the case system is registered for {', '.join(registered)}.")
    return registered[0]


def _read(question: str) -> dict[str, Any]:
    raw = sys.stdin.buffer.read(MAX_INPUT) if question == "-" else read_input(Path(question), "The question")
    return strict_json.loads(raw, max_bytes=MAX_INPUT)


def _ask(text: str, *, optional: bool = False) -> str:
    """Ask on standard error, so that standard output holds the answer alone."""
    try:
        if not optional:
            return str(click.prompt(text, err=True))
        return str(click.prompt(text + ", or nothing", default="", show_default=False, err=True))
    except click.Abort:
        raise Refused("Nobody was asked: the question is not complete. Give it in a terminal or as FILE.") from None


def _refusal(status: int, document: strict_json.JsonObject) -> str:
    said = [str(document[name]) for name in ("title", "detail", "remedy") if document.get(name)]
    return " ".join(said) or f"The node answered {status}."


def _faults(document: strict_json.JsonObject) -> list[str]:
    faults = document.get("faults")
    return [f"{fault.get('member')}: {fault.get('problem')}" for fault in faults] if isinstance(faults, list) else []


def _lines(document: strict_json.JsonObject) -> list[str]:
    lines = []
    for line in document["answers"]:
        lines.append(f"{line['service_name']} ({line['organisation']}): {line['status']}")
        lines += [f"  {_involvement(each)}" for each in line["involvements"]]
        lines += [f"  {line[name]}" for name in ("reason", "note", "law") if line.get(name)]
    lines += [f"Not used: {each['member']} {each['reason']}." for each in document.get("left_out", [])]
    return [*lines, f"{document['summary']}.", str(document["emergency"])]


def _involvement(involvement: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {said}" for name, said in involvement.items())
