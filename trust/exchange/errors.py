"""The refusals that an exchange adds to :mod:`trust.errors`, one class for each."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from trust.errors import ExchangeRefused, MalformedInput

MAX_SHOWN = 30
"""Faults that a sentence names before it only counts the rest; the structured list holds them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a document: where it is and what to do about it, never the value itself."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class MalformedDocument(MalformedInput):
    """A JSON object that breaks its rules; ``faults`` names every one of them."""

    code: ClassVar[str] = "malformed_document"

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        shown = [str(fault) for fault in self.faults[:MAX_SHOWN]]
        more = len(self.faults) - len(shown)
        super().__init__("; ".join(shown) + (f"; and {more} more" if more else ""))


class MalformedSubject(MalformedDocument):
    """The description of the person asked about breaks its rules."""

    code: ClassVar[str] = "malformed_subject"


class MalformedMessage(MalformedDocument):
    """A correctly signed message, reply or receipt lacks a member of its envelope, or has a wrong one."""

    code: ClassVar[str] = "malformed_message"


class MalformedBody(MalformedDocument):
    """The body of a message or of a reply is not what its kind and version say."""

    code: ClassVar[str] = "malformed_body"


class MalformedAgreement(MalformedDocument):
    """An agreement document lacks something an agreement must state, or contradicts itself."""

    code: ClassVar[str] = "malformed_agreement"


class SubjectTooVague(ExchangeRefused):
    """The person is described too vaguely to be told from others."""

    code: ClassVar[str] = "not_enough_to_go_on"


class ReplyMismatch(ExchangeRefused):
    """A correctly signed reply or receipt does not answer what was sent."""

    code: ClassVar[str] = "reply_mismatch"


class FieldsNotPermitted(ExchangeRefused):
    """The asker wants fields that the clause does not let this role have."""

    code: ClassVar[str] = "field_not_permitted"


class UnsupportedKind(ExchangeRefused):
    """The kind of exchange, or its version, is not one that this node speaks."""

    code: ClassVar[str] = "unsupported_version"


class JoinerUnfit(ExchangeRefused):
    """An agency that wants to join an agreement does not fit the class that it names."""

    code: ClassVar[str] = "joiner_unfit"


class SignatureMismatch(ExchangeRefused):
    """A party's correct signature is on another agreement than the one it was offered for."""

    code: ClassVar[str] = "signature_mismatch"
