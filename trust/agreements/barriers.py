"""Barriers to sharing: what was refused, why, and what would permit it, without any person."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from trust.agreements.decision_record import REQUEST, SELECTION, Inputs
from trust.agreements.denial import DenialCode
from trust.strict_json import JsonObject

_UNBLOCKED_BY: Final = MappingProxyType(
    {
        DenialCode.NO_AGREEMENT: "An agreement between {asker} and {holder} with a clause on {kind} for {purpose}.",
        DenialCode.AGREEMENT_NOT_IN_FORCE: "The missing signatures under {agreement}, or a newer version.",
        DenialCode.AGREEMENT_DIGEST_MISMATCH: "The same wording of {agreement} at both nodes.",
        DenialCode.SERVICE_NOT_PARTY: "A version of {agreement} to which the service {asker} belongs.",
        DenialCode.UNKNOWN_SERVICE: "A version of {agreement} to which the service {holder} belongs.",
        DenialCode.MARK_MISSING: "The trust marks that {agreement} requires, granted to {agency}.",
        DenialCode.CLAUSE_UNKNOWN: "A clause {clause} in {agreement}.",
        DenialCode.KIND_NOT_COVERED: "A clause on {kind} for {purpose} that names {asker} and {holder}.",
        DenialCode.PURPOSE_NOT_COVERED: "A clause on {kind} for {purpose} that names {asker} and {holder}.",
        DenialCode.SERVICE_NOT_COVERED: "{asker} among the askers and {holder} among the holders of clause {clause}.",
        DenialCode.ROLE_NOT_PERMITTED: "The role {role} with its fields in a clause on {kind} for {purpose}.",
        DenialCode.LOCAL_POLICY: "The end of the local restriction on clause {clause} at {holder}.",
    }
)
"""What would permit a request that was refused with this code; the denial's own remedy for other codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """One sort of refused request: why it was refused, and what would permit it."""

    code: str
    reason: str
    asker: str
    holder: str
    role: str
    kind: str
    purpose: str
    agreement: str
    clause: str
    unblocked_by: str


def barrier(inputs: Inputs, outcome: JsonObject) -> Barrier | None:
    """Return the barrier of a recorded decision, or none where it was permitted."""
    if outcome["permit"]:
        return None
    names = _request_names(inputs[REQUEST]) if REQUEST in inputs else _selection_names(inputs[SELECTION])
    sentence = next((text for code, text in _UNBLOCKED_BY.items() if code == outcome["code"]), None)
    unblocked_by = outcome["remedy"] or outcome["reason"] if sentence is None else sentence.format(**names)
    names.pop("agency")
    return Barrier(code=outcome["code"], reason=outcome["reason"], unblocked_by=unblocked_by, **names)


def _request_names(request: dict[str, Any]) -> dict[str, str]:
    agreement = request["agreement"]
    return {
        "asker": f"{request['iss']}#{request['from_service']}",
        "agency": request["iss"],
        "holder": f"{request['aud']}#{request['to_service']}",
        "role": request["role"],
        "kind": request["kind"],
        "purpose": request["purpose"],
        "agreement": f"{agreement['id']}/{agreement['version']}",
        "clause": request["clause"],
    }


def _selection_names(wish: dict[str, Any]) -> dict[str, str]:
    holders = [f"{each['entity']}#{each['service']}" for each in wish.get("holders") or ()]
    asker = wish["asker"]
    return {
        "asker": f"{asker['entity']}#{asker['service']}",
        "agency": asker["entity"],
        "holder": ", ".join(holders) or "any service",
        "role": wish["role"],
        "kind": wish["kind"],
        "purpose": wish["purpose"],
        "agreement": "none",
        "clause": "none",
    }
