"""How every command answers: lines for people, one JSON object for machines, and an exact exit code."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, NoReturn

import click

from gateway.cli.faults import Refused, expected, read_faults
from trust.claims import UNPRINTABLE

OK, REFUSED = 0, 1
_UNSAFE = re.compile(rf"(?!\n){UNPRINTABLE.pattern}")
"""Control characters but the line feed, which the commands' own texts have, and whatever turns a line around."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command found or did. ``ok`` is false where something that must hold does not."""

    lines: Sequence[str]
    data: Mapping[str, Any] = field(default_factory=dict)
    ok: bool = True


def answers(work: Callable[..., Outcome]) -> Callable[..., None]:
    """Print what the command returns, with ``--json`` as one object, and refuse in one clear message."""

    @wraps(work)
    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
    def run(*, as_json: bool, **arguments: Any) -> None:
        try:
            outcome = work(**arguments)
        except expected() as refused:
            _refuse(refused, as_json=as_json)
        if as_json:
            _print_json({"ok": outcome.ok, **outcome.data})
        else:
            for line in outcome.lines:
                click.echo(inert(line))
        if not outcome.ok:
            sys.exit(REFUSED)

    return run


def refusing(work: Callable[..., None]) -> Callable[..., None]:
    """Let a command that prints for itself refuse in one clear message."""

    @wraps(work)
    def run(**arguments: Any) -> None:
        try:
            work(**arguments)
        except expected() as refused:
            _refuse(refused, as_json=False)

    return run


def announce(*lines: str) -> None:
    """Show what a change will do, on standard error, so that standard output holds the answer alone."""
    for line in lines:
        click.echo(inert(line), err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change is made; ``yes`` answers for the administrator. Raises :class:`Refused`."""
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise Refused("Nothing was changed: nobody answered. Run it in a terminal, or with --yes.") from None
    if not agreed:
        raise Refused("Nothing was changed.")


def prompted(question: str, *, unanswered: str, **how: Any) -> str:
    """Ask on standard error, so that standard output holds the answer alone; ``how`` is :func:`click.prompt`'s.

    Raises :class:`Refused` with ``unanswered`` where the input ends.
    """
    try:
        return str(click.prompt(question, err=True, **how))
    except click.Abort:
        raise Refused(unanswered) from None


yes_option = click.option("--yes", is_flag=True, help="Do not ask before changing anything.")


def _refuse(refused: BaseException, *, as_json: bool) -> NoReturn:
    sentence, faults = read_faults(refused)
    if as_json:
        _print_json({"ok": False, "error": sentence, "faults": list(faults)})
    else:
        click.echo(inert(f"Refused: {sentence}"), err=True)
        for fault in faults:
            click.echo(inert(f"  - {fault}"), err=True)
    sys.exit(REFUSED)


def _print_json(document: Mapping[str, Any]) -> None:
    click.echo(_UNSAFE.sub(_escaped, json.dumps(document, indent=2, ensure_ascii=False)))


def inert(text: str) -> str:
    """Return text without what a terminal would obey (A51): much of what is shown was written by others."""
    return _UNSAFE.sub("?", text)


def _escaped(unsafe: re.Match[str]) -> str:
    return f"\\u{ord(unsafe[0]):04x}"
