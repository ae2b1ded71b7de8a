"""What ``init`` asks where it was not told: in a terminal only, so that a script never waits for an answer."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from gateway.administration.errors import OperationRefused

_ASKED = (
    ("entity_id", "Who is this in the federation, such as https://council.example"),
    ("name", "The agency's name, as people know it"),
)
_SERVICE = (
    ("slug", "Its short name, such as money-advice"),
    ("kind", "Its kind, such as money-advice"),
    ("name", "Its name, as people know it"),
    ("phone", "Its duty line"),
)


def completed(options: Mapping[str, Any], *, serviceless: bool) -> dict[str, Any]:
    """Return the options, with what must be known asked for; ``serviceless`` where services must be and are not.

    Raises ``click.UsageError`` naming what is missing where nobody can be asked, and ``OperationRefused`` where nobody
    answers.
    """
    told = dict(options)
    missing = [name for name, _ in _ASKED if not told[name]]
    if not missing and not serviceless:
        return told
    if not sys.stdin.isatty():
        if missing:
            raise click.UsageError("Give " + " and ".join("--" + name.replace("_", "-") for name in missing) + ".")
        raise click.UsageError("A node hosts at least one service: give --service, or --tables with [[services]].")
    try:
        told |= {name: click.prompt(question, err=True) for name, question in _ASKED if name in missing}
        if serviceless:
            told["service"] = _services()
    except click.Abort:
        raise OperationRefused("Nothing was made: nobody answered.") from None
    return told


def _services() -> tuple[str, ...]:
    described: list[str] = []
    while not described or click.confirm("Does this agency host another service?", err=True):
        described.append(":".join(click.prompt(question, err=True) for _, question in _SERVICE))
    return tuple(described)
