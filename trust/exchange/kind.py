"""The shape of a kind of exchange: everything that differs between two kinds, in one value.

1. A module of :mod:`trust.exchange` defines one :class:`ExchangeKind`; :mod:`trust.exchange.kinds` lists it.
   A *query* is answered at once by a reply. A *queued* kind is stored, and receipts tell what became of it.
2. Envelope, agreements, decisions and the gateway's path read the value and name no kind.
3. A clause has a member for each :class:`ClauseList` of its kind; a query names the words that these must hold.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import Protocol, Self

from trust.exchange.consent import ConsentRole
from trust.exchange.errors import Fault, MalformedBody, UnsupportedKind
from trust.exchange.persons import ConcernedPerson, Part
from trust.exchange.reader import Reader
from trust.identifiers import EntityId, KindName, ServiceRef
from trust.strict_json import JsonObject

QUERY_LIFE = timedelta(minutes=5)
"""The longest a query may live (WIRE section 3); also the bound for a kind that is not known."""
QUEUED_LIFE = timedelta(days=15)
"""The longest a message of a queued kind may live: the relay tries for 14 days."""
EXISTENCE = "known_to_service"
"""What a kind reveals whose answers tell a known person from an unknown one."""

ClauseWords = Mapping[str, frozenset[str]]
"""Words by the name of a clause's list."""


class Query(Protocol):
    """The parsed body of a query of any kind."""

    @property
    def fields(self) -> frozenset[str] | None:
        """The fields that are wanted; ``None`` for all that the clause permits."""
        ...

    @property
    def clause_words(self) -> ClauseWords:
        """The words that the clause's own lists must hold."""
        ...

    @property
    def dropped(self) -> tuple[str, ...]:
        """The names of body members that this version does not know."""
        ...

    def to_body(self) -> JsonObject:
        """Return the body that asks this."""
        ...


class QueuedBody(Query, Protocol):
    """The parsed body of a message of a queued kind: typed details, and statements that are each about persons."""

    @property
    def fields(self) -> frozenset[str]:
        """The names of the details and of the statements' fields that it brings."""
        ...

    @property
    def refs(self) -> frozenset[str]:
        """The persons of the message that its statements are about."""
        ...

    @property
    def recipient_kinds(self) -> frozenset[str] | None:
        """The kinds of service that may receive it; ``None`` for any."""
        ...

    @property
    def conflicts(self) -> frozenset[ServiceRef]:
        """The services at which an alleged perpetrator works, none of which may receive it."""
        ...

    @property
    def chosen_recipient(self) -> EntityId | None:
        """The only agency that may receive it, where the person chose one."""
        ...

    @property
    def consent_roles(self) -> frozenset[ConsentRole]:
        """The roles that each person's signed consent must have, also where the clause rests on no consent."""
        ...

    @property
    def address_field(self) -> str | None:
        """The field without which no person's address is sent; ``None`` where the clause's own rule is enough."""
        ...

    @property
    def parts(self) -> Mapping[str, Part]:
        """The details that are about persons of one part, each with the part: they go only with such a person."""
        ...

    def faults(self, persons: Iterable[ConcernedPerson], on: date) -> Iterable[Fault]:
        """Return what is wrong between the body, the persons of its message and the day on which it was made."""
        ...

    def cut(self, fields: frozenset[str], refs: frozenset[str]) -> Self:
        """Return the body with only these fields, and without statements about any person but these."""
        ...

    def without_narrative(self) -> Self:
        """Return the body without what its statements say, which no decision reads."""
        ...


class MessageAnswer(Protocol):
    """What became of a message of a queued kind: the parsed body of an ``answered`` receipt."""

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        ...

    @property
    def is_final(self) -> bool:
        """Whether no one waits for another answer after this one."""
        ...

    @property
    def is_possible_breach(self) -> bool:
        """Whether personal data may have gone to the wrong place."""
        ...

    def check_follows(self, previous: str | None) -> None:
        """Raise :class:`trust.exchange.errors.ExchangeRefused` where this answer cannot follow the one of that code."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTerms:
    """What binds the asker: keep the answer no longer than ``keep_until``, pass it on only as ``onward`` says."""

    answered_on: date
    keep_until: date
    onward: str


class Reading(Protocol):
    """The parsed body of a reply of any kind."""

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that the reply brings."""
        ...

    @property
    def in_doubt(self) -> bool:
        """Whether a human at the holder must decide whether it is the same person."""
        ...

    def limited_to(self, fields: frozenset[str], terms: ReplyTerms) -> "Reading":
        """Return the reply without fields that the clause does not give, bound at least as closely as ``terms``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseList:
    """A list of words in the clauses of one kind, which permits or refuses a query.

    ``words`` is the closed vocabulary; ``None`` for any code. A list that is not ``required`` permits every word where
    a clause leaves it out. ``code``, ``reason`` and ``remedy`` word the refusal. ``passage`` reads the words out to a
    signatory.
    """

    name: str
    words: tuple[str, ...] | None
    required: bool
    code: str
    reason: str
    remedy: str
    passage: Callable[[frozenset[str]], str]

    def permits(self, clause_lists: ClauseWords, query: Query) -> bool:
        """Say whether a clause with these lists permits what the query asks."""
        words, permission = query.clause_words.get(self.name), clause_lists.get(self.name)
        return not words or (not permission and not self.required) or words <= (permission or frozenset())


def join_words(words: Iterable[str]) -> str:
    """Join words by commas and "and"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def no_reply(_body: JsonObject) -> Reading:
    """Refuse every body (:class:`MalformedBody`): a message of a queued kind is answered by receipts."""
    raise MalformedBody([Fault(path="body", problem="answers a kind of exchange that has receipts and no replies")])


def _existence_alone(_lists: ClauseWords) -> frozenset[str]:
    return frozenset({EXISTENCE})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeKind:
    """One kind of exchange.

    ``description`` ends the sentence "A may ask B ..." of an agreement, or "A may send B ..." for a ``queued`` kind.
    ``fields`` is every field that a clause may permit; an ``indivisible`` reply always has all of them.
    ``reply_members`` is every member of a reply's body. ``reveals`` names what answers under a clause with the given
    lists can tell. ``has_rating`` says that recipients close its messages as useful or not. ``parse_answer`` reads the
    outcome of a message of a queued kind, whose parsers return a :class:`QueuedBody`. A kind ``without_agreement`` is
    queued; its messages state a ground, and no agreement grants it.
    """

    name: KindName
    description: str
    parsers: Mapping[int, Callable[[JsonObject], Query]]
    fields: frozenset[str]
    parse_reply: Callable[[JsonObject], Reading] = no_reply
    reply_members: frozenset[str] = frozenset()
    indivisible: bool = False
    clause_lists: tuple[ClauseList, ...] = ()
    reveals: Callable[[ClauseWords], frozenset[str]] = _existence_alone
    max_life: timedelta = QUERY_LIFE
    queued: bool = False
    has_rating: bool = False
    without_agreement: bool = False
    parse_answer: Callable[[JsonObject], MessageAnswer] | None = None

    @property
    def versions(self) -> tuple[int, ...]:
        """The versions spoken, lowest first."""
        return tuple(sorted(self.parsers))

    def unread_members(self, body: JsonObject) -> tuple[str, ...]:
        """Return the names of the members of a reply that nothing here reads, made safe to show."""
        return Reader(body).unknown(self.reply_members)


Kinds = Mapping[KindName, ExchangeKind]
"""The kinds that a node speaks, by name."""


def kinds_by_name(*kinds: ExchangeKind) -> Kinds:
    """Return the table of these kinds."""
    return MappingProxyType({kind.name: kind for kind in kinds})


def max_life(kinds: Kinds, kind: str) -> timedelta:
    """Return how far ahead a message of this kind may set its ``exp``."""
    entry = kinds.get(KindName(kind))
    return entry.max_life if entry else QUERY_LIFE


def is_queued(kinds: Kinds, kind: str) -> bool:
    """Say whether messages of this kind are stored and receipted, and not answered by a reply."""
    entry = kinds.get(KindName(kind))
    return entry is not None and entry.queued


def needs_no_agreement(kinds: Kinds, kind: str) -> bool:
    """Say whether messages of this kind rest on a stated ground and on no agreement."""
    entry = kinds.get(KindName(kind))
    return entry is not None and entry.without_agreement


def supported(kinds: Kinds) -> dict[KindName, tuple[int, ...]]:
    """Return kind -> versions, as a node publishes them in ``kinds_supported``."""
    return {name: kind.versions for name, kind in kinds.items()}


def parse_query(kinds: Kinds, kind: str, version: int, body: JsonObject) -> Query:
    """Read a message's body by its kind and version. Raises :class:`UnsupportedKind` or ``MalformedBody``."""
    entry = kinds.get(KindName(kind))
    parser = entry.parsers.get(version) if entry else None
    if parser is None:
        raise UnsupportedKind("This node does not speak that kind of exchange in that version.")
    return parser(body)
