"""``hearthgate misuse list``: queries about misuse, both ways, and how each stands."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_node
from gateway.cli.output import command_output
from gateway.keys.vault import FileKeyVault
from gateway.misuse.answers import open_query_record
from gateway.misuse.evidence import account_of
from gateway.misuse.queries import open_asked, open_told
from gateway.ports import Store
from gateway.store.tables import received_misuse_queries, sent_misuse_queries
from gateway.store.tables.received_misuse_queries import Received, State
from gateway.store.tables.sent_misuse_queries import Asked
from gateway.store.tables.sent_misuse_queries import State as AskedState
from trust.claims import digest

_ID = 16
_PERSON = ("name", "role", "org_unit", "contact")


@click.command("list")
@config_option
@click.option("--all", "every", is_flag=True, help="Also those that are answered.")
@command_output
def list_queries(*, config: Path | None, every: bool) -> UseCaseResult:
    """Show the queries about misuse that others put to this agency, with whom they are about, and those it put."""
    settings, at = load_node(config), now()
    vault = node_vault(settings)
    with opened_store(settings) as store:
        received = [each for each in store.read(received_misuse_queries.list) if every or each.state is State.OPEN]
        asked = [
            each for each in store.read(sent_misuse_queries.list) if every or each.state is not AskedState.ANSWERED
        ]
        ours = [received_json(store, vault, each, at) for each in received]
    lines = [line for told in ours for line in received_lines(told)]
    lines += [line for each in asked for line in asked_lines(vault, each, at)]
    return UseCaseResult(
        lines=lines or ["No query about misuse waits."],
        data={"received": ours, "asked": [asked_json(vault, each, at) for each in asked]},
    )


def short_id(received: Received) -> str:
    """Return our own name for a query: the holder's could be one that it chose to be mistaken for another's."""
    return digest(f"{received.holder} {received.query}".encode())[:_ID]


def received_json(store: Store, vault: FileKeyVault, received: Received, at: datetime) -> dict[str, Any]:
    """Return one query of a holder, with what our own records say of the practitioner."""
    said = open_query_record(vault.seal_key(), received)
    account = account_of(store, vault, str(said["message"].get("id"))) or {}
    return {
        "id": short_id(received),
        "holder": received.holder,
        "state": received.state,
        "due_at": received.due_at.isoformat(),
        "overdue": received.state is State.OPEN and received.due_at <= at,
        "reason": said["reason"],
        "message": said["message"]["jti"],
        "practitioner": account.get("practitioner"),
        "client": account.get("client"),
        "purpose": account.get("purpose"),
        "case_ref": account.get("case_ref"),
        "practitioners_reason": account.get("reason"),
    }


def received_lines(told: Mapping[str, Any]) -> list[str]:
    """Write one query of a holder."""
    who = told["practitioner"]
    state = "OVERDUE" if told["overdue"] else told["state"]
    found = "our records of that time do not say who it was"
    if who is not None:
        found = f"{who['id']} ({who['role']}, {who['org_unit']}) through {told['client']}, case {told['case_ref']}"
    return [
        f"{told['id']}: {state}, due {told['due_at'][:16]} UTC, asked by {told['holder']}",
        f"  why: {told['reason']}",
        f"  who: {found}",
        *([f"  said then: {told['practitioners_reason']}"] if told["practitioners_reason"] else []),
    ]


def asked_json(vault: FileKeyVault, asked: Asked, at: datetime) -> dict[str, Any]:
    """Return one query of ours, with the answer where there is one."""
    told = open_told(vault.seal_key(), asked)
    return {
        "message": asked.message,
        "agency": asked.asker,
        "state": asked.state,
        "asked_at": asked.asked_at.isoformat(),
        "due_at": asked.due_at.isoformat(),
        "overdue": asked.state is not AskedState.ANSWERED and asked.due_at <= at,
        "reason": open_asked(vault.seal_key(), asked)["reason"],
        "practitioner": {name: told[name] for name in _PERSON} if "name" in told else None,
    }


def asked_lines(vault: FileKeyVault, asked: Asked, at: datetime) -> list[str]:
    """Write one query of ours."""
    told = asked_json(vault, asked, at)
    state = "OVERDUE" if told["overdue"] else told["state"]
    lines = [f"{told['message']}: {state}, asked of {told['agency']}, due {told['due_at'][:16]} UTC"]
    named = told["practitioner"]
    if named is not None:
        lines.append(f"  It was {named['name']} ({named['role']}, {named['org_unit']}). Contact: {named['contact']}")
    elif asked.state is AskedState.UNKNOWN:
        lines.append("  It says that it sent no such message; our evidence holds the digest of what it signed.")
    return lines
