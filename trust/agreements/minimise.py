"""Minimisation of an adapter's answer: only the fields that the clause permits pass.

The gateway cuts, never the adapter, so no adapter's mistake can send a field (assertion A48). What passes is made
inert: one line, no control characters or direction overrides, no longer than the longest text a peer will read.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trust.agreements.decision import Permit
from trust.claims import UNPRINTABLE, strip_ignorable
from trust.exchange.reader import MAX_TEXT, one_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimised:
    """What may be sent, and the names of what was held back, for this agency's own evidence."""

    sent: dict[str, str]
    withheld: tuple[str, ...]


def minimise(permit: Permit, fields: Mapping[str, str]) -> Minimised:
    """Keep those of ``fields`` that the permit allows and that say something."""
    sent: dict[str, str] = {}
    for name in sorted(permit.fields & fields.keys()):
        text = _inert(fields[name])
        if text:
            sent[str(name)] = text
    return Minimised(sent=sent, withheld=tuple(sorted(str(name) for name in fields.keys() - sent.keys())))


def _inert(text: str) -> str:
    return one_line(strip_ignorable(UNPRINTABLE.sub(" ", text)))[:MAX_TEXT].rstrip()
