"""Minimisation of an adapter's answer, and of a queued message: only what the clause permits passes.

The gateway cuts, never the adapter, so no adapter's mistake can send a field (assertion A48). What passes is made
inert: one line, no control characters or direction overrides, no longer than the longest text a peer will read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trust.claims import UNPRINTABLE, strip_ignorable
from trust.exchange.kind import QueuedBody
from trust.exchange.message import Message
from trust.exchange.persons import ConcernedPerson, cut_persons, without_address
from trust.exchange.reader import MAX_TEXT, one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimised:
    """What may be sent, and the names of what was held back, for this agency's own evidence."""

    sent: dict[str, str]
    withheld: tuple[str, ...]


def minimise(permitted: frozenset[str], fields: Mapping[str, str]) -> Minimised:
    """Keep those of ``fields`` that the permit allows and that say something."""
    texts = {str(name): _inert(fields[name]) for name in sorted(permitted & fields.keys())}
    kept_back = fields.keys() - {name for name, text in texts.items() if text}
    return Minimised(
        sent={name: text for name, text in texts.items() if text}, withheld=tuple(sorted(map(str, kept_back)))
    )


def cut_message(
    message: Message, body: QueuedBody, fields: frozenset[str]
) -> tuple[tuple[ConcernedPerson, ...], QueuedBody]:
    """Return the persons and the body of a queued message, without what ``fields`` does not name.

    1. a person whose part is not granted goes; 2. with them every statement about them, and each detail about their
    part where no person of it is left; 3. details and statements of other fields go; 4. so do addresses, where the body
    has a field for them that is not granted. To cut again changes nothing: the sender cuts before signing, and the
    recipient before its case system sees the message.
    """
    persons = cut_persons(message.persons, fields)  # 1
    if body.address_field is not None and body.address_field not in fields:  # 4
        persons = tuple(map(without_address, persons))
    parts = {person.part for person in persons}
    orphans = {name for name, part in body.parts.items() if part not in parts}  # 2
    return persons, body.cut(fields - orphans, frozenset(person.ref for person in persons))  # 2, 3


def _inert(text: str) -> str:
    return one_line(strip_ignorable(UNPRINTABLE.sub(" ", text)))[:MAX_TEXT].rstrip()
