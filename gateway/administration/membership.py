"""Suspend, readmit and remove a member, and list the members of an authority; each change takes two administrators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from config.settings import AnchorSettings
from gateway.administration import member_terms
from gateway.administration.context import Settings, authority_signer, opened_store, own_entity
from gateway.administration.dual_control import ChangeRequest, Commit, plan_request
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.authority.suspension import StateChange, change_state
from gateway.ports import Store, Transaction
from gateway.store.tables import members
from gateway.store.tables.members import Member
from trust.errors import TrustError
from trust.federation.party_metadata import FEDERATION_ENTITY, parse_federation_entity
from trust.federation.suspension import SuspensionState
from trust.federation.terms import terms_to_json
from trust.identifiers import EntityId, parse_entity_id

_WITHIN = "Members notice within 5 minutes, and at once where a peer that knows hands it on."
_CUT_OFF = "No member will exchange messages with it; agreements stay, with nothing under them."


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipAct:
    """The act of giving a member another state; ``consequence`` says what that means for the others.

    The arguments name the member as it was when the act was asked for: its state and when that last changed.
    """

    name: str
    state: SuspensionState
    from_states: frozenset[str]
    consequence: str

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Describe the member and its new state. Raises :class:`OperationRefused`."""
        with opened_store(settings) as store:
            member = _unchanged(store, arguments)
        return [
            f"{member.entity} is {_since(member)}, and will be {self.state}.",
            self.consequence,
            _WITHIN,
            *(_below(member) if self.state is not SuspensionState.ACTIVE else ()),
        ]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Change the member's state, and log it. Raises :class:`OperationRefused`, ``KeyFilesRefused``."""
        with opened_store(settings) as store:
            signer = authority_signer(settings, store)
            change = StateChange(member=_unchanged(store, arguments), state=self.state, at=at)

            def work(tx: Transaction) -> int:
                seq = change_state(tx, change, issuer=own_entity(settings), signer=signer)
                commit(tx)
                return seq

            seq = store.write(work)
        return [f"{change.member.entity} is {self.state}; number {seq} of the log of suspensions says so."]

    def arguments(self, store: Store, entity: EntityId) -> dict[str, str]:
        """Return the arguments for a member as it is now. Raises :class:`OperationRefused`."""
        member = get_member(store, entity)
        if member.state not in self.from_states:
            removed = self is READMIT and member.state == SuspensionState.REMOVED
            again = "; admit it again" if removed else ""
            raise OperationRefused(f"{entity} is {member.state} already; nothing was changed{again}.")
        return {"entity_id": entity, "was": member.state, "since": member.changed_at.isoformat()}


SUSPEND = MembershipAct(
    name="trust suspend",
    state=SuspensionState.SUSPENDED,
    from_states=frozenset({SuspensionState.ACTIVE}),
    consequence=_CUT_OFF,
)
REMOVE = MembershipAct(
    name="trust remove",
    state=SuspensionState.REMOVED,
    from_states=frozenset({SuspensionState.ACTIVE, SuspensionState.SUSPENDED}),
    consequence=_CUT_OFF,
)
READMIT = MembershipAct(
    name="trust readmit",
    state=SuspensionState.ACTIVE,
    from_states=frozenset({SuspensionState.SUSPENDED}),
    consequence="Members may exchange messages with it again, as their agreements allow.",
)


def plan_membership(
    settings: AnchorSettings, act: MembershipAct, entity: str, *, reason: str, emergency: str | None
) -> ChangePlan:
    """Plan to suspend, remove or readmit a member. Raises :class:`OperationRefused` and ``TrustError``."""
    with opened_store(settings) as store:
        arguments = act.arguments(store, parse_entity_id(entity))
    return plan_request(settings, ChangeRequest(act=act, arguments=arguments, reason=reason, emergency=emergency))


def list_members(settings: AnchorSettings) -> UseCaseResult:
    """Return every member that this authority ever admitted."""
    with opened_store(settings) as store:
        every = store.read(members.list)
    return UseCaseResult(
        lines=[line for member in every for line in _lines(member)] or ["No agency has been admitted yet."],
        data={"members": [_to_json(member) for member in every]},
    )


def get_member(store: Store, entity: EntityId) -> Member:
    """Return a member in any state. Raises :class:`OperationRefused` for an entity that was never admitted."""
    member = store.read(lambda tx: members.get(tx, entity=entity))
    if member is None:
        raise OperationRefused(f"{entity} is not a member; `hearthgate trust list` shows who is.")
    return member


def _since(member: Member) -> str:
    """Return a member's state and when it last changed, as part of a sentence."""
    return f"{member.state} since {member.changed_at:%Y-%m-%d %H:%M} UTC"


def _unchanged(store: Store, arguments: Mapping[str, Any]) -> Member:
    member = get_member(store, EntityId(arguments["entity_id"]))
    if (member.state, member.changed_at.isoformat()) != (arguments["was"], arguments["since"]):
        raise OperationRefused(
            f"{member.entity} is {_since(member)}, which is not what this was asked for: nothing was changed. Decline "
            "it, and ask again if it is still needed."
        )
    return member


def _below(member: Member) -> list[str]:
    """Warn that an intermediate's members, which this authority does not know, are cut off with it."""
    entity = dict(member.metadata.get(FEDERATION_ENTITY, {}))
    try:
        endpoint = parse_federation_entity(entity, entity=EntityId(member.entity)).fetch_endpoint
    except TrustError:
        endpoint = None
    if endpoint is None:
        return []
    return [
        "It vouches for others: those that are trusted through it alone are cut off too. Its list endpoint names them."
    ]


def _lines(member: Member) -> list[str]:
    bound = member_terms.lines(member.terms)[0 if member.terms.intermediate else 1 :]
    return [
        f"{member.entity}  {_since(member)}  admitted {member.admitted_at:%Y-%m-%d}",
        *(f"  {each}" for each in bound),
    ]


def _to_json(member: Member) -> dict[str, object]:
    return {
        "entity_id": member.entity,
        "state": member.state,
        "admitted_at": member.admitted_at.isoformat(),
        "changed_at": member.changed_at.isoformat(),
        "thumbprints": [str(key.get("kid")) for key in member.jwks.get("keys", [])],
        "terms": terms_to_json(member.terms),
    }
