"""Carry signed statements in a file, to a node that cannot reach those who made them.

The file is one JSON object and is not signed itself: every statement in it is, and each is held to the rules that it
would be held to had it been fetched. So the carrier of the file can leave something out, and add nothing. It may hold:

1. `anchor_keys`: the documents by which anchors replaced their keys (anchor_keys);
2. `chains`: chains of members and intermediates, each a list with the member's own configuration first and the
   anchor's last (chain);
3. `suspensions`: entries of authorities' logs, those of one issuer in the order of their numbers (suspension).

Only shape and sizes are checked here. How old its content is says nothing but the statements' own dates.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from trust import claims, strict_json
from trust.errors import MalformedClaims
from trust.federation.anchor_keys import MAX_BYTES as MAX_ANCHOR_KEYS_BYTES
from trust.federation.chain import MAX_STATEMENTS
from trust.federation.entity_statement import MAX_BYTES as MAX_STATEMENT_BYTES
from trust.federation.suspension import MAX_BYTES as MAX_SUSPENSION_BYTES
from trust.strict_json import JsonObject

FORMAT = "trust-bundle/1"
MAX_BYTES = 67_108_864
"""A chain of one intermediate takes about 12 kB; a thousand agencies and the log of years fit several times."""
MAX_ANCHOR_KEYS = 20
MAX_CHAINS = 5_000
MAX_SUSPENSIONS = 10_000
_MEMBERS = frozenset({"format", "anchor_keys", "chains", "suspensions"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a file holds. Nothing in it is verified."""

    anchor_keys: tuple[bytes, ...] = field(default=(), repr=False)
    chains: tuple[tuple[bytes, ...], ...] = field(default=(), repr=False)
    suspensions: tuple[bytes, ...] = field(default=(), repr=False)


def build_bundle(bundle: Bundle) -> bytes:
    """Write a file."""
    return strict_json.dumps(
        {
            "format": FORMAT,
            "anchor_keys": _texts(bundle.anchor_keys),
            "chains": [_texts(chain) for chain in bundle.chains],
            "suspensions": _texts(bundle.suspensions),
        }
    )


def parse_bundle(raw: bytes) -> Bundle:
    """Read a file, whole or not at all; raise nothing but TrustError."""
    document = strict_json.loads(raw, max_bytes=MAX_BYTES)
    if document.get("format") != FORMAT:
        raise MalformedClaims(f"The file is no bundle of the format {FORMAT} that this version reads.")
    claims.refuse_unknown(document, _MEMBERS, within="A bundle")
    chains = claims.require_list(document, "chains", max_items=MAX_CHAINS)
    return Bundle(
        anchor_keys=_statements(document, "anchor_keys", MAX_ANCHOR_KEYS, MAX_ANCHOR_KEYS_BYTES),
        chains=tuple(_statements({"chains": chain}, "chains", MAX_STATEMENTS, MAX_STATEMENT_BYTES) for chain in chains),
        suspensions=_statements(document, "suspensions", MAX_SUSPENSIONS, MAX_SUSPENSION_BYTES),
    )


def _statements(holder: JsonObject, name: str, most: int, most_bytes: int) -> tuple[bytes, ...]:
    listed = claims.require_str_list(holder, name, max_items=most, max_len=most_bytes)
    if not all(each.isascii() for each in listed):
        raise MalformedClaims(f"A statement under '{name}' is no JWT.")
    return tuple(each.encode("ascii") for each in listed)


def _texts(statements: Iterable[bytes]) -> list[str]:
    return [each.decode("ascii") for each in statements]
