"""Hold a chain to what its superiors allow under them (OpenID Federation 1.0 section 6.2).

Only `max_path_length` is understood so far. Any other constraint refuses the chain: one that was overlooked would widen
trust.
"""

from trust import claims
from trust.errors import ChainRefused, shown
from trust.strict_json import JsonObject


def check_constraints(constraints: JsonObject, *, intermediates: int) -> None:
    """Refuse a chain (ChainRefused) with more intermediates below the issuer than it allows, or by an unknown rule."""
    unknown = sorted(constraints.keys() - {"max_path_length"})
    if unknown:
        names = ", ".join(shown(name) for name in unknown)
        raise ChainRefused(f"The superior sets the constraints {names}, which this version does not support yet.")
    if "max_path_length" in constraints and claims.require_int(constraints, "max_path_length") < intermediates:
        raise ChainRefused("The chain is longer than its superior's 'max_path_length' allows.")
