"""Trust marks of a network's agencies: their issuer published, and what an agency holds."""

from collections.abc import Iterable
from datetime import timedelta

from tests.simulator import faults
from tests.simulator.network import Network
from tests.simulator.town import AGREEMENT, ANCHOR
from trust.federation.trust_mark import (
    MarkDraft,
    StatedMark,
    agreement_mark,
    build_trust_mark,
    data_protection_mark,
    stated_marks_to_json,
)
from trust.identifiers import AgreementId, EntityId
from trust.keys import KeyUse, Signer
from trust.strict_json import JsonObject

ASSURED = data_protection_mark(ANCHOR)
SIGNATORY = agreement_mark(ANCHOR, AgreementId(AGREEMENT))
BOTH = (ASSURED, SIGNATORY)


def publish(network: Network, entity: EntityId, signer: Signer, **more: object) -> None:
    def change(claims: JsonObject) -> None:
        claims |= more

    network.wire.faults[entity] = faults.publishes(signer, change)


def hold(
    network: Network,
    entity: EntityId,
    mark_types: Iterable[str] = BOTH,
    *,
    issuer: EntityId = ANCHOR,
    life: timedelta = timedelta(days=30),
) -> None:
    """Have an agency publish marks that an issuer made for it."""
    own, now = network.nodes[entity].vault.signer(KeyUse.FEDERATION), network.clock.now()
    by = network.anchor.vault.signer(KeyUse.FEDERATION) if issuer == ANCHOR else own
    marks = [
        StatedMark(mark_type=mark_type, raw=build_trust_mark(draft, by))
        for mark_type in mark_types
        for draft in [
            MarkDraft(issuer=issuer, subject=entity, mark_type=mark_type, issued_at=now, expires_at=now + life)
        ]
    ]
    publish(network, entity, own, trust_marks=stated_marks_to_json(marks))
