"""``hearthgate misuse answer``, at the agency whose practitioner it was; a second person releases the name."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.settings import NodeSettings
from gateway.administration import dual_control
from gateway.administration.context import Settings, node_vault, now, opened_store
from gateway.administration.dual_control import ChangeRequest, Commit
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import TAKES_ID, config_option, load_node
from gateway.cli.misuse.listing import received_json, received_lines, short_id
from gateway.cli.output import apply_plan, command_output, yes_option
from gateway.keys.vault import FileKeyVault
from gateway.misuse.answers import open_answer, seal_answer
from gateway.ports import Store, Transaction
from gateway.store.tables import received_misuse_queries
from gateway.store.tables.received_misuse_queries import Received, State
from trust import base64url
from trust.exchange.misuse import NamedPractitioner

_MAX_TEXT = 200


class _Answer:
    """The act that takes two people: the name is sealed in its arguments, where no list and no journal shows it."""

    name = "misuse answer"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Show the query and who would be named."""
        vault = node_vault(_node(settings))
        with opened_store(settings) as store:
            received = _open_query(store, str(arguments["query"]))
            told = received_json(store, vault, received, now())
        named = _named(vault, received, arguments)
        return [
            *received_lines(told),
            f"  {received.holder} is told: {named.name} ({named.role}, {named.org_unit}). Contact: {named.contact}",
        ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Release the name; the holder is told when it asks again."""
        vault = node_vault(_node(settings))
        with opened_store(settings) as store:
            received = _open_query(store, str(arguments["query"]))
            _named(vault, received, arguments)
            sealed = _sealed(arguments)

            def release(tx: Transaction) -> None:
                commit(tx)
                if not received_misuse_queries.answer(
                    tx, holder=received.holder, query=received.query, sealed_answer=sealed, at=at
                ):
                    raise OperationRefused("The query was answered meanwhile; nothing was changed.")

            store.write(release)
        return [f"The name is released; {received.holder} is told when its node asks again."]


ANSWER = _Answer()


@click.command(context_settings=dict(TAKES_ID))
@click.argument("query", metavar="ID")
@click.option("--name", required=True, help="The practitioner's name.")
@click.option("--contact", required=True, help="Who at this agency deals with it: a name and a telephone number.")
@click.option("--role", help="Their role [default: the one they asked in].")
@click.option("--unit", help="Their team or unit [default: the one they asked for].")
@config_option
@yes_option
@command_output
def answer(*, query: str, config: Path | None, yes: bool, **named: str | None) -> UseCaseResult:
    """Name the practitioner whom the query ID of `hearthgate misuse list` is about.

    A second administrator releases the name with `hearthgate trust approve`.
    """
    settings = load_node(config)
    vault = node_vault(settings)
    with opened_store(settings) as store:
        received = _open_query(store, query)
        who = received_json(store, vault, received, now())["practitioner"] or {}
    told = {
        "--name": named["name"],
        "--role": named["role"] or who.get("role"),
        "--unit": named["unit"] or who.get("org_unit"),
        "--contact": named["contact"],
    }
    faults = [
        f"{option}: write 1 to {_MAX_TEXT} characters on one line"
        for option, text in told.items()
        if not text or len(text) > _MAX_TEXT or not text.isprintable()
    ]
    if faults:
        raise OperationRefused("Nobody was named:", faults)
    name, role, unit, contact = map(str, told.values())
    person = NamedPractitioner(name=name, role=role, org_unit=unit, contact=contact)
    sealed = seal_answer(vault.seal_key(), received.holder, received.query, person)
    arguments = {"query": query, "holder": received.holder, "document": base64url.encode(sealed).decode("ascii")}
    reason = "the holder of a record asked who it was"
    return apply_plan(
        dual_control.plan_request(
            settings, ChangeRequest(act=ANSWER, arguments=arguments, reason=reason, emergency=None)
        ),
        yes=yes,
    )


def _node(settings: Settings) -> NodeSettings:
    if not isinstance(settings, NodeSettings):
        raise OperationRefused("Only a node has practitioners to name.")
    return settings


def _open_query(store: Store, query: str) -> Received:
    found = next((each for each in store.read(received_misuse_queries.list) if short_id(each) == query), None)
    if found is None:
        raise OperationRefused("There is no such query; `hearthgate misuse list` shows those that wait.")
    if found.state is not State.OPEN:
        raise OperationRefused("That query is answered already; nothing was changed.")
    return found


def _sealed(arguments: Mapping[str, Any]) -> bytes:
    return base64url.decode(str(arguments["document"]).encode("ascii"), "sealed answer")


def _named(vault: FileKeyVault, received: Received, arguments: Mapping[str, Any]) -> NamedPractitioner:
    return open_answer(vault.seal_key(), received.holder, received.query, _sealed(arguments))
