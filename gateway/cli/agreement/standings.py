"""How an agreement's standing is written in an answer."""

from typing import Any

from trust.agreements.agreement import InForce, NotInForce


def standing_lines(standing: InForce | NotInForce) -> list[str]:
    """Return whether it binds, for people."""
    if isinstance(standing, InForce):
        return [f"  It is in force until {standing.agreement.valid_until}."]
    if standing.closure is not None:
        return [f"  It is not in force, and never comes into force again: {standing.reason}"]
    return [f"  It is not in force, and nothing flows under it: {standing.reason}"]


def standing_json(standing: InForce | NotInForce) -> dict[str, Any]:
    """Return the same for machines."""
    held = standing.agreement
    missing = list(standing.missing) if isinstance(standing, NotInForce) else []
    return {
        "id": held.id,
        "version": held.version,
        "digest": held.ref.digest,
        "title": held.title,
        "valid_until": held.valid_until.isoformat(),
        "in_force": isinstance(standing, InForce),
        "reason": standing.reason if isinstance(standing, NotInForce) else None,
        "closed": standing.closure if isinstance(standing, NotInForce) else None,
        "missing_signatures": missing,
    }
