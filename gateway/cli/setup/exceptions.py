"""The tables of ``[networks]`` and ``[hosts]`` that ``init`` writes from its options."""

import json
from typing import Any

import click


def exceptions(options: dict[str, Any]) -> str:
    """Return the tables, or nothing. What they hold is checked with the rest of the configuration."""
    networks = [
        _named(option, "--network NAME=NETWORK, such as police.example=10.20.30.0/28") for option in options["networks"]
    ]
    hosts = [
        _named(option, "--host NAME=ADDRESS:PORT, such as police.example=127.0.0.1:8443") for option in options["hosts"]
    ]
    if not networks and not hosts:
        return ""
    if not options["reason"]:
        raise click.UsageError("Say with --reason why there is an exception.")
    reason = json.dumps(options["reason"])
    lines = []
    if networks:
        lines += ["[networks]"]
        lines += [
            f"{json.dumps(name)} = {{ networks = {json.dumps(place.split(','))}, reason = {reason} }}"
            for name, place in networks
        ]
    if hosts:
        lines += ["[hosts]"]
        lines += [
            f"{json.dumps(name)} = {{ address = {json.dumps(place)}, reason = {reason} }}" for name, place in hosts
        ]
    return "\n".join([*lines, ""])


def _named(option: str, form: str) -> tuple[str, str]:
    name, separator, place = option.partition("=")
    if not separator or not name or not place:
        raise click.UsageError(f"It is {form}.")
    return name, place
