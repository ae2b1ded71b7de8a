"""The kinds of exchange: their versions, and the longest lifetime of a message of each.

A node speaks the current version and the one before it. The registry is a plain table: nothing registers itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from trust.exchange import eligibility, involvement
from trust.exchange.eligibility import EligibilityQuery
from trust.exchange.errors import UnsupportedKind
from trust.exchange.involvement import InvolvementQuery
from trust.exchange.reader import Reader
from trust.identifiers import KindName
from trust.strict_json import JsonObject

QUERY_LIFE = timedelta(minutes=5)
"""The longest a query may live (WIRE section 3); also the bound for a kind that is not known."""

Query = InvolvementQuery | EligibilityQuery
"""The parsed body of any query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of exchange. ``fields`` is every field that an agreement's clause may permit for it.

    ``reply_members`` is every member that the body of an answer may have.
    """

    name: KindName
    parsers: Mapping[int, Callable[[JsonObject], Query]]
    max_life: timedelta
    fields: frozenset[str]
    reply_members: frozenset[str]

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions spoken, lowest first."""
        return tuple(sorted(self.parsers))


KINDS: Mapping[KindName, Kind] = MappingProxyType(
    {
        involvement.KIND: Kind(
            name=involvement.KIND,
            parsers={involvement.VERSION: involvement.parse_query_body},
            max_life=QUERY_LIFE,
            fields=involvement.FIELDS,
            reply_members=involvement.REPLY_MEMBERS,
        ),
        eligibility.KIND: Kind(
            name=eligibility.KIND,
            parsers={eligibility.VERSION: eligibility.parse_query_body},
            max_life=QUERY_LIFE,
            fields=eligibility.FIELDS,
            reply_members=eligibility.FIELDS,
        ),
    }
)


def max_life(kind: str) -> timedelta:
    """Return how far ahead a message of this kind may set its ``exp``."""
    found = KINDS.get(KindName(kind))
    return found.max_life if found else QUERY_LIFE


def supported() -> dict[KindName, tuple[int, ...]]:
    """Return kind -> versions, as a node publishes them in ``kinds_supported``."""
    return {name: kind.versions for name, kind in KINDS.items()}


def parse_body(kind: str, version: int, body: JsonObject) -> Query:
    """Read a message's body by its kind and version. Raises :class:`UnsupportedKind` or ``MalformedBody``."""
    found = KINDS.get(KindName(kind))
    parser = found.parsers.get(version) if found else None
    if parser is None:
        raise UnsupportedKind("This node does not speak that kind of exchange in that version.")
    return parser(body)


def dropped_of_reply(kind: str, body: JsonObject) -> tuple[str, ...]:
    """Return the names of the members of an answer that nothing here reads, made safe to show."""
    found = KINDS.get(KindName(kind))
    return Reader(body).unknown(found.reply_members) if found else ()
