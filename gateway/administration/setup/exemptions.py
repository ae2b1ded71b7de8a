"""The tables ``[networks]`` and ``[hosts]`` of a new configuration: exemptions from the rules on peers' addresses."""

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionOptions:
    """Exemptions as pairs of a name and its place, and the one reason for all of them."""

    networks: Sequence[tuple[str, str]] = ()
    hosts: Sequence[tuple[str, str]] = ()
    reason: str = ""


def exemption_tables(options: ExemptionOptions) -> str:
    """Return the tables, or nothing. Their values are checked with the rest of the configuration."""
    networks = [f"networks = {json.dumps(place.split(','))}" for _, place in options.networks]
    hosts = [f"address = {json.dumps(place)}" for _, place in options.hosts]
    return _table("networks", options.networks, networks, options.reason) + _table(
        "hosts", options.hosts, hosts, options.reason
    )


def _table(name: str, rows: Sequence[tuple[str, str]], places: Sequence[str], reason: str) -> str:
    lines = [
        f"{json.dumps(host)} = {{ {place}, reason = {json.dumps(reason)} }}\n"
        for (host, _), place in zip(rows, places, strict=True)
    ]
    return f"[{name}]\n" + "".join(lines) if lines else ""
