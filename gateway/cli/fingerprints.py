"""Key thumbprints as people compare them over the telephone."""

import re
from collections.abc import Iterable, Sequence

import click

from gateway.cli.faults import Refused
from trust import base64url

_GROUP = 4
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{64}|[0-9A-Za-z_-]{43}")


def spoken(kid: str) -> str:
    """Write a thumbprint in groups of four hexadecimal digits, which can be read out without spelling out capitals."""
    digits = base64url.decode(kid.encode("ascii"), "key id").hex()
    return " ".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def typed(of: str, count: int) -> list[str]:
    """Ask for as many thumbprints as the keys to compare, before any of them is shown. Raises :class:`Refused`."""
    try:
        return [
            str(click.prompt(f"Type thumbprint {number} of {count} of {of}, as it was read out", err=True))
            for number in range(1, count + 1)
        ]
    except click.Abort:
        raise Refused(
            f"Nothing was changed: type the thumbprints of {of} in a terminal, or give --thumbprint for each."
        ) from None


def compare(given: Sequence[str], kids: Sequence[str]) -> bool:
    """Return whether the typed thumbprints name exactly these keys, each as its key id or in spoken form.

    Raises :class:`Refused` where they cannot: mistyped, or fewer or more than there are keys.
    """
    known = tuple(kids)
    for text in given:
        if _THUMBPRINT.fullmatch("".join(text.split())) is None:
            raise Refused(
                "Nothing was changed: a thumbprint is 64 hexadecimal digits, or a key id of 43 characters; type it "
                "again as it was read out."
            )
    if len(given) != len(known):
        raise Refused(
            f"Nothing was changed: there are {len(known)} thumbprints to compare, and {len(given)} given; give "
            "--thumbprint once for each."
        )
    spellings = {spoken(kid).replace(" ", ""): kid for kid in known} | {kid: kid for kid in known}
    named = [
        spellings.get("".join(typed.split())) or spellings.get("".join(typed.split()).lower()) or "" for typed in given
    ]
    return set(named) == set(known)


def lines(kids: Iterable[str]) -> list[str]:
    """Return each thumbprint in both spellings, for an answer."""
    shown = []
    for kid in kids:
        shown += [f"    {spoken(kid)}", f"    (key id {kid})"]
    return shown
