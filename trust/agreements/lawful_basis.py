"""Look up legal codes as they stood on a day, and say in one sentence what they permit."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from trust.agreements.bodies import PublicBody, bodies_offering
from trust.agreements.legal_entry import Commencement, LegalEntry, LegalPart, UkNation
from trust.agreements.legal_register import REGISTER
from trust.errors import ExchangeRefused, shown

__all__ = [
    "REGISTER",
    "LegalEntry",
    "LegalPart",
    "UnknownBasis",
    "cannot_cite",
    "extends_to",
    "law_sentence",
    "lookup",
    "not_in_force",
]


class UnknownBasis(ExchangeRefused):
    """A legal code is not in the register, or was not yet enacted on that day."""

    code: ClassVar[str] = "unknown_basis"


_BY_CODE: dict[str, tuple[LegalEntry, ...]] = {
    code: tuple(sorted((entry for entry in REGISTER if entry.code == code), key=lambda entry: entry.begins))
    for code in {entry.code for entry in REGISTER}
}


def lookup(code: str, on: date) -> LegalEntry:
    """Return the entry that was in force on the day ``on``, else the one that was enacted. Raises ``UnknownBasis``.

    What was enacted and is not in force explains a signed agreement; :func:`not_in_force` keeps it out of a draft.
    """
    entries = _BY_CODE.get(code)
    if entries is None:
        raise UnknownBasis(f"The legal register has no code {shown(code)}.")
    enacted = [entry for entry in entries if entry.begins <= on]
    if not enacted:
        raise UnknownBasis(f"The code {shown(code)} was enacted only on {entries[0].begins.isoformat()}.")
    return ([entry for entry in enacted if entry.in_force(on)] or enacted)[-1]


def not_in_force(entry: LegalEntry, on: date, bodies: frozenset[PublicBody] | None = None) -> str:
    """Say why an entry may not be cited from the day ``on`` by one of these bodies; an empty text where it may.

    ``bodies`` are those that the entry is for unless others are given.
    """
    day = entry.commenced_for(bodies or entry.bodies)
    if day is not None and day <= on:
        return ""
    enacted = f"{entry.code} was enacted on {entry.begins.isoformat()}"
    if day is not None:
        return f"{enacted} and is in force only from {day.isoformat()}"
    return f"{enacted} and is not in force: no day is appointed{_foreseen(entry.commencements)}"


def _foreseen(commencements: Sequence[Commencement]) -> str:
    waiting = next((each for each in commencements if each.on is None), None)
    if waiting is None:
        return ""
    by = f" by {waiting.by}" if waiting.by else ""
    if waiting.announced is None:
        return by
    return f"{by} ({waiting.announced.isoformat()} was announced, to be confirmed)"


def extends_to(entry: LegalEntry, nations: frozenset[UkNation]) -> bool:
    """Say whether an entry applies where a party is; nothing is known of a party that names no nation."""
    return not nations or not entry.extent.isdisjoint(nations)


def cannot_cite(entry: LegalEntry, service_kind: str) -> bool:
    """Say whether a service of this kind cannot rely on the entry for what it sends.

    It cannot where no body that offers such a service may rely on it; for an exclusive entry, where another body might.
    """
    bodies = bodies_offering(service_kind)
    return not bodies <= entry.bodies if entry.exclusive else bodies.isdisjoint(entry.bodies)


def law_sentence(codes: Sequence[str], on: date) -> str:
    """Say in plain English on which legal footing something rests. Raises :class:`UnknownBasis`."""
    entries = [lookup(code, on) for code in codes]
    phrases = [f"{entry.title} ({entry.power})" for entry in entries]
    listed = phrases[0] if len(phrases) == 1 else ", ".join(phrases[:-1]) + " and " + phrases[-1]
    waiting = ", ".join(entry.title for entry in entries if not entry.in_force(on))
    idle = f" Not in force on {on.isoformat()}: {waiting}." if waiting else ""
    doubt = (
        " Some of this is still to be confirmed by counsel." if not all(entry.confirmed for entry in entries) else ""
    )
    return f"Shared under {listed}.{idle}{doubt}"
