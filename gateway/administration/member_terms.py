"""The terms on which an authority vouches for a member: as an administrator states them, and in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.administration.files import read_input
from trust import strict_json
from trust.federation.node_metadata import ENTITY_TYPE
from trust.federation.party_metadata import AUTHORIZATION_SERVER, CLIENT
from trust.federation.terms import NODE, SubordinateTerms, parse_terms
from trust.strict_json import JsonObject

_OF_A_NODE = (ENTITY_TYPE, CLIENT, AUTHORIZATION_SERVER)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedTerms:
    """The terms that an administrator states; ``None`` and empty where they state nothing."""

    intermediate: bool | None = None
    max_path_length: int | None = None
    allow_names: Sequence[str] = ()
    exclude_names: Sequence[str] = ()
    allowed_entity_types: Sequence[str] = ()
    service_kinds: Sequence[str] = ()
    policy: Path | None = None

    def terms(self, present: SubordinateTerms | None) -> SubordinateTerms:
        """Return the stated terms, or the member's present ones where none is stated.

        Raises ``TrustError`` for terms that no chain can meet, ``OperationRefused`` for a file that cannot be read.
        """
        if self == StatedTerms():
            return present or NODE
        document: JsonObject = {"intermediate": bool(self.intermediate), "constraints": self._constraints()}
        if self.policy is not None:
            raw = read_input(self.policy, "The metadata policy")
            document["metadata_policy"] = strict_json.loads(raw, max_bytes=len(raw))
        return parse_terms(document)

    def _constraints(self) -> JsonObject:
        terms: JsonObject = {}
        if self.max_path_length is not None:
            terms["max_path_length"] = self.max_path_length
        naming = {"permitted": list(self.allow_names), "excluded": list(self.exclude_names)}
        if any(naming.values()):
            terms["naming_constraints"] = {name: names for name, names in naming.items() if names}
        if self.allowed_entity_types:
            terms["allowed_entity_types"] = list(self.allowed_entity_types)
        if self.service_kinds:
            terms["service_kinds"] = list(self.service_kinds)
        return terms


def lines(terms: SubordinateTerms) -> list[str]:
    """Return in words what terms bind a member to."""
    below = None if terms.max_path_length is None else terms.max_path_length - 1
    if not terms.intermediate:
        sentences = ["It vouches for no other entity."]
    elif below is None:
        sentences = ["It may vouch for agencies and for other authorities, as deep as they like: an intermediate."]
    elif below < 1:
        sentences = ["It may vouch for agencies and for no other authority: an intermediate."]
    else:
        sentences = [f"It may vouch for agencies and for authorities, {below} deep below it: an intermediate."]
    if terms.permitted is not None:
        sentences.append(f"It and those below it must have one of these names: {', '.join(terms.permitted)}.")
    if terms.excluded is not None:
        sentences.append(f"It and those below it must not have one of these names: {', '.join(terms.excluded)}.")
    sentences += _types(terms.allowed_entity_types)
    if terms.service_kinds is not None:
        sentences.append(
            f"Its services, and those of every member below it, count only as: {', '.join(terms.service_kinds)}."
        )
    elif terms.intermediate:
        sentences.append("It may vouch for services of every kind, which decides what they get; see --service-kinds.")
    if terms.metadata_policy:
        sentences.append(f"A policy holds for what they state as {', '.join(sorted(terms.metadata_policy))}.")
    return sentences


def _types(allowed: Sequence[str] | None) -> list[str]:
    if allowed is None:
        return []
    missing = [each for each in _OF_A_NODE if each not in allowed]
    needed = [f"A node needs {' and '.join(missing)} too: without, none can ask or answer."] if missing else []
    return [f"Only these entity types count of what they state: {', '.join(allowed)}.", *needed]
