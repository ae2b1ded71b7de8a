"""The exchange ``notice``: a queued message to another controller about something that both hold.

1. ``case.closure`` ends an involvement; ``correction`` and ``erasure`` follow an earlier message (UK GDPR Article 19).
   ``consent.withdrawn`` says that a consent under which the sender asked or sent was withdrawn or has run out.
2. The recipient is a controller and decides afresh: done, note added, kept, or not held.
3. No notice brings a person's address. A new one is stated in a correction under the field ``correction.address``,
   which a clause must grant, so that no correction carries a new address to holders of the old.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from trust.exchange import details
from trust.exchange.addresses import holds_postcode
from trust.exchange.consent import EVIDENCE
from trust.exchange.details import BodyForm, Content, Detail, TypedBody, read_content
from trust.exchange.envelope import JTI
from trust.exchange.errors import MalformedBody
from trust.exchange.kind import QUEUED_LIFE, ClauseList, ClauseWords, ExchangeKind, join_words
from trust.exchange.persons import PERSON_FIELDS
from trust.exchange.reader import Reader
from trust.identifiers import KindName
from trust.strict_json import JsonObject

NOTICE = KindName("notice")
VERSION = 1
NOTICE_TYPES = "notice_types"
CORRECTION_ADDRESS = "correction.address"
"""The only field of a notice that may hold an address."""
_MEMBERS = ("type", "details", "statements")
_REPLACING = ("replace", "complete")
_ADDRESS = frozenset({"address", "postcode", "uprn"})
_PATH = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*){0,7}")
_ORIGINAL = Detail(name="original", parse=details.matching(JTI), required=True)
_ITEM = Detail(name="item", parse=details.matching(_PATH), required=True)
_BASIS = Detail(name="basis", parse=details.code, required=True)


class NoticeType(StrEnum):
    """What a notice asks its recipient to do."""

    CASE_CLOSURE = "case.closure"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CORRECTION = "correction"
    ERASURE = "erasure"


FORMS: Mapping[NoticeType, BodyForm] = MappingProxyType(
    {
        NoticeType.CASE_CLOSURE: BodyForm(
            details=(
                Detail(name="involvement", parse=details.reference, required=True),
                Detail(name="ended_on", parse=details.day, required=True),
                Detail(
                    name="closure_reason",
                    parse=details.word("completed", "transferred", "moved-away", "declined", "died", "other"),
                    required=True,
                ),
            ),
        ),
        NoticeType.CONSENT_WITHDRAWN: BodyForm(
            details=(
                Detail(name="consent", parse=details.matching(EVIDENCE), required=True),
                Detail(name="consent_ended_on", parse=details.day, required=True),
                Detail(name="consent_ended_by", parse=details.word("withdrawal", "expiry"), required=True),
            ),
        ),
        NoticeType.CORRECTION: BodyForm(
            details=(
                _ORIGINAL,
                _ITEM,
                Detail(name="action", parse=details.word(*_REPLACING, "remove", "restrict"), required=True),
                _BASIS,
            ),
            statements=frozenset({"correction", CORRECTION_ADDRESS}),
        ),
        NoticeType.ERASURE: BodyForm(
            details=(_ORIGINAL, Detail(name="item", parse=details.matching(_PATH)), _BASIS),
        ),
    }
)
"""Every type of notice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeBody(TypedBody):
    """What a notice says."""

    type: NoticeType

    @property
    def form(self) -> BodyForm:
        """The type's own form."""
        return FORMS[self.type]

    @property
    def clause_words(self) -> ClauseWords:
        """The type."""
        return {NOTICE_TYPES: frozenset({str(self.type)})}

    @property
    def address_field(self) -> str:
        """The field without which no person's address is sent."""
        return CORRECTION_ADDRESS

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        return {"type": str(self.type), **self.content_to_json()}


def parse_body(body: JsonObject) -> NoticeBody:
    """Read the body of a notice. Raises :class:`MalformedBody` with every fault."""
    reader = Reader(body, path="body.")
    notice_type = reader.choice("type", NoticeType)
    if notice_type is None:
        raise MalformedBody(reader.faults)
    content = read_content(reader, FORMS[notice_type])
    _check_correction(reader, content)
    if reader.faults:
        raise MalformedBody(reader.faults)
    return NoticeBody(
        type=notice_type,
        details=content.details,
        statements=content.statements,
        dropped=(*reader.unknown(_MEMBERS), *content.dropped),
    )


def _check_correction(reader: Reader, content: Content) -> None:
    """Refuse a correction that does not say what is right, or states an address in another field than its own."""
    item, action = content.details.get("item"), content.details.get("action")
    if action in _REPLACING and not content.statements:
        reader.fault("statements", f"must have one that says what is right: correction, or {CORRECTION_ADDRESS}")
    about_address = isinstance(item, str) and not _ADDRESS.isdisjoint(item.split("."))
    for statement in content.statements:
        if statement.field != CORRECTION_ADDRESS and (about_address or holds_postcode(statement.text)):
            reader.fault("statements", f"have an address outside the field {CORRECTION_ADDRESS}; move it there")
            return


class NoticeOutcome(StrEnum):
    """What a recipient did about a notice."""

    DONE = "done"
    NOTE_ADDED = "note-added"
    KEPT = "kept"
    NOT_HELD = "not-held"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAnswer:
    """What came of a notice; ``ground`` says why the recipient kept what it has."""

    answer: NoticeOutcome
    ground: str | None = None

    def to_body(self) -> JsonObject:
        """Return the body that says this."""
        members: JsonObject = {"answer": str(self.answer)}
        return members if self.ground is None else {**members, "ground": self.ground}

    @property
    def is_final(self) -> bool:
        """Whether no one waits for another answer after this one: always."""
        return True

    @property
    def is_possible_breach(self) -> bool:
        """Whether personal data may have gone to the wrong place: no answer to a notice says so."""
        return False

    def check_follows(self, previous: str | None) -> None:
        """Let a later answer correct an earlier one, such as a person who proves to be the wrong one."""


def parse_answer(body: JsonObject) -> NoticeAnswer:
    """Read the answer to a notice; unknown members are dropped. Raises :class:`MalformedBody`."""
    reader = Reader(body, path="answer.")
    answer, ground = reader.choice("answer", NoticeOutcome), reader.optional_text("ground")
    if answer is NoticeOutcome.KEPT and not reader.has("ground"):
        reader.fault("ground", "is missing: say on which ground it is kept")
    if reader.faults or answer is None:
        raise MalformedBody(reader.faults)
    return NoticeAnswer(answer=answer, ground=ground)


def _read_types_out(types: Iterable[str]) -> str:
    return f"It may be of these types only: {join_words(sorted(types))}."


NOTICE_KIND = ExchangeKind(
    name=NOTICE,
    description="a notice about what both hold",
    parsers={VERSION: parse_body},
    fields=PERSON_FIELDS | details.all_fields(FORMS.values()),
    clause_lists=(
        ClauseList(
            name=NOTICE_TYPES,
            words=tuple(map(str, NoticeType)),
            required=True,
            code="notice_type_not_permitted",
            reason="The clause does not permit notices of this type.",
            remedy="Send it under a clause that lists the type.",
            passage=_read_types_out,
        ),
    ),
    reveals=lambda _lists: frozenset(),
    max_life=QUEUED_LIFE,
    queued=True,
    parse_answer=parse_answer,
)
