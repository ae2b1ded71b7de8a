"""Suspend an agreement for all its parties, or resume it."""

from gateway.administration.agreement_exchange import (
    exchange_of,
    journal_facts,
    offer_json,
    offer_lines,
    offer_to_all,
    other_parties,
)
from gateway.administration.agreements import versions_of
from gateway.administration.context import now
from gateway.administration.errors import OperationRefused
from gateway.administration.federation_context import FederationContext
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.agreements.signature_exchange import DeliveryStatus
from trust.agreements.agreement import Agreement, InForce
from trust.agreements.suspending import MAX_REASON, SuspendedState

_VERBS = {SuspendedState.SUSPENDED: "suspend", SuspendedState.RESUMED: "resume"}
_OUTCOMES = {
    DeliveryStatus.DELIVERED: "has our notice",
    DeliveryStatus.NOT_HELD: "does not hold this agreement",
    DeliveryStatus.REFUSED: "did not take our notice; this node goes on telling it",
    DeliveryStatus.SILENT: "did not answer; this node goes on telling it",
}


def plan_suspension(federation: FederationContext, agreement_id: str, reason: str) -> ChangePlan:
    """Plan to suspend the version in force, for all parties.

    Raises :class:`OperationRefused` where none is in force or the document does not let this agency suspend it.
    """
    agreement = _version_to_suspend(federation, agreement_id)
    _require_may_suspend(federation, agreement)
    text = _checked_reason(reason)
    return ChangePlan(
        effect=[
            f"{agreement.title}.",
            f"{agreement.id} version {agreement.version} is suspended for all parties.",
            "No agency asks or answers under it; alerts, referrals and notices wait until it is resumed.",
            "This node tells the other parties' nodes, with the reason. It must name no person.",
        ],
        question="Suspend it?",
        apply=lambda: _change(
            federation, _version_to_suspend(federation, agreement_id), SuspendedState.SUSPENDED, text
        ),
    )


def plan_resumption(federation: FederationContext, agreement_id: str, reason: str) -> ChangePlan:
    """Plan to resume the version that is suspended, whichever party did it.

    Raises :class:`OperationRefused` where none is suspended or the document does not let this agency resume it.
    """
    agreement = _version_to_resume(federation, agreement_id)
    _require_may_suspend(federation, agreement)
    text = _checked_reason(reason)
    return ChangePlan(
        effect=[
            f"{agreement.title}.",
            f"{agreement.id} version {agreement.version} is resumed for all parties; what waits under it is sent.",
            "This node tells the other parties' nodes.",
        ],
        question="Resume it?",
        apply=lambda: _change(federation, _version_to_resume(federation, agreement_id), SuspendedState.RESUMED, text),
    )


def _change(federation: FederationContext, agreement: Agreement, state: SuspendedState, reason: str) -> UseCaseResult:
    at, ref, exchange = now(), agreement.ref, exchange_of(federation)
    record(federation.settings, f"agreement {_VERBS[state]}", **journal_facts(ref))
    if exchange.suspensions.change(ref, state, reason, now=at) is None:
        raise OperationRefused(f"Another party was quicker; look again: hearthgate agreement show {ref.id}")
    offers = offer_to_all(exchange, agreement, other_parties(federation, agreement), at)
    return UseCaseResult(
        lines=[
            f"{ref.id} version {ref.version} is {state} for all parties.",
            *offer_lines(agreement, offers, _OUTCOMES),
        ],
        data={
            "id": ref.id,
            "version": ref.version,
            "state": state,
            "parties": [offer_json(each) for each in offers],
        },
    )


def _version_to_suspend(federation: FederationContext, agreement_id: str) -> Agreement:
    versions = versions_of(federation.agreements, agreement_id)
    in_force = next((each.agreement for each in versions if isinstance(each, InForce)), None)
    if in_force is None:
        raise OperationRefused(f"No version of {agreement_id} is in force; see `hearthgate agreement show`.")
    return in_force


def _version_to_resume(federation: FederationContext, agreement_id: str) -> Agreement:
    for standing in versions_of(federation.agreements, agreement_id):
        if federation.agreements.suspension(standing.agreement.ref, now=now()) is not None:
            return standing.agreement
    raise OperationRefused(f"No version of {agreement_id} is suspended; see `hearthgate agreement show`.")


def _require_may_suspend(federation: FederationContext, agreement: Agreement) -> None:
    if agreement.may_suspend(federation.own):
        return
    names = " and ".join(party.name for party in agreement.parties if agreement.may_suspend(party.entity))
    if not names:
        raise OperationRefused(f"{agreement.id} names no party in `suspended_by`, so no party may suspend it.")
    raise OperationRefused(f"Only {names} may suspend and resume {agreement.id}; ask them to.")


def _checked_reason(reason: str) -> str:
    text = reason.strip()
    if not 0 < len(text) <= MAX_REASON or not text.isprintable():
        raise OperationRefused(f"Give a reason of one line, of 1 to {MAX_REASON} characters, that names no person.")
    return text
