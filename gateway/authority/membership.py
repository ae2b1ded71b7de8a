"""The members of an authority: who is active, and the list that its filters leave (OIDF 1.0 section 8.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Store
from gateway.store.tables import members
from gateway.store.tables.members import Member
from trust.federation import party_metadata
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFilter:
    """The members that a list is to name; ``holders`` have a certain trust mark, None where any member counts."""

    entity_types: Sequence[str] = ()
    intermediates: bool = False
    holders: frozenset[str] | None = None

    def accepts(self, member: Member) -> bool:
        """Return whether an active member passes every filter."""
        return (
            member.state == SuspensionState.ACTIVE
            and _is_of(member, self.entity_types)
            and (member.terms.intermediate or not self.intermediates)
            and (self.holders is None or member.entity in self.holders)
        )


def is_active(store: Store, entity: EntityId) -> bool:
    """Return whether an entity is an active member of this authority."""
    member = store.read(lambda tx: members.get(tx, entity=entity))
    return member is not None and member.state == SuspensionState.ACTIVE


def active_members(store: Store, criteria: MemberFilter) -> list[str]:
    """Return the active members that a filter accepts, by name."""
    return [member.entity for member in store.read(members.list) if criteria.accepts(member)]


def _is_of(member: Member, types: Sequence[str]) -> bool:
    """Return whether a member is of all these entity types, as far as its terms let it be."""
    allowed = member.terms.allowed_entity_types
    return all(
        entity_type in member.metadata
        and (allowed is None or entity_type in allowed or entity_type == party_metadata.FEDERATION_ENTITY)
        for entity_type in types
    )
