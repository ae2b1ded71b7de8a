"""Classes of agencies that may join an agreement, and the state of the pair of a joiner and another party.

1. A class says which trust marks a joiner holds, of which kinds its services are, who admits it, and for how many days
   another party may object before their flow opens.
2. A clause lets a class in by its id (``joining_askers``, ``joining_holders``).
3. A pair opens when the party confirms the joiner; or unopposed, on the first day (UTC) after the clear days of
   objection, but for the clauses of :mod:`trust.agreements.confirmation`. An objection keeps it closed until that party
   confirms.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from trust.agreements.party import Party
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, parse_code, parse_entity_id, parse_mark_type

MOST_CLASSES = 16
MOST_DAYS = 90
MAX_ITEMS = 16
"""Marks, and admitting parties, of one class."""
_MEMBERS = ("id", "title", "marks", "kinds", "admitted_by", "objection_days")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoiningClass:
    """A class of agencies that may join.

    ``marks`` are the types of the trust marks that a joiner must hold, ``kinds`` the kinds of which each of its joining
    services must be one. Each of the parties ``admitted_by`` may admit it alone.
    """

    id: str
    title: str
    marks: tuple[str, ...]
    kinds: tuple[str, ...]
    admitted_by: tuple[EntityId, ...]
    objection_days: int


class PairState(StrEnum):
    """How far the flow between a joiner and another party is open."""

    WAITING = "waiting"
    OBJECTED = "objected"
    UNOPPOSED = "unopposed"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The joiner's flow with another party.

    ``decided_by`` is the party that may confirm or object. ``opens_on`` is the day on which a pair that waits opens
    unopposed.
    """

    state: PairState
    joiner: EntityId
    decided_by: EntityId
    opens_on: date | None = None

    @property
    def is_open(self) -> bool:
        """Say whether anything flows between the two."""
        return self.state in {PairState.UNOPPOSED, PairState.CONFIRMED}

    @property
    def reason(self) -> str:
        """Say what the pair waits for; an empty text where it waits for nothing."""
        if self.state is PairState.CONFIRMED:
            return ""
        if self.state is PairState.OBJECTED:
            return f"{self.decided_by} objected to {self.joiner}, which joined; it stays closed until it confirms."
        if self.state is PairState.UNOPPOSED or self.opens_on is None:
            return f"{self.joiner} joined; {self.decided_by} has to confirm it first."
        return f"{self.joiner} joined; this opens on {self.opens_on} unless {self.decided_by} confirms or objects."


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedParty:
    """A party by its own accession, which a party of the document has admitted. ``accession`` is its digest."""

    party: Party
    class_id: str
    accession: str


Pairs = Mapping[EntityId, Pair]
"""The pairs of one node with other agencies, by the other; those that are not in it are open."""


def read_joining(reader: Reader, parties: Collection[Party]) -> tuple[JoiningClass, ...]:
    """Read the member ``joining`` of an agreement, which may be absent. Faults go into the reader."""
    if not reader.has("joining"):
        return ()
    whole = all(party.entity for party in parties)  # a faulty party is one fault, not one for each class
    entities = {party.entity for party in parties}
    classes = []
    for nested in reader.children("joining", max_items=MOST_CLASSES):
        nested.refuse_unknown(_MEMBERS)
        classes.append(_read_class(nested))
        if whole and not set(classes[-1].admitted_by) <= entities:
            nested.fault("admitted_by", "must name parties of this agreement only")
    if len({each.id for each in classes}) < len(classes):
        reader.fault("joining", "has two classes of the same id")
    return tuple(classes)


def _read_class(reader: Reader) -> JoiningClass:
    marks, admitting = reader.parsed_list("marks", parse_mark_type), reader.parsed_list("admitted_by", parse_entity_id)
    for name, items in (("marks", marks), ("admitted_by", admitting)):
        if len(items) > MAX_ITEMS:
            reader.fault(name, f"must not have more than {MAX_ITEMS} items")
    return JoiningClass(
        id=reader.parsed("id", parse_code),
        title=reader.text("title"),
        marks=marks,
        kinds=reader.texts("kinds"),
        admitted_by=admitting,
        objection_days=reader.whole("objection_days", least=1, most=MOST_DAYS),
    )
