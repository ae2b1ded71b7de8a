"""A kind of exchange as a module of trust.exchange defines it: a person's place on a waiting list."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from trust.exchange.errors import MalformedBody
from trust.exchange.kind import ClauseList, ClauseWords, ExchangeKind, ReplyTerms, join_words
from trust.exchange.reader import Reader
from trust.identifiers import KindName, parse_code
from trust.strict_json import JsonObject

FIELDS = frozenset({"place", "months"})
LISTS = "waiting_lists"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingQuery:
    """A question about the person's place on one list."""

    waiting_list: str
    dropped: tuple[str, ...] = ()

    @property
    def fields(self) -> None:
        """All that the clause gives."""
        return

    @property
    def clause_words(self) -> ClauseWords:
        """The list."""
        return {LISTS: frozenset({self.waiting_list})}

    def to_body(self) -> JsonObject:
        """Return the body that asks it."""
        return {"waiting_list": self.waiting_list}


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReply:
    """The permitted fields; none where the person is on no list that may be told of."""

    row: Mapping[str, str]

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that came."""
        return frozenset(self.row)

    @property
    def in_doubt(self) -> bool:
        """Never."""
        return False

    def limited_to(self, fields: frozenset[str], _terms: ReplyTerms) -> "WaitingReply":
        """Return the reply without other fields."""
        return replace(self, row={name: text for name, text in self.row.items() if name in fields})


def parse_query(body: JsonObject) -> WaitingQuery:
    """Read a query's body."""
    reader = Reader(body, path="body.")
    waiting_list = reader.parsed("waiting_list", parse_code)
    if reader.faults:
        raise MalformedBody(reader.faults)
    return WaitingQuery(waiting_list=waiting_list, dropped=reader.unknown(("waiting_list",)))


def parse_reply(body: JsonObject) -> WaitingReply:
    """Read a reply's body."""
    reader = Reader(body, path="body.")
    row = {name: reader.text(name) for name in sorted(FIELDS) if reader.has(name)}
    if reader.faults:
        raise MalformedBody(reader.faults)
    return WaitingReply(row=row)


WAITING_QUERY = ExchangeKind(
    name=KindName("waiting.query"),
    description="which place a person has on a waiting list",
    parsers={1: parse_query},
    parse_reply=parse_reply,
    fields=FIELDS,
    reply_members=FIELDS,
    clause_lists=(
        ClauseList(
            name=LISTS,
            words=("flats", "houses"),
            required=True,
            code="waiting_list_not_permitted",
            reason="The clause does not permit this waiting list.",
            remedy="Ask about one that the clause lists.",
            passage=lambda words: f"It may ask only about these waiting lists: {join_words(sorted(words))}.",
        ),
    ),
)
