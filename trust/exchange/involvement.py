"""The exchange ``involvement.query``, which asks which services work with this person, and for their contacts.

A query may name the fields it wants; without names it asks for all that the clause allows. A reply is one status and,
where the status is ``known``, the involvements, each cut down to the permitted fields. Every reply of the status
``nothing_to_share`` from one service on one day is the same for every reason (assertion A42).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from trust.claims import IGNORABLE, UNPRINTABLE, strip_ignorable
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import ClauseWords, ExchangeKind, ReplyTerms
from trust.exchange.reader import Reader
from trust.identifiers import KindName
from trust.strict_json import JsonObject, dumps

KIND = KindName("involvement.query")
VERSION = 1
MAX_FIELDS = 16
"""Names that a query may list: more than there are, since names that are no fields are dropped."""
MAX_INVOLVEMENTS = 50
"""A service that reports more involvements of one person is not answering the question."""
NOT_ONWARD = "none"
"""The term of a reply that may not be passed on at all."""
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_WORD = re.compile(r"[a-z][a-z0-9.-]{0,63}")


class InvolvementStatus(StrEnum):
    """What one service's line in a lookup says; docs/case-api.md says what each means to a practitioner."""

    KNOWN = "known"
    NOT_KNOWN = "not_known"
    NO_CURRENT_INVOLVEMENT = "no_current_involvement"
    REVIEW = "review"
    NOTHING_TO_SHARE = "nothing_to_share"
    REFUSED = "refused"
    NO_REPLY = "no_reply"


class InvolvementField(StrEnum):
    """What may be said about one involvement, if the clause allows it."""

    ORGANISATION = "organisation"
    SERVICE_TYPE = "service_type"
    PLAN = "plan"
    """A statutory plan or enquiry that is open; only a clause that names it for a role gives it."""
    ROLE = "role"
    WORKER = "worker"
    PHONE = "phone"
    DUTY_PHONE = "duty_phone"
    SINCE = "since"
    LAST_CONTACT_MONTH = "last_contact_month"


FIELDS = frozenset(str(field) for field in InvolvementField)
REPLY_MEMBERS = frozenset(
    {"status", "involvements", "note", "as_of", "keep_until", "onward", "no_current_involvement", "padding"}
)
SIZE_STEP = 512
"""Bytes: a reply's body is filled to a multiple of them, so that its size tells little of what it says."""
_STATUSES_ON_THE_WIRE = (
    InvolvementStatus.KNOWN,
    InvolvementStatus.NOT_KNOWN,
    InvolvementStatus.REVIEW,
    InvolvementStatus.NOTHING_TO_SHARE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Involvement:
    """One service's work with one person. ``last_contact_month`` is written YYYY-MM: no day ever leaves a node."""

    organisation: str | None = None
    service_type: str | None = None
    plan: str | None = None
    role: str | None = None
    worker: str | None = None
    phone: str | None = None
    duty_phone: str | None = None
    since: date | None = None
    last_contact_month: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvementQuery:
    """What is asked. ``fields`` is ``None`` for all that the clause allows; ``dropped`` names unknown body members."""

    fields: frozenset[str] | None = None
    dropped: tuple[str, ...] = ()

    @property
    def clause_words(self) -> ClauseWords:
        """None: clauses of this kind have no lists of their own."""
        return {}

    def to_body(self) -> JsonObject:
        """Return the body that asks for ``fields``, or for all that the clause allows."""
        return {} if self.fields is None else {"fields": sorted(self.fields)}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvementReply:
    """One service's answer. ``as_of`` is the day its source is good for, ``note`` a sentence for the practitioner."""

    status: InvolvementStatus
    involvements: tuple[Mapping[str, str], ...]
    note: str
    as_of: date
    keep_until: date
    onward: str

    @property
    def fields(self) -> frozenset[str]:
        """The names of the fields that the involvements have."""
        return frozenset(name for each in self.involvements for name in each)

    @property
    def in_doubt(self) -> bool:
        """Whether the status is ``review``."""
        return self.status is InvolvementStatus.REVIEW

    def limited_to(self, fields: frozenset[str], terms: ReplyTerms) -> "InvolvementReply":
        """Return the reply without fields that a holder should not have sent, bound as the clause binds the asker.

        A holder may bind the asker more closely than the clause does, never less: the agreement is what was signed.
        """
        limited = ({name: text for name, text in each.items() if name in fields} for each in self.involvements)
        return replace(
            self,
            involvements=tuple(limited),
            as_of=min(self.as_of, terms.answered_on),
            keep_until=min(self.keep_until, terms.keep_until),
            onward=NOT_ONWARD if self.onward == NOT_ONWARD else terms.onward,
        )


def involvement_to_fields(involvement: Involvement) -> dict[InvolvementField, str]:
    """Return what is known of an involvement as texts, without the fields that are not."""
    texts = {
        InvolvementField.ORGANISATION: involvement.organisation,
        InvolvementField.SERVICE_TYPE: involvement.service_type,
        InvolvementField.PLAN: involvement.plan,
        InvolvementField.ROLE: involvement.role,
        InvolvementField.WORKER: involvement.worker,
        InvolvementField.PHONE: involvement.phone,
        InvolvementField.DUTY_PHONE: involvement.duty_phone,
        InvolvementField.SINCE: involvement.since.isoformat() if involvement.since else None,
        InvolvementField.LAST_CONTACT_MONTH: involvement.last_contact_month,
    }
    return {field: text for field, text in texts.items() if text}


def parse_query_body(body: JsonObject) -> InvolvementQuery:
    """Read the body of a query. Names of fields that do not exist are dropped with the unknown members."""
    reader = Reader(body, path="body.")
    names = reader.texts("fields", max_items=MAX_FIELDS) if reader.has("fields") else None
    if reader.faults:
        raise MalformedBody(reader.faults)
    dropped = reader.unknown(("fields",))
    if names is None:
        return InvolvementQuery(dropped=dropped)
    if set(names) - FIELDS:
        dropped = (*dropped, "fields[]")
    return InvolvementQuery(fields=FIELDS.intersection(names), dropped=dropped)


def build_reply_body(
    status: InvolvementStatus,
    *,
    terms: ReplyTerms,
    duty_phone: str | None = None,
    involvements: Sequence[Mapping[str, str]] = (),
    as_of: date | None = None,
) -> JsonObject:
    """Return the body of a reply, always with the same members but one, and filled to a step of size.

    A record without a current involvement is ``not_known`` on the wire, which every asker understands, with the member
    ``no_current_involvement`` beside it and a note that says so.
    ``involvements`` (already minimised) and ``as_of`` count only where the status is ``known``: every other answer is
    dated with the day it was given, so that nothing in it depends on what was or was not found.
    """
    is_known = status is InvolvementStatus.KNOWN
    not_current = status is InvolvementStatus.NO_CURRENT_INVOLVEMENT
    body: JsonObject = {
        "status": str(InvolvementStatus.NOT_KNOWN if not_current else status),
        "involvements": [dict(row) for row in involvements] if is_known else [],
        "note": _note(status, duty_phone),
        "as_of": (as_of if is_known and as_of else terms.answered_on).isoformat(),
        "keep_until": terms.keep_until.isoformat(),
        "onward": terms.onward,
    }
    further = {"no_current_involvement": True} if not_current else {}
    missing = -len(dumps({**body, "padding": "", **further})) % SIZE_STEP
    return {**body, "padding": "0" * missing, **further}


def parse_reply_body(body: JsonObject) -> InvolvementReply:
    """Read the body of a reply; unknown members and unknown fields of an involvement are dropped.

    Raises :class:`MalformedBody`, also for ``refused`` (a refusal has a body of its own) and ``no_reply`` (which is the
    asker's own word for silence).
    """
    reader = Reader(body, path="body.")
    status = reader.choice("status", InvolvementStatus)
    if status is not None and status not in _STATUSES_ON_THE_WIRE:
        reader.fault("status", "is not one that a service answers with")
    involvements = tuple(
        _parse_involvement(row) for row in reader.children("involvements", required=False, max_items=MAX_INVOLVEMENTS)
    )
    if (status is InvolvementStatus.KNOWN) != bool(involvements):
        reader.fault("involvements", "must be there when, and only when, the status is known")
    if reader.flag("no_current_involvement"):
        if status is not InvolvementStatus.NOT_KNOWN:
            reader.fault("no_current_involvement", "must be there only when the status is not_known")
        status = InvolvementStatus.NO_CURRENT_INVOLVEMENT
    note = reader.optional_text("note", max_len=500) or ""
    if IGNORABLE.search(note):
        reader.fault("note", "must not have characters that show nothing")
    as_of, keep_until = reader.day("as_of"), reader.day("keep_until")
    onward = reader.text("onward", pattern=_WORD)
    if reader.faults or status is None:
        raise MalformedBody(reader.faults)
    return InvolvementReply(
        status=status, involvements=involvements, note=note, as_of=as_of, keep_until=keep_until, onward=onward
    )


def check_involvements(involvements: Sequence[Mapping[str, str]]) -> None:
    """Hold what is to be sent to the rules by which :func:`parse_reply_body` reads it. Raises :class:`MalformedBody`.

    What is checked comes from a case system: a day where only a month may leave, or a moment where a day belongs.
    """
    reader = Reader({"involvements": [dict(row) for row in involvements]}, path="body.")
    for row in reader.children("involvements", required=False, max_items=MAX_INVOLVEMENTS):
        _parse_involvement(row)
    if reader.faults:
        raise MalformedBody(reader.faults)


_IN_ORDER = tuple(InvolvementField)


def _parse_involvement(reader: Reader) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for field in _IN_ORDER:
        if not reader.has(field):
            continue
        if field is InvolvementField.SINCE:
            fields[field] = reader.day(field).isoformat()
        elif field is InvolvementField.LAST_CONTACT_MONTH:
            fields[field] = reader.text(field, pattern=_MONTH)
        else:
            fields[field] = strip_ignorable(reader.text(field))
    return {str(field): text for field, text in fields.items()}


def _note(status: InvolvementStatus, duty_phone: str | None) -> str:
    ring = f"Our duty line is {UNPRINTABLE.sub(' ', duty_phone)}." if duty_phone else "Ring our duty line."
    if status is InvolvementStatus.NOTHING_TO_SHARE:
        return f"This does not mean that we are not involved. {ring}"
    if status is InvolvementStatus.REVIEW:
        return f"Someone here must decide whether this is the same person. {ring}"
    if status is InvolvementStatus.NOT_KNOWN:
        return "We have no record of this person."
    if status is InvolvementStatus.NO_CURRENT_INVOLVEMENT:
        return f"We have a record of this person, and no current involvement. {ring}"
    return ring


INVOLVEMENT_QUERY = ExchangeKind(
    name=KIND,
    description="whether they work with a person, and the workers to ring",
    parsers={VERSION: parse_query_body},
    parse_reply=parse_reply_body,
    fields=FIELDS,
    reply_members=REPLY_MEMBERS,
)
