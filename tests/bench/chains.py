"""A chain of four statements verified by the library alone: no fetch, and nothing remembered from an earlier one."""

import gc
from collections.abc import Callable
from statistics import median
from time import process_time_ns

from tests.bench.report import Figures
from tests.trust.federation.levels import ladder
from tests.trust.federation.members import PINNED
from tests.trust.makers import NOW
from trust import identifiers, jose, jwk
from trust.federation.chain import verify_chain
from trust.keys import KeyUse, LocalSigner

STATEMENTS = 4
_TO_MS = 1e-6
_REMEMBERED = (
    jose._known_header,
    jwk._load,
    jwk._thumbprint,
    identifiers.parse_entity_id,
    identifiers.parse_slug,
    identifiers.parse_code,
)
"""What ``trust`` remembers of names and keys, which a party met for the first time finds empty."""


def measure(count: int) -> Figures:
    """Return the CPU of one cold chain, and that of four bare verifications beside it."""
    chain = ladder(STATEMENTS - 2 - 1)
    if len(chain) != STATEMENTS:
        raise RuntimeError(f"the chain has {len(chain)} statements")
    signer = LocalSigner.generate(KeyUse.MESSAGE)
    signed = jose.sign({"iat": 0}, typ="floor+jwt", signer=signer)
    parts = jose._split(signed, jose.HeaderRule(typ="floor+jwt"), jose.MAX_BYTES)
    cold_ms = _median_ms(lambda: verify_chain(chain, anchors=PINNED, now=NOW), count, before=_forget)
    bare_ms = _median_ms(lambda: [jose._stands(parts, signer.public) for _ in range(STATEMENTS)], count)
    return {"chain_cold_ms": cold_ms, "chain_over_signatures": cold_ms / bare_ms}


def _forget() -> None:
    for each in _REMEMBERED:
        each.cache_clear()


def _median_ms(work: Callable[[], object], count: int, *, before: Callable[[], None] = lambda: None) -> float:
    gc.collect()
    used = []
    for _ in range(count):
        before()
        began = process_time_ns()
        work()
        used.append(process_time_ns() - began)
    return median(used) * _TO_MS
