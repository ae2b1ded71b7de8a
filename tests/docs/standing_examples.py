"""Make the examples of an anchor's statements beyond membership: trust marks, suspensions and keys."""

from datetime import timedelta

from tests.docs.example_keys import ANCHOR, COUNCIL, NOW, TRUST, Keys
from trust.federation.anchor_keys import AnchorKeys, build_anchor_keys
from trust.federation.historical_keys import (
    HistoricalKeys,
    Revocation,
    RevocationReason,
    build_historical_keys,
    past_key,
)
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.federation.trust_mark import (
    MarkDraft,
    MarkStatus,
    build_delegation,
    build_status_response,
    build_trust_mark,
    data_protection_mark,
)
from trust.keys import KeyUse, LocalSigner


def standing(keys: Keys) -> dict[str, bytes]:
    """Make the anchor's statements about the council beyond its membership, and about its own keys.

    The anchor issues the mark for the trust, which owns its type, so that the example shows a delegation.
    """
    signer, mark_type = keys.signer(ANCHOR, KeyUse.FEDERATION), data_protection_mark(ANCHOR)
    leave = MarkDraft(issuer=TRUST, subject=ANCHOR, mark_type=mark_type, issued_at=NOW)
    delegation = build_delegation(leave, keys.signer(TRUST, KeyUse.FEDERATION))
    draft = MarkDraft(
        issuer=ANCHOR, subject=COUNCIL, mark_type=mark_type, issued_at=NOW, expires_at=NOW + timedelta(hours=120)
    )
    mark = build_trust_mark(draft, signer, delegation=delegation)
    suspension = Suspension(issuer=ANCHOR, subject=COUNCIL, seq=1, state=SuspensionState.SUSPENDED, issued_at=NOW)
    replaced = AnchorKeys(anchor=ANCHOR, seq=1, keys=keys.public(ANCHOR, KeyUse.FEDERATION), issued_at=NOW)
    stolen = past_key(
        LocalSigner.generate(KeyUse.FEDERATION).public,
        issued_at=NOW - timedelta(days=200),
        expires_at=NOW - timedelta(days=1),
        revoked=Revocation(at=NOW - timedelta(days=3), reason=RevocationReason.COMPROMISED),
    )
    return {
        "trust mark": mark,
        "trust mark delegation": delegation,
        "trust mark status": build_status_response(
            issuer=ANCHOR, mark=mark, status=MarkStatus.ACTIVE, issued_at=NOW, signer=signer
        ),
        "suspension": build_suspension(suspension, signer),
        "anchor keys": build_anchor_keys(replaced, keys.signer(ANCHOR, KeyUse.RECOVERY)),
        "historical keys": build_historical_keys(HistoricalKeys(issuer=ANCHOR, issued_at=NOW, keys=(stolen,)), signer),
    }
