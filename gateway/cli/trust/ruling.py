"""``hearthgate trust suspend``, ``readmit`` and ``remove``: who may not take part, in the authority's numbered log.

An entry is signed, numbered and stored in the transaction that changes the member's state: no number is left out, and
no member changes its state without an entry that any peer can hand on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.settings import AnchorSettings
from gateway.administration.context import Settings, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_anchor
from gateway.cli.output import apply_plan, command_output, emergency_option, yes_option
from gateway.federation.own_keys import VouchedKeys
from gateway.keys.files import ANCHOR_KEYS
from gateway.keys.vault import FileKeyVault, open_vault
from gateway.ports import Store, Transaction
from gateway.store.tables import members, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from gateway.store.tables.members import Member
from trust.errors import TrustError
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId, parse_entity_id
from trust.keys import KeyUse, Signer

_WITHIN = "Members notice within 5 minutes, and at once where a peer that knows hands it on."
_reason = click.option("--reason", required=True, help="Why; it is kept with the change and in the journal.")


@click.command()
@click.argument("entity")
@_reason
@emergency_option
@config_option
@yes_option
@command_output
def suspend(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
    """Stop vouching for ENTITY: no member exchanges anything with it, until it is readmitted.

    It takes a second administrator, or an emergency.
    """
    return _asked(SUSPEND, entity, load_anchor(config), _Why(reason=reason, emergency=emergency, yes=yes))


@click.command()
@click.argument("entity")
@_reason
@emergency_option
@config_option
@yes_option
@command_output
def remove(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
    """End the membership of ENTITY for good; only an admission with new thumbprints compared lets it in again.

    It takes a second administrator, or an emergency.
    """
    return _asked(REMOVE, entity, load_anchor(config), _Why(reason=reason, emergency=emergency, yes=yes))


@click.command()
@click.argument("entity")
@_reason
@emergency_option
@config_option
@yes_option
@command_output
def readmit(*, entity: str, config: Path | None, reason: str, emergency: str | None, yes: bool) -> UseCaseResult:
    """Vouch again for the suspended ENTITY, with the keys that it was admitted with.

    It takes a second administrator, or an emergency.
    """
    return _asked(READMIT, entity, load_anchor(config), _Why(reason=reason, emergency=emergency, yes=yes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A new state of a member, which must be as it was when the ruling was shown."""

    held: Member
    state: SuspensionState
    at: datetime


def rule(tx: Transaction, ruling: Ruling, *, issuer: EntityId, signer: Signer) -> int:
    """Store an entry of the log and the member's state with it; return its number.

    Raises :class:`OperationRefused` where the member changed meanwhile.
    """
    held = ruling.held
    found = members.get(tx, entity=held.entity)
    if found is None or (found.state, found.changed_at) != (held.state, held.changed_at):
        raise OperationRefused(
            f"{held.entity} was changed meanwhile; nothing was done. Look at it again, then repeat this."
        )
    members.set_state(tx, entity=held.entity, state=ruling.state, at=ruling.at)
    return log(tx, EntityId(held.entity), ruling.state, at=ruling.at, issuer=issuer, signer=signer)


def log(
    tx: Transaction, subject: EntityId, state: SuspensionState, *, at: datetime, issuer: EntityId, signer: Signer
) -> int:
    """Sign and store the next entry of this authority's log; return its number."""
    seq, issued_at = suspensions.next_seq(tx, issuer=issuer), at.replace(microsecond=0)
    entry = Suspension(issuer=issuer, subject=subject, seq=seq, state=state, issued_at=issued_at)
    suspensions.put(tx, StoredSuspension.of(entry, build_suspension(entry, signer)))
    return entry.seq


def authority_vault(settings: Settings, store: Store) -> FileKeyVault:
    """Open the keys of this authority. Raises ``KeyFilesRefused``."""
    directory = settings.base_dir / settings.keys.directory
    return open_vault(directory, needed=ANCHOR_KEYS, vouched=VouchedKeys(store).since)


def authority_signer(settings: Settings, store: Store) -> Signer:
    """Return the federation key that signs for this authority now. Raises ``KeyFilesRefused``."""
    return authority_vault(settings, store).signer(KeyUse.FEDERATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ruling:
    """The act of suspending, readmitting or removing a member; ``consequence`` says what that means for the others.

    The arguments name the member as it was when the act was asked for: its state and when that last changed.
    """

    name: str
    state: SuspensionState
    from_states: frozenset[str]
    consequence: str

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say whom it concerns. Raises :class:`OperationRefused`."""
        with opened_store(settings) as store:
            held = self._fitting(store, arguments)
            return [
                f"{held.entity} is {held.state} since {held.changed_at:%Y-%m-%d %H:%M} UTC, and will be {self.state}.",
                self.consequence,
                _WITHIN,
                *(_below(held) if self.state is not SuspensionState.ACTIVE else ()),
            ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Change the member's state, and log it. Raises :class:`OperationRefused`, ``KeyFilesRefused``."""
        with opened_store(settings) as store:
            signer = authority_signer(settings, store)
            ruling = Ruling(held=self._fitting(store, arguments), state=self.state, at=at)

            def work(tx: Transaction) -> int:
                seq = rule(tx, ruling, issuer=own_entity(settings), signer=signer)
                commit(tx)
                return seq

            seq = store.write(work)
        return [f"{ruling.held.entity} is {self.state}; number {seq} of the log of suspensions says so."]

    def planned(self, store: Store, entity: EntityId) -> dict[str, str]:
        """Return the arguments for a member as it is now. Raises :class:`OperationRefused`."""
        held = _member(store, entity)
        if held.state not in self.from_states:
            removed = self is READMIT and held.state == SuspensionState.REMOVED
            again = "; admit it anew" if removed else ""
            raise OperationRefused(f"{entity} is {held.state} already; nothing was changed{again}.")
        return {"entity_id": entity, "was": held.state, "since": held.changed_at.isoformat()}

    def _fitting(self, store: Store, arguments: Mapping[str, Any]) -> Member:
        held = _member(store, EntityId(arguments["entity_id"]))
        if (held.state, held.changed_at.isoformat()) != (arguments["was"], arguments["since"]):
            raise OperationRefused(
                f"{held.entity} is {held.state} since {held.changed_at:%Y-%m-%d %H:%M} UTC, which is not what this was "
                "asked for: nothing was changed. Decline it, and ask again if it is still wanted."
            )
        return held


_CUT_OFF = "No member will exchange messages with it; agreements stay, with nothing under them."
SUSPEND = _Ruling(
    name="trust suspend",
    state=SuspensionState.SUSPENDED,
    from_states=frozenset({SuspensionState.ACTIVE}),
    consequence=_CUT_OFF,
)
REMOVE = _Ruling(
    name="trust remove",
    state=SuspensionState.REMOVED,
    from_states=frozenset({SuspensionState.ACTIVE, SuspensionState.SUSPENDED}),
    consequence=_CUT_OFF,
)
READMIT = _Ruling(
    name="trust readmit",
    state=SuspensionState.ACTIVE,
    from_states=frozenset({SuspensionState.SUSPENDED}),
    consequence="Members may exchange messages with it again, as their agreements allow.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Why:
    reason: str
    emergency: str | None
    yes: bool


def _asked(act: _Ruling, entity: str, settings: AnchorSettings, why: _Why) -> UseCaseResult:
    with opened_store(settings) as store:
        arguments = act.planned(store, parse_entity_id(entity))
    return apply_plan(
        plan_request(settings, ChangeRequest(act=act, arguments=arguments, reason=why.reason, emergency=why.emergency)),
        yes=why.yes,
    )


def _member(store: Store, entity: EntityId) -> Member:
    held = store.read(lambda tx: members.get(tx, entity=entity))
    if held is None:
        raise OperationRefused(f"{entity} is not a member; `hearthgate trust list` shows who is.")
    return held


def _below(held: Member) -> list[str]:
    """Say that others hang on an intermediate, whose members this authority does not know."""
    entity = dict(held.metadata.get(FEDERATION_ENTITY, {}))
    try:
        endpoint = parse_federation_entity(entity, entity=EntityId(held.entity)).fetch_endpoint
    except TrustError:
        endpoint = None
    if endpoint is None:
        return []
    return [
        "It vouches for others: whoever is trusted through it alone is cut off with it. Its list endpoint names them.",
    ]
