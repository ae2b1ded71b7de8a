"""The answer to a query about misuse: one administrator names the practitioner, a second one releases the name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.settings import NodeSettings
from gateway.administration import dual_control
from gateway.administration.context import Settings, node_vault, now, opened_store
from gateway.administration.dual_control import ChangeRequest, Commit
from gateway.administration.errors import OperationRefused, line_faults
from gateway.administration.misuse_queries import received_json, received_lines, short_id
from gateway.administration.outcome import ChangePlan
from gateway.keys.vault import FileKeyVault
from gateway.misuse.answers import open_practitioner, seal_answer
from gateway.ports import Store, Transaction
from gateway.store.tables import received_misuse_queries
from gateway.store.tables.received_misuse_queries import ReceivedMisuseQuery, ReceivedQueryState
from trust import base64url
from trust.exchange.misuse import NamedPractitioner

_MAX_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PractitionerName:
    """A practitioner to name; the role and unit of our records where none is given."""

    name: str
    contact: str
    role: str | None = None
    unit: str | None = None


class _Answer:
    """The act that takes two people: the name is sealed in its arguments, where no list and no journal shows it."""

    name = "misuse answer"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Show the query and who would be named."""
        vault = node_vault(_node(settings))
        with opened_store(settings) as store:
            received = _open_query(store, str(arguments["query"]))
            json = received_json(store, vault, received, now())
        person = _name_practitioner(vault, received, arguments)
        return [
            *received_lines(json),
            f"  {received.holder} is told: {person.name} ({person.role}, {person.org_unit}). Contact: {person.contact}",
        ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Release the name; the holder is told when it asks again."""
        vault = node_vault(_node(settings))
        with opened_store(settings) as store:
            received = _open_query(store, str(arguments["query"]))
            _name_practitioner(vault, received, arguments)
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


def plan_answer(settings: NodeSettings, query: str, practitioner: PractitionerName) -> ChangePlan:
    """Plan to name the practitioner of a query; a second administrator releases it. Raises ``OperationRefused``."""
    vault = node_vault(settings)
    with opened_store(settings) as store:
        received = _open_query(store, query)
        recorded = received_json(store, vault, received, now())["practitioner"] or {}
    texts = {
        "--name": practitioner.name,
        "--role": practitioner.role or recorded.get("role"),
        "--unit": practitioner.unit or recorded.get("org_unit"),
        "--contact": practitioner.contact,
    }
    if faults := line_faults(texts.items(), limit=_MAX_TEXT):
        raise OperationRefused("No practitioner was named:", faults)
    name, role, unit, contact = map(str, texts.values())
    person = NamedPractitioner(name=name, role=role, org_unit=unit, contact=contact)
    sealed = seal_answer(vault.seal_key(), received.holder, received.query, person)
    arguments = {"query": query, "holder": received.holder, "document": base64url.encode(sealed).decode("ascii")}
    reason = "the holder of a record asked who it was"
    return dual_control.plan_request(
        settings, ChangeRequest(act=ANSWER, arguments=arguments, reason=reason, emergency=None)
    )


def _node(settings: Settings) -> NodeSettings:
    if not isinstance(settings, NodeSettings):
        raise OperationRefused("Only a node has practitioners to name.")
    return settings


def _open_query(store: Store, query: str) -> ReceivedMisuseQuery:
    received = next((each for each in store.read(received_misuse_queries.list) if short_id(each) == query), None)
    if received is None:
        raise OperationRefused("There is no such query; `hearthgate misuse list` shows those that wait.")
    if received.state is not ReceivedQueryState.OPEN:
        raise OperationRefused("That query is answered already; nothing was changed.")
    return received


def _sealed(arguments: Mapping[str, Any]) -> bytes:
    return base64url.decode(str(arguments["document"]).encode("ascii"), "sealed answer")


def _name_practitioner(
    vault: FileKeyVault, received: ReceivedMisuseQuery, arguments: Mapping[str, Any]
) -> NamedPractitioner:
    return open_practitioner(vault.seal_key(), received.holder, received.query, _sealed(arguments))
