"""Look up legal codes as they stood on a day, and say in one sentence what they permit."""

from collections.abc import Sequence
from datetime import date
from typing import ClassVar

from trust.agreements.bodies import bodies_offering
from trust.agreements.legal_register import REGISTER, LegalEntry, LegalPart
from trust.errors import ExchangeRefused, shown

__all__ = ["REGISTER", "LegalEntry", "LegalPart", "UnknownBasis", "cannot_cite", "law_sentence", "lookup"]


class UnknownBasis(ExchangeRefused):
    """A legal code is not in the register, or was not yet law on that day."""

    code: ClassVar[str] = "unknown_basis"


_BY_CODE: dict[str, tuple[LegalEntry, ...]] = {
    code: tuple(sorted((entry for entry in REGISTER if entry.code == code), key=lambda entry: entry.valid_from))
    for code in {entry.code for entry in REGISTER}
}


def lookup(code: str, on: date) -> LegalEntry:
    """Return the entry that was law on the day ``on``. Raises :class:`UnknownBasis`."""
    entries = _BY_CODE.get(code)
    if entries is None:
        raise UnknownBasis(f"The legal register has no code {shown(code)}.")
    in_law = [entry for entry in entries if entry.valid_from <= on]
    if not in_law:
        raise UnknownBasis(f"The code {shown(code)} is law only from {entries[0].valid_from.isoformat()}.")
    return in_law[-1]


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
    doubt = (
        " Some of this is still to be confirmed by counsel." if not all(entry.confirmed for entry in entries) else ""
    )
    return f"Shared under {listed}.{doubt}"
