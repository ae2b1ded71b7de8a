"""The output of every command: lines for people, one JSON object for machines, and an exact exit code."""

import json
import re
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NoReturn

import click

from gateway.administration.errors import CORRECTABLE, OperationRefused, describe_error
from gateway.administration.outcome import ChangePlan, UseCaseResult
from trust.claims import UNPRINTABLE
from trust.spoken_digits import DIGITS

OK, REFUSED = 0, 1
_UNSAFE = re.compile(rf"(?!\n){UNPRINTABLE.pattern}")
"""Control characters but the line feed, which the commands' own texts have, and the marks that turn a line around."""


def command_output(work: Callable[..., UseCaseResult]) -> Callable[..., None]:
    """Print what the command returns, with ``--json`` as one object, and refuse in one clear message."""

    @wraps(work)
    @click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object.")
    def run(*, as_json: bool, **arguments: Any) -> None:
        try:
            outcome = work(**arguments)
        except CORRECTABLE as refused:
            _refuse(refused, as_json=as_json)
        if as_json:
            _print_json({"ok": outcome.ok, **outcome.data})
        else:
            for line in outcome.lines:
                click.echo(strip_control_characters(line))
        if not outcome.ok:
            sys.exit(REFUSED)

    return run


def refusing(work: Callable[..., None]) -> Callable[..., None]:
    """Let a command that prints for itself refuse in one clear message."""

    @wraps(work)
    def run(**arguments: Any) -> None:
        try:
            work(**arguments)
        except CORRECTABLE as refused:
            _refuse(refused, as_json=False)

    return run


def show_plan(*lines: str) -> None:
    """Show what a change will do, on standard error, so that standard output holds the answer alone."""
    for line in lines:
        click.echo(strip_control_characters(line), err=True)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before a change is made; ``yes`` answers for the administrator. Raises :class:`OperationRefused`."""
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        raise OperationRefused(
            "Nothing was changed: the question was not answered. Run it in a terminal, or with --yes."
        ) from None
    if not agreed:
        raise OperationRefused("Nothing was changed.")


def apply_plan(plan: ChangePlan, *, yes: bool) -> UseCaseResult:
    """Show a plan, ask, and apply it. Raises :class:`OperationRefused`."""
    show_plan(*plan.effect)
    if plan.question:
        confirm(plan.question, yes=yes)
    return plan.apply()


def prompted(question: str, *, unanswered: str, **how: Any) -> str:
    """Ask on standard error, so that standard output holds the answer alone; ``how`` is :func:`click.prompt`'s.

    Raises :class:`OperationRefused` with ``unanswered`` where the input ends.
    """
    try:
        return str(click.prompt(question, err=True, **how))
    except click.Abort:
        raise OperationRefused(unanswered) from None


def prompt_thumbprint(entity: str) -> tuple[str, ...]:
    """Ask for the digits of an entity's keys before they are shown. Raises :class:`OperationRefused`."""
    unanswered = f"Nothing was changed: type the digits of {entity} in a terminal, or give them with --thumbprint."
    return (prompted(f"Type the {DIGITS} digits of {entity}, as they were read out", unanswered=unanswered),)


emergency_option = click.option(
    "--emergency",
    metavar="WHY",
    help="Make it now, without a second administrator, and say why it cannot wait; it stands until it is reviewed.",
)
yes_option = click.option("--yes", is_flag=True, help="Do not ask before changing anything.")


def _refuse(refused: BaseException, *, as_json: bool) -> NoReturn:
    sentence, faults = describe_error(refused)
    if as_json:
        _print_json({"ok": False, "error": sentence, "faults": list(faults)})
    else:
        click.echo(strip_control_characters(f"Refused: {sentence}"), err=True)
        for fault in faults:
            click.echo(strip_control_characters(f"  - {fault}"), err=True)
    sys.exit(REFUSED)


def _print_json(document: Mapping[str, Any]) -> None:
    click.echo(_UNSAFE.sub(_escaped, json.dumps(document, indent=2, ensure_ascii=False)))


def strip_control_characters(text: str) -> str:
    """Return text without what a terminal would obey (A51): much of what is shown was written by others."""
    return _UNSAFE.sub("?", text)


def _escaped(unsafe: re.Match[str]) -> str:
    return f"\\u{ord(unsafe[0]):04x}"
