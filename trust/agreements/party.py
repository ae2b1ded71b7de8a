"""A party of an agreement: the agency, its services, and its controllers' particulars."""

from dataclasses import dataclass

from trust.agreements.legal_entry import UkNation
from trust.errors import MalformedClaims
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, ServiceRef, ServiceSlug, parse_entity_id, parse_slug, service_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """An agency bound by the agreement, with those of its services that take part.

    ``nations`` are the parts of the United Kingdom in which it acts. Each party is a controller of what it holds and of
    what it is sent: ``complaints`` says how a person complains to it (Data Protection Act 2018 s.164A), ``processors``
    are those that process for it here (UK GDPR Article 28). All are empty where the document does not say.
    """

    entity: EntityId
    name: str
    services: tuple[ServiceSlug, ...]
    nations: frozenset[UkNation] = frozenset()
    complaints: str = ""
    processors: tuple[str, ...] = ()

    @property
    def service_refs(self) -> frozenset[ServiceRef]:
        """Its services, each with its agency."""
        return frozenset(service_ref(self.entity, slug) for slug in self.services)


def read_parties(reader: Reader) -> tuple[Party, ...]:
    """Read the member ``parties`` of an agreement. Faults go into the reader."""
    parties = []
    for nested in reader.children("parties"):
        nested.refuse_unknown(("entity", "name", "services", "nations", "complaints", "processors"))
        party = Party(
            entity=nested.parsed("entity", parse_entity_id),
            name=nested.text("name"),
            services=nested.parsed_list("services", parse_slug),
            nations=read_nations(nested),
            complaints=nested.optional_text("complaints") or "",
            processors=tuple(nested.texts("processors", required=False)),
        )
        parties.append(party)
    if len({party.entity for party in parties}) < len(parties):
        reader.fault("parties", "names an agency twice; list all its services in one place")
    return tuple(parties)


def read_nations(reader: Reader) -> frozenset[UkNation]:
    """Read the member ``nations``, which may be absent. Faults go into the reader."""
    return frozenset(reader.parsed_list("nations", _parse_nation, required=False))


def _parse_nation(text: str) -> UkNation:
    try:
        return UkNation(text)
    except ValueError:
        raise MalformedClaims("A nation must be one of " + ", ".join(UkNation) + ".") from None
