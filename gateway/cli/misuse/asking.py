"""``hearthgate misuse messages`` and ``ask``, at the agency that was asked something."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import UseCaseResult
from gateway.app.commands import federation_of
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.misuse.listing import asked_json, asked_lines
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.keys.vault import FileKeyVault
from gateway.misuse.evidence import FoundMessage, consent_of_message, received_messages, signature_of_message
from gateway.misuse.queries import MessageForgotten, MisuseAsking
from gateway.ports import Store
from trust import strict_json
from trust.evidence.leaf import message_key
from trust.exchange.misuse import MAX_REASON

_SPARE = timedelta(minutes=1)
days_option = click.option(
    "--days", type=click.IntRange(1, 3_650), default=31, show_default=True, help="How far back to look."
)


@click.command()
@click.argument("asker")
@days_option
@config_option
@command_output
def messages(*, asker: str, days: int, config: Path | None) -> UseCaseResult:
    """Show the messages that came from ASKER, an agency and its pseudonym as `hearthgate flag list` writes them."""
    at = now()
    agency, _, pseudonym = asker.partition(" ")
    with opened_store(load_node(config)) as store:
        found = [each for each in _received(store, days, at) if (each.peer, each.pseudonym) == (agency, pseudonym)]
    return UseCaseResult(
        lines=[f"{each.id}  {each.at:%Y-%m-%d %H:%M:%S} UTC" for each in found] or ["No message came from there."],
        data={"messages": [{"id": each.id, "from": each.peer, "at": each.at.isoformat()} for each in found]},
    )


@click.command(context_settings=dict(TAKES_ID))
@click.argument("message_id", metavar="MESSAGE-ID")
@click.option("--reason", required=True, help="Why it looks like misuse; it is sent. Name nobody who was asked about.")
@click.option("--from", "sender", help="The agency that sent it, where several used the same id.")
@days_option
@config_option
@yes_option
@command_output
def ask(*, message_id: str, reason: str, config: Path | None, yes: bool, **options: Any) -> UseCaseResult:
    """Ask the agency that sent the message MESSAGE-ID which of its people it was; run it again to hear the answer.

    It owes the name within one working day, and two of its people have to agree on it. The first reason stands.
    """
    settings, at = load_node(config), now()
    if not 0 < len(reason.strip()) <= MAX_REASON or not reason.isprintable():
        raise OperationRefused(f"--reason: write 1 to {MAX_REASON} characters on one line.")
    with federation_of(settings) as federation:
        vault = node_vault(settings)
        message = _one(federation.store, vault, message_id, options, at)
        if message.peer == federation.own:
            raise OperationRefused(
                "The message came from this agency itself; its own records say who stands behind it."
            )
        show_plan(f"{message.peer} is asked who sent {message_id}, {message.at:%Y-%m-%d %H:%M} UTC, and told: {reason}")
        confirm("Ask?", yes=yes)
        record(settings, "misuse ask", message=message.id, of=message.peer)
        asking = MisuseAsking(
            own=federation.own,
            directory=federation.directory,
            vault=vault,
            store=federation.store,
            transport=federation.transport,
        )
        try:
            found = asking.ask(message, reason, now=at)
        except MessageForgotten:
            raise OperationRefused("The message is past its retention here, so its sender could not find it.") from None
    return UseCaseResult(lines=asked_lines(vault, found, at), data=asked_json(vault, found, at))


@click.command(context_settings=dict(TAKES_ID))
@click.argument("message_id", metavar="MESSAGE-ID")
@click.option("--from", "sender", help="The agency that sent it, where several used the same id.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The new file to write it into.")
@days_option
@config_option
@command_output
def signature(*, message_id: str, out: Path, config: Path | None, **options: Any) -> UseCaseResult:
    """Write the signature of the message MESSAGE-ID into a file, for a third party to verify.

    It holds nothing of what was asked. Who has the agency's message key verifies it with
    `trust.exchange.question_signature`; docs/operating/accounting.md has the lines.
    """
    settings, at = load_node(config), now()
    vault = node_vault(settings)
    with opened_store(settings) as store:
        message = _one(store, vault, message_id, options, at)
        kept, consent = signature_of_message(store, vault, message), consent_of_message(store, vault, message)
    if kept is None:
        raise OperationRefused(
            "The message is past its retention here, or older than this version; its signature is not kept."
        )
    record(settings, "misuse signature", message=message.id, of=message.peer)
    exported = {"agency": message.peer, "received_at": message.at.isoformat(), **kept}
    write_new(out, strict_json.dumps(exported) + b"\n", "The signature", mode=0o600)
    shown = "" if consent is None else strict_json.dumps(consent).decode()
    rested = [f"It was answered on this record of consent: {shown}"] if shown else []
    return UseCaseResult(
        lines=[f"The signature of {message.peer} is in {out}.", *rested],
        data={"signature": exported, "consent": consent},
    )


def _received(store: Store, days: int, at: datetime) -> list[FoundMessage]:
    return store.read(lambda tx: list(received_messages(tx, since=at - timedelta(days=days), until=at + _SPARE)))


def _one(store: Store, vault: FileKeyVault, message_id: str, options: Mapping[str, Any], at: datetime) -> FoundMessage:
    """Return the message of this node's own name for it, or of the id that its sender gave it."""
    days, sender, key = options["days"], options["sender"], vault.evidence_hmac_key()
    found = {
        (each.peer, each.id, each.digest): each
        for each in _received(store, days, at)
        if each.id in {message_id, message_key(key, each.iss, message_id)} and sender in {None, each.peer}
    }
    if not found:
        raise OperationRefused(f"No such message came in the last {days} days; give more --days, or check the id.")
    if len(found) > 1:
        agencies = ", ".join(sorted({each.peer for each in found.values()}))
        raise OperationRefused(f"Say with --from whose message it is; this id came from {agencies}.")
    (message,) = found.values()
    return message
