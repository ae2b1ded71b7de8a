"""Queries about misuse: list them both ways, and ask the agency that sent a message who stands behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused, refuse_line
from gateway.administration.federation_context import FederationContext
from gateway.administration.files import write_new
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.keys.vault import FileKeyVault
from gateway.misuse.answers import open_query_record
from gateway.misuse.evidence import (
    FoundMessage,
    account_of,
    received_messages,
    signature_and_consent,
)
from gateway.misuse.queries import MessageForgotten, MisuseQuerySender, open_answer, open_reason
from gateway.ports import Store
from gateway.store.tables import received_misuse_queries, sent_misuse_queries
from gateway.store.tables.received_misuse_queries import ReceivedMisuseQuery, ReceivedQueryState
from gateway.store.tables.sent_misuse_queries import SentMisuseQuery, SentQueryState
from trust import strict_json
from trust.claims import digest
from trust.evidence.leaf import message_key
from trust.exchange.misuse import MAX_REASON

_ID = 16
_PERSON = ("name", "role", "org_unit", "contact")
_SPARE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """A message that came in the last ``days``, by this node's id for it or by its sender's."""

    message_id: str
    days: int
    sender: str | None = None


def list_queries(settings: NodeSettings, *, every: bool) -> UseCaseResult:
    """List the queries that others put to this agency, with the practitioner they concern, and those it put."""
    at, vault = now(), node_vault(settings)
    with opened_store(settings) as store:
        received = [
            received_json(store, vault, each, at)
            for each in store.read(received_misuse_queries.list)
            if every or each.state is ReceivedQueryState.OPEN
        ]
        own_queries = [
            _sent_json(vault, each, at)
            for each in store.read(sent_misuse_queries.list)
            if every or each.state is not SentQueryState.ANSWERED
        ]
    lines = [line for each in received for line in received_lines(each)]
    lines += [line for each in own_queries for line in _sent_lines(each)]
    return UseCaseResult(
        lines=lines or ["No query about misuse waits."],
        data={"received": received, "asked": own_queries},
    )


def list_messages(settings: NodeSettings, asker: str, *, days: int) -> UseCaseResult:
    """List the messages that came from an asker, an agency and its pseudonym as flags name it."""
    agency, _, pseudonym = asker.partition(" ")
    with opened_store(settings) as store:
        messages = [each for each in _received(store, days) if (each.peer, each.pseudonym) == (agency, pseudonym)]
    return UseCaseResult(
        lines=[f"{each.id}  {each.at:%Y-%m-%d %H:%M:%S} UTC" for each in messages] or ["That asker sent no message."],
        data={"messages": [{"id": each.id, "from": each.peer, "at": each.at.isoformat()} for each in messages]},
    )


def plan_query(federation: FederationContext, ref: MessageRef, *, reason: str) -> ChangePlan:
    """Plan to ask the sender of a message who stands behind it, or to fetch its answer. Raises ``OperationRefused``."""
    refuse_line("--reason", reason, limit=MAX_REASON)
    vault = node_vault(federation.settings)
    message = _message(federation.store, vault, ref)
    if message.peer == federation.own:
        raise OperationRefused("The message came from this agency itself; its own records say who stands behind it.")

    def apply() -> UseCaseResult:
        at = now()
        record(federation.settings, "misuse ask", message=message.id, of=message.peer)
        sender = MisuseQuerySender(
            own=federation.own,
            directory=federation.directory,
            vault=vault,
            store=federation.store,
            transport=federation.transport,
        )
        try:
            query = _sent_json(vault, sender.ask(message, reason, now=at), at)
        except MessageForgotten:
            raise OperationRefused("The message is past its retention here, so its sender could not find it.") from None
        return UseCaseResult(lines=_sent_lines(query), data=query)

    about = f"who sent {ref.message_id}, {message.at:%Y-%m-%d %H:%M} UTC"
    return ChangePlan(effect=[f"{message.peer} is asked {about}, and told: {reason}"], question="Ask?", apply=apply)


def export_signature(settings: NodeSettings, ref: MessageRef, out: Path) -> UseCaseResult:
    """Write the signature of a message into a new file, for a third party to verify. Raises ``OperationRefused``."""
    vault = node_vault(settings)
    with opened_store(settings) as store:
        message = _message(store, vault, ref)
        signature, consent = signature_and_consent(store, vault, message)
    if signature is None:
        raise OperationRefused(
            "The message is past its retention here, or older than this version; its signature is not kept."
        )
    record(settings, "misuse signature", message=message.id, of=message.peer)
    exported = {"agency": message.peer, "received_at": message.at.isoformat(), **signature}
    write_new(out, strict_json.dumps(exported) + b"\n", "The signature", mode=0o600)
    consent_text = "" if consent is None else strict_json.dumps(consent).decode()
    consent_lines = [f"It was answered on this record of consent: {consent_text}"] if consent_text else []
    return UseCaseResult(
        lines=[f"The signature of {message.peer} is in {out}.", *consent_lines],
        data={"signature": exported, "consent": consent},
    )


def _received(store: Store, days: int) -> list[FoundMessage]:
    at = now()
    return store.read(lambda tx: list(received_messages(tx, since=at - timedelta(days=days), until=at + _SPARE)))


def _message(store: Store, vault: FileKeyVault, ref: MessageRef) -> FoundMessage:
    """Return the message of this node's own name for it, or of the id that its sender gave it."""
    key = vault.evidence_hmac_key()
    matching = {
        (each.peer, each.id, each.digest): each
        for each in _received(store, ref.days)
        if each.id in {ref.message_id, message_key(key, each.iss, ref.message_id)} and ref.sender in {None, each.peer}
    }
    if not matching:
        raise OperationRefused(f"No such message came in the last {ref.days} days; give more --days, or check the id.")
    if len(matching) > 1:
        agencies = ", ".join(sorted({each.peer for each in matching.values()}))
        raise OperationRefused(f"Say with --from whose message it is; this id came from {agencies}.")
    (message,) = matching.values()
    return message


def short_id(received: ReceivedMisuseQuery) -> str:
    """Return our own name for a query: the holder's could be one that it chose to be mistaken for another's."""
    return digest(f"{received.holder} {received.query}".encode())[:_ID]


def received_json(store: Store, vault: FileKeyVault, received: ReceivedMisuseQuery, at: datetime) -> dict[str, Any]:
    """Return one query of a holder, with what our own records say of the practitioner."""
    statement = open_query_record(vault.seal_key(), received)
    account = account_of(store, vault, str(statement["message"].get("id"))) or {}
    return {
        "id": short_id(received),
        "holder": received.holder,
        "state": received.state,
        "due_at": received.due_at.isoformat(),
        "overdue": received.state is ReceivedQueryState.OPEN and received.due_at <= at,
        "reason": statement["reason"],
        "message": statement["message"]["jti"],
        "practitioner": account.get("practitioner"),
        "client": account.get("client"),
        "purpose": account.get("purpose"),
        "case_ref": account.get("case_ref"),
        "practitioners_reason": account.get("reason"),
    }


def received_lines(query: Mapping[str, Any]) -> list[str]:
    """Write one query of a holder."""
    who = query["practitioner"]
    state = "OVERDUE" if query["overdue"] else query["state"]
    person = "our records of that time do not say who it was"
    if who is not None:
        person = f"{who['id']} ({who['role']}, {who['org_unit']}) through {query['client']}, case {query['case_ref']}"
    return [
        f"{query['id']}: {state}, due {query['due_at'][:16]} UTC, asked by {query['holder']}",
        f"  why: {query['reason']}",
        f"  who: {person}",
        *([f"  said then: {query['practitioners_reason']}"] if query["practitioners_reason"] else []),
    ]


def _sent_json(vault: FileKeyVault, row: SentMisuseQuery, at: datetime) -> dict[str, Any]:
    """Return one query of ours, with the answer where there is one."""
    answer = open_answer(vault.seal_key(), row)
    return {
        "message": row.message,
        "agency": row.asker,
        "state": row.state,
        "asked_at": row.asked_at.isoformat(),
        "due_at": row.due_at.isoformat(),
        "overdue": row.state is not SentQueryState.ANSWERED and row.due_at <= at,
        "reason": open_reason(vault.seal_key(), row)["reason"],
        "practitioner": {name: answer[name] for name in _PERSON} if "name" in answer else None,
    }


def _sent_lines(query: Mapping[str, Any]) -> list[str]:
    """Write one query of ours."""
    state = "OVERDUE" if query["overdue"] else query["state"]
    lines = [f"{query['message']}: {state}, asked of {query['agency']}, due {query['due_at'][:16]} UTC"]
    who = query["practitioner"]
    if who is not None:
        lines.append(f"  It was {who['name']} ({who['role']}, {who['org_unit']}). Contact: {who['contact']}")
    elif query["state"] is SentQueryState.UNKNOWN:
        lines.append("  It says that it sent no such message; our evidence holds the digest of what it signed.")
    return lines
