"""Prompts for what the options of ``init`` leave out: in a terminal only, so that a script never waits."""

import sys
from collections.abc import Mapping
from typing import Any

import click

from gateway.administration.errors import OperationRefused

_IDENTITY = (
    ("entity_id", "The identifier in the federation, such as https://council.example"),
    ("name", "The agency's name"),
)
_SERVICE = (
    ("slug", "Its short name, such as money-advice"),
    ("kind", "Its kind, such as money-advice"),
    ("name", "Its name"),
    ("phone", "Its duty line"),
)


def prompt_missing(options: Mapping[str, Any], *, serviceless: bool) -> dict[str, Any]:
    """Return the options, completed by prompts; ``serviceless`` where a service is missing too.

    Raises ``click.UsageError`` naming what is missing without a terminal, and ``OperationRefused`` without an answer.
    """
    answers = dict(options)
    missing = [name for name, _ in _IDENTITY if not answers[name]]
    if not missing and not serviceless:
        return answers
    if not sys.stdin.isatty():
        if missing:
            raise click.UsageError("Give " + " and ".join("--" + name.replace("_", "-") for name in missing) + ".")
        raise click.UsageError("A node hosts at least one service: give --service, or --tables with [[services]].")
    try:
        answers |= {name: click.prompt(question, err=True) for name, question in _IDENTITY if name in missing}
        if serviceless:
            answers["service"] = _services()
    except click.Abort:
        raise OperationRefused("Nothing was made: a question was not answered.") from None
    return answers


def _services() -> tuple[str, ...]:
    services: list[str] = []
    while not services or click.confirm("Does this agency host another service?", err=True):
        services.append(":".join(click.prompt(question, err=True) for _, question in _SERVICE))
    return tuple(services)
