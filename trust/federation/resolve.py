"""Choose among the chains that lead from one entity to our anchors, and give what it is with the chain that shows it.

OpenID Federation 1.0 section 10.3 leaves the choice open; here the shortest chain that stands is taken, and of two as
long the one that lasts longer. What makes a chain stand is in chain.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trust.errors import NoChain, TrustError
from trust.federation.chain import KeysOf, TrustedEntity, verify_chain
from trust.identifiers import EntityId
from trust.keys import KeySet


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """An entity with its typed metadata, trust marks and end, and the statements that it was resolved from."""

    entity: TrustedEntity
    statements: tuple[bytes, ...] = field(repr=False)


def resolve(
    chains: Iterable[Sequence[bytes]],
    *,
    subject: EntityId,
    anchors: Mapping[EntityId, KeySet],
    now: datetime,
    keys_of: KeysOf | None = None,
) -> Resolution:
    """Resolve `subject` by the shortest of these chains that stands; raise nothing but TrustError.

    Where none stands, the refusal is the one of the shortest, which names the statement and the rule.
    """
    found: list[Resolution] = []
    refusals: list[TrustError] = []
    for chain in sorted(chains, key=len):
        if found and len(chain) > len(found[0].statements):
            break
        try:
            entity = verify_chain(chain, anchors=anchors, now=now, keys_of=keys_of)
        except TrustError as refused:
            refusals.append(refused)
            continue
        if entity.entity_id == subject:
            found.append(Resolution(entity=entity, statements=tuple(chain)))
    if found:
        return max(found, key=lambda resolution: resolution.entity.expires_at)
    raise refusals[0] if refusals else NoChain(f"There is no chain about {subject}.")
