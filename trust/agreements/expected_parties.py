"""Expected parties: agencies whose services a partnership expects to be asked, party to an agreement or not.

An agreement may list them, so that all its parties have signed who is expected. A lookup is held against the list: it
names each expected service that was not asked, and why.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trust.exchange.reader import Reader
from trust.identifiers import EntityId, ServiceRef, ServiceSlug, parse_entity_id, parse_slug


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedParty:
    """An agency that is expected to take part, with its services."""

    entity: EntityId
    name: str
    services: tuple[ServiceSlug, ...]


def read_expected(reader: Reader) -> tuple[ExpectedParty, ...]:
    """Read the member ``expected`` of an agreement, which may be absent. Faults go into the reader."""
    parties = []
    for nested in reader.children("expected", required=False):
        nested.refuse_unknown(("entity", "name", "services"))
        entity = nested.parsed("entity", parse_entity_id)
        services = nested.parsed_list("services", parse_slug)
        parties.append(ExpectedParty(entity=EntityId(entity), name=nested.text("name"), services=services))
    if len({party.entity for party in parties}) < len(parties):
        reader.fault("expected", "names an agency twice; list all its services in one place")
    return tuple(parties)


def expected_services(parties: Iterable[ExpectedParty]) -> Mapping[ServiceRef, str]:
    """Return each expected service with the name of its agency."""
    return {
        ServiceRef(entity=party.entity, service=service): party.name for party in parties for service in party.services
    }
