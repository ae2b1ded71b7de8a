"""The options of ``hearthgate trust admit`` that say on which terms a member is vouched for, and how they are shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gateway.administration.files import read_input
from trust import strict_json
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import AUTHORIZATION_SERVER, CLIENT
from trust.federation.terms import NODE, SubordinateTerms, parse_terms, terms_to_json
from trust.strict_json import JsonObject

_OF_A_NODE = (ENTITY_TYPE, CLIENT, AUTHORIZATION_SERVER)
_NAMES = (
    "intermediate",
    "max_path_length",
    "allow_names",
    "exclude_names",
    "allowed_entity_types",
    "service_kinds",
    "policy",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenTerms:
    """What the command line said of the terms; ``None`` and empty where it said nothing."""

    intermediate: bool | None
    max_path_length: int | None
    allow_names: Sequence[str]
    exclude_names: Sequence[str]
    allowed_entity_types: Sequence[str]
    service_kinds: Sequence[str]
    policy: Path | None

    def terms(self, held: SubordinateTerms | None) -> SubordinateTerms:
        """Return the terms as given, or those that the member has where nothing was.

        Raises ``TrustError`` for terms that no chain could be held to, and ``Refused`` for a file that cannot be read.
        """
        if self == _UNSAID:
            return held or NODE
        document: JsonObject = {"intermediate": bool(self.intermediate), "constraints": self._constraints()}
        if self.policy is not None:
            raw = read_input(self.policy, "The metadata policy")
            document["metadata_policy"] = strict_json.loads(raw, max_bytes=len(raw))
        return parse_terms(document)

    def _constraints(self) -> JsonObject:
        stated: JsonObject = {}
        if self.max_path_length is not None:
            stated["max_path_length"] = self.max_path_length
        naming = {"permitted": list(self.allow_names), "excluded": list(self.exclude_names)}
        if any(naming.values()):
            stated["naming_constraints"] = {name: names for name, names in naming.items() if names}
        if self.allowed_entity_types:
            stated["allowed_entity_types"] = list(self.allowed_entity_types)
        if self.service_kinds:
            stated["service_kinds"] = list(self.service_kinds)
        return stated


_UNSAID = GivenTerms(
    intermediate=None,
    max_path_length=None,
    allow_names=(),
    exclude_names=(),
    allowed_entity_types=(),
    service_kinds=(),
    policy=None,
)


def terms_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command be told the terms; they come as ``given``."""

    @wraps(command)
    def told(**arguments: Any) -> Any:  # noqa: ANN401 - whatever the command returns
        given = GivenTerms(**{name: arguments.pop(name) for name in _NAMES})
        return command(given=given, **arguments)

    for option in reversed(_OPTIONS):
        told = option(told)
    return told


def lines(terms: SubordinateTerms) -> list[str]:
    """Say in words what terms bind a member to."""
    below = None if terms.max_path_length is None else terms.max_path_length - 1
    if not terms.intermediate:
        said = ["It vouches for nobody."]
    elif below is None:
        said = ["It may vouch for agencies and for other authorities, as deep as they like: an intermediate."]
    elif below < 1:
        said = ["It may vouch for agencies and for no other authority: an intermediate."]
    else:
        said = [f"It may vouch for agencies and for authorities, {below} deep below it: an intermediate."]
    if terms.permitted is not None:
        said.append(f"It and those below it must have one of these names: {', '.join(terms.permitted)}.")
    if terms.excluded is not None:
        said.append(f"It and those below it must not have one of these names: {', '.join(terms.excluded)}.")
    said += _types(terms.allowed_entity_types)
    if terms.service_kinds is not None:
        said.append(f"Its services, and those of everybody below it, count only as: {', '.join(terms.service_kinds)}.")
    elif terms.intermediate:
        said.append("It may vouch for services of every kind, which decides what they are told; see --service-kinds.")
    if terms.metadata_policy:
        said.append(f"A policy holds for what they state as {', '.join(sorted(terms.metadata_policy))}.")
    return said


def _types(allowed: Sequence[str] | None) -> list[str]:
    if allowed is None:
        return []
    missing = [each for each in _OF_A_NODE if each not in allowed]
    needed = [f"A node needs {' and '.join(missing)} too: without, none can ask or answer."] if missing else []
    return [f"Only these entity types count of what they state: {', '.join(allowed)}.", *needed]


def to_json(terms: SubordinateTerms) -> JsonObject:
    """Return terms as the commands answer them with ``--json``."""
    return terms_to_json(terms)


_OPTIONS = (
    click.option("--intermediate/--no-intermediate", default=None, help="Let it vouch for others, or no longer."),
    click.option("--max-path-length", type=click.IntRange(min=1), help="Authorities in a row, with it: 1 is it alone."),
    click.option("--allow-names", multiple=True, metavar="NAME", help="A host, or .DOMAIN; it and those below it."),
    click.option("--exclude-names", multiple=True, metavar="NAME", help="A host, or .DOMAIN, that none may have."),
    click.option("--allowed-entity-types", multiple=True, metavar="TYPE", help="A type that counts, no other does."),
    click.option(
        "--service-kinds", multiple=True, metavar="KIND", help="A kind of service that counts, no other does."
    ),
    click.option(
        "--policy", type=click.Path(path_type=Path), help="A metadata policy (JSON) for it and those below it."
    ),
)
