"""The content of an accepted message at rest: cut to what its service may know, and sealed."""

from dataclasses import dataclass
from datetime import datetime

from gateway.keys.sealed import open_own
from gateway.store.tables.inbox import InboxMessage
from trust import strict_json
from trust.agreements.clause import Onward
from trust.claims import from_seconds
from trust.exchange.envelope import RequestRef
from trust.exchange.kind import QueuedBody
from trust.exchange.message import Message
from trust.exchange.persons import ConcernedPerson, persons_to_json
from trust.sealing import seal
from trust.strict_json import JsonObject

MAX_CONTENT = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxContent:
    """The content of one message as its service may know it. ``request`` names the message as its sender knows it."""

    request: RequestRef
    document: JsonObject


def content_of(message: Message, persons: tuple[ConcernedPerson, ...], body: QueuedBody, digest: str) -> InboxContent:
    """Return the content of a message whose persons and body were cut."""
    practitioner, handling = message.practitioner, message.handling
    contact = {
        "name": practitioner.name,
        "role": practitioner.role,
        "org_unit": practitioner.org_unit,
        "call_back": practitioner.call_back,
    }
    under = message.under
    terms: JsonObject = {
        "agreement": None if under is None else f"{under.id}/{under.version}",
        "clause": message.clause,
        "without_agreement": under is None,
        "ground": message.ground,
        "purpose": message.purpose,
        "onward": str(Onward.NONE) if under is None else None if handling is None else handling.onward,
        "withhold_from_subject": handling is not None and handling.withhold_from_subject,
        "restricted_address": handling is not None and handling.restricted_address,
        "deadline": None if message.deadline is None else from_seconds(message.deadline).isoformat(),
    }
    document = {
        "kind": message.kind,
        **body.to_body(),
        "persons": persons_to_json(persons),
        "practitioner": {name: value for name, value in contact.items() if value is not None},
        **{name: value for name, value in terms.items() if value},
    }
    return InboxContent(request=RequestRef(jti=message.jti, digest=digest), document=document)


def seal_content(key: bytes, message: str, content: InboxContent) -> bytes:
    """Seal a content for its own row."""
    record = {"jti": content.request.jti, "digest": content.request.digest, "document": content.document}
    return seal(key, strict_json.dumps(record), _place(message))


def open_content(key: bytes, row: InboxMessage) -> InboxContent | None:
    """Open it again; none once it is erased. Raises :class:`gateway.keys.sealed.SealBroken`."""
    if row.sealed is None:
        return None
    record = strict_json.loads(open_own(key, row.sealed, _place(row.message)), max_bytes=MAX_CONTENT)
    return InboxContent(request=RequestRef(jti=record["jti"], digest=record["digest"]), document=record["document"])


def seal_detail(key: bytes, message: str, part: str, detail: JsonObject) -> bytes:
    """Seal what else rests with a message, such as who read it; ``part`` names it."""
    return seal(key, strict_json.dumps(detail), f"inbox {message} {part}".encode())


def deadline_of(message: Message) -> datetime | None:
    """Return by when the sender asks for a decision."""
    return None if message.deadline is None else from_seconds(message.deadline)


def _place(message: str) -> bytes:
    return f"inbox {message} content".encode()
