"""``hearthgate lookup``: ask the running node which services work with a person, as a case system does.

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
from gateway.administration.clients import find_client
from gateway.administration.errors import OperationRefused
from gateway.administration.files import MAX_INPUT, read_input
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.cli.case_system.api import ELIGIBILITY_PATH, LOOKUPS_PATH, CaseApiClient, read_answer
from gateway.cli.case_system.question import QuestionForm
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from gateway.ports import LocalClient
from trust import strict_json
from trust.agreements.denial import SENTENCES, DenialCode
from trust.exchange.eligibility import Question

_NO_CONSENT = SENTENCES[DenialCode.CONSENT_RECORD_MISSING][0]
_RING = frozenset({"no_reply", "refused", "review", "nothing_to_share"})
_CREATED = 201
_SPARE_S = 5.0
_OK = 200
_WRONG = 422


@click.command()
@click.argument("question", required=False, metavar="[FILE]")
@config_option
@click.option("--client", "client_id", help="The case system to be [default: the only one that is registered].")
@click.option("--key", type=click.Path(path_type=Path), help="Its private key [default: ./ID.pem].")
@click.option("--ca", type=click.Path(path_type=Path), help="The CA of the case API [default: [trust] ca].")
@click.option("--service", help="The service that asks [default: the only one it is registered for].")
@click.option("--purpose", help="A purpose that an agreement names, such as early-help.")
@click.option("--role", help="The role to ask in [default: the only one it is registered for].")
@click.option("--unit", help="Their team or unit [default: the only one it is registered for].")
@click.option("--second-factor", is_flag=True, help="Say that you signed in here with a second factor.")
@click.option("--holder", "holders", multiple=True, help="A service to ask, in full [default: all that may be asked].")
@click.option("--consent", is_flag=True, help="Ask for the record of the person's consent too.")
@click.option(
    "--benefit-question", type=click.Choice(tuple(map(str, Question))), help="Ask this benefit question instead."
)
@click.option("--benefit", help="The code of the one benefit that it is about.")
@command_output
def lookup(*, question: str | None, config: Path | None, **options: Any) -> UseCaseResult:
    """Ask which services work with a person.

    It prints the answer of each service that an agreement lets you ask. FILE holds the question as the case API takes
    it (- for standard input); its fields go before the options. Without FILE the command asks for the person, the
    reason and the case reference, and again where the node finds one wrong.
    """
    settings = load_node(config)
    client = find_client(settings, options["client_id"])
    body = _body(client, question, options)
    form = QuestionForm(consent=options["consent"]) if question is None else None
    if form is not None:
        form.ask_all()
    key = options["key"] or Path(f"{client.client_id}.pem")
    caller = CaseApiClient(settings=settings, client_id=client.client_id, key=key, ca=options["ca"])
    record(settings, "lookup", client=client.client_id, purpose=str(body["purpose"]))
    token = str(caller.token()["access_token"])
    while True:
        status, document = _send(caller, token, {**body, **(form.body() if form else {})}, settings)
        if status in {_OK, _CREATED}:
            return UseCaseResult(lines=lines_of(document), data=document)
        if status != _WRONG or form is None or not form.ask_again(document):
            raise OperationRefused(_refusal(status, document), _faults(document))


def _send(
    caller: CaseApiClient, token: str, body: dict[str, Any], settings: NodeSettings
) -> tuple[int, strict_json.JsonObject]:
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Idempotency-Key": token_urlsafe(16),
    }
    path = ELIGIBILITY_PATH if "question" in body else LOOKUPS_PATH
    answer = caller.post(path, headers, strict_json.dumps(body), timeout_s=settings.limits.lookup_s + _SPARE_S)
    return answer.status, read_answer(answer)


def _body(client: LocalClient, question: str | None, options: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {} if question is None else _read(question)
    body: dict[str, Any] = {"purpose": options["purpose"], **document}
    if options["holders"]:
        body.setdefault("holders", list(options["holders"]))
    if options["benefit_question"]:
        body.setdefault("question", options["benefit_question"])
        if options["benefit"]:
            body.setdefault("benefit", options["benefit"])
    if "question" not in body:
        body.setdefault("wait_s", 30)
    if "from_service" not in document:
        body["from_service"] = _one("--service", options["service"], _each(client, "service"))
    if "practitioner" not in document:
        body["practitioner"] = _practitioner(client, options, ask=question is None)
    if body["purpose"] is None:
        raise click.UsageError("Say with --purpose what the agreement allows this for.")
    return body


def _practitioner(client: LocalClient, options: dict[str, Any], *, ask: bool) -> dict[str, Any]:
    return {
        "id": pwd.getpwuid(os.getuid()).pw_name,
        "role": _one("--role", options["role"], _each(client, "role")),
        "org_unit": _one("--unit", options["unit"], _each(client, "org_unit")),
        "second_factor": options["second_factor"] or _second_factor(ask=ask),
    }


def _second_factor(*, ask: bool) -> bool:
    """Ask first: without one the node refuses every question. Raises :class:`OperationRefused`."""
    try:
        if not ask:
            raise click.Abort
        return bool(click.confirm("Did you sign in to this machine with a second factor?", err=True))
    except click.Abort:
        raise OperationRefused("No service was asked: say with --second-factor that you signed in with one.") from None


def _each(client: LocalClient, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(getattr(position, name) for position in client.positions))


def _one(option: str, value: str | None, registered: tuple[str, ...]) -> str:
    if value is not None:
        return value
    if len(registered) != 1:
        raise click.UsageError(f"Say {option}; the case system is registered for {', '.join(registered)}.")
    return registered[0]


def _read(question: str) -> dict[str, Any]:
    raw = sys.stdin.buffer.read(MAX_INPUT) if question == "-" else read_input(Path(question), "The question")
    return strict_json.loads(raw, max_bytes=MAX_INPUT)


def _refusal(status: int, document: strict_json.JsonObject) -> str:
    sentences = [str(document[name]) for name in ("title", "detail", "remedy") if document.get(name)]
    return " ".join(sentences) or f"The node answered {status}."


def _faults(document: strict_json.JsonObject) -> list[str]:
    faults = document.get("faults")
    return [f"{fault.get('member')}: {fault.get('problem')}" for fault in faults] if isinstance(faults, list) else []


def lines_of(document: Mapping[str, Any]) -> list[str]:
    """Return a lookup's or a benefit question's answer; a law that several services name stands at the end, once."""
    laws = list(dict.fromkeys(line["law"] for line in document["answers"] if line.get("law")))
    lines = [text for line in document["answers"] for text in _service(line, laws)]
    lines += [f"Not asked: {each['organisation']}. {each['reason']}" for each in document.get("not_asked", [])]
    lines += [f"Not used: {each['member']} {each['reason']}." for each in document.get("left_out", [])]
    if any(str(line.get("reason", "")).startswith(_NO_CONSENT) for line in document["answers"]):
        lines.append("Ask again with --consent once the person has consented and it is on record.")
    lines += [f"[{number}] {law}" for number, law in enumerate(laws, start=1)]
    return [*lines, f"{document['summary']}.", str(document["emergency"])]


def _service(line: Mapping[str, Any], laws: list[str]) -> list[str]:
    law = f" [{laws.index(line['law']) + 1}]" if line.get("law") else ""
    lines = [f"{line['service_name']} ({line['organisation']}): {line['status']}{law}"]
    lines += [f"  {_involvement(each)}" for each in line.get("involvements", [])]
    if "answer" in line:
        lines.append(f"  {line['answer']}, as of {line['as_of']}")
    lines += [f"  {line[name]}" for name in ("reason", "note") if line.get(name)]
    if line.get("settle"):
        lines.append(f"  To settle it, ask again with: {', '.join(line['settle'])}.")
    duty = line.get("duty_phone")
    if duty and line["status"] in _RING and duty not in str(line.get("note", "")):
        lines.append(f"  Its duty line is {duty}.")
    return lines


def _involvement(involvement: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')}: {text}" for name, text in involvement.items())
