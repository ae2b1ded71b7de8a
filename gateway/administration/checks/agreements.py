"""Stored agreements, how long they stay in force, and the trust marks that they require of this node."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.administration.checks.lines import format_duration
from gateway.administration.federation_context import FederationContext
from gateway.administration.plays import play_faults
from gateway.delivery.usefulness import count_outcomes
from gateway.store.tables import agreements
from trust.agreements.agreement import InForce, NotInForce
from trust.agreements.due_dates import DateKind, DueDate, DueStage, due_dates
from trust.federation.chain import TrustedEntity
from trust.federation.trust_mark import name_mark

Standings = tuple[InForce | NotInForce, ...]
RENEW_MARK_WITHIN = timedelta(days=30)
_STAGES = {
    (DateKind.REVIEW, DueStage.IN_90_DAYS): "its review is due within 90 days",
    (DateKind.REVIEW, DueStage.IN_30_DAYS): "its review is due within 30 days",
    (DateKind.REVIEW, DueStage.IN_7_DAYS): "its review is due within 7 days",
    (DateKind.REVIEW, DueStage.PASSED): "its review is overdue",
    (DateKind.END, DueStage.IN_90_DAYS): "it ends within 90 days, and no signed version follows",
    (DateKind.END, DueStage.IN_30_DAYS): "it ends within 30 days, and no signed version follows",
    (DateKind.END, DueStage.IN_7_DAYS): "it ends within 7 days, and no signed version follows",
}
_REMEDIES = {
    DateKind.REVIEW: "Review it with its parties, and have a version with a later review date signed.",
    DateKind.END: "Have a new version signed that begins by the day after its end.",
}


def check_agreements(federation: FederationContext, standings: Standings, now: datetime) -> list[CheckLine]:
    """Check each agreement: whether it is in force, and until when."""
    stored = federation.store.read(agreements.load_all)
    if not stored:
        return [CheckLine(name="agreements", ok=True, detail="none is held, so nothing flows")]
    lines = []
    if len(stored) > len(standings):
        detail = f"{len(stored) - len(standings)} cannot be read by this version, and is not in force"
        remedy = "Have the parties sign a new version of it; the journal names what was added here."
        lines.append(CheckLine(name="every agreement that is held can be read", ok=False, detail=detail, remedy=remedy))
    due = due_dates(standings, now)
    return lines + [_agreement(each, due, now) for each in standings]


def check_restrictions(settings: NodeSettings, standings: Standings) -> Iterator[CheckLine]:
    """Report local restrictions that withdraw nothing: no stored agreement has what they name."""
    for service in settings.services:
        for rule in service.restrictions:
            clauses = [
                clause
                for standing in standings
                if standing.agreement.id == rule.agreement
                for clause in standing.agreement.clauses
                if clause.id == rule.clause
            ]
            if not any(rule.role is None or rule.role in clause.fields_by_role for clause in clauses):
                place = f"{rule.agreement}, clause {rule.clause}" + (f", role {rule.role}" if rule.role else "")
                yield CheckLine(
                    name=f"a restriction of {service.slug}",
                    ok=False,
                    detail=f"it withdraws nothing: no agreement that is held here has {place}",
                    remedy="Correct the names in [[services.restrictions]], or remove it; `hearthgate agreement show`.",
                )


def check_plays(settings: NodeSettings, standings: Standings) -> Iterator[CheckLine]:
    """Report plays with a step that no agreement in force permits: it could not be sent when it is needed."""
    for play, faults in play_faults(settings, standings).items():
        detail = "; ".join(f"{each.step or play}: {each.problem}" for each in faults)
        remedy = "Correct the play, or sign the agreement that it needs; then `hearthgate play check`."
        yield CheckLine(name=f"every step of the play {play} is permitted", ok=not faults, detail=detail, remedy=remedy)


def check_usefulness(federation: FederationContext, standings: Standings, now: datetime) -> Iterator[CheckLine]:
    """Report clauses whose alerts were useful so seldom that their parties agreed to review them."""
    for each in federation.store.read(lambda tx: count_outcomes(tx, standings, now=now)):
        if each.review_when is not None:
            yield CheckLine(
                name=f"the alerts under {each.clause} are useful",
                ok=True,
                warning=each.is_review_due,
                detail=f"{each.useful} of {each.closed} that recipients closed in the past year",
                remedy=f"Review the clause with its parties, as it says: when {each.review_when}.",
            )


def check_holders(settings: NodeSettings, standings: Standings) -> Iterator[CheckLine]:
    """Report services without a case system that an agreement in force lets others ask."""
    in_force = [standing.agreement for standing in standings if isinstance(standing, InForce)]
    for service in settings.services:
        ref = f"{settings.node.entity_id}#{service.slug}"
        holding = [each.id for each in in_force if any(ref in map(str, clause.holders) for clause in each.clauses)]
        if service.adapter is None and holding:
            yield CheckLine(
                name=f"the case system of {service.slug}",
                ok=False,
                detail=f"it only asks, and {', '.join(holding)} lets others ask it: they are refused",
                remedy="Set up [services.adapter] for it, or agree on a version in which it is no holder.",
            )


def check_own_marks(federation: FederationContext, own: TrustedEntity, now: datetime) -> Iterator[CheckLine]:
    """Check the verified trust marks of this node, as its peers see them, and when they end."""
    own_marks = {mark.mark_type: mark for mark in own.marks}
    for demanded in sorted(federation.agreements.demanded_marks(own.entity_id, now)):
        if demanded not in own_marks:
            yield CheckLine(
                name="this node has the marks that agreements demand",
                ok=False,
                detail=f"it lacks {name_mark(demanded)}, so no peer asks or answers it under those agreements",
                remedy="Have it issued, and add it to what this node publishes. One that ended or was revoked is none.",
            )
    for mark in own_marks.values():
        ends = mark.expires_at
        detail = (
            "without an end" if ends is None else f"good until {ends:%Y-%m-%d}, for {format_duration(ends - now)} yet"
        )
        yield CheckLine(
            name=name_mark(mark.mark_type),
            ok=True,
            warning=ends is not None and ends < now + RENEW_MARK_WITHIN,
            detail=detail,
            remedy="Have it issued again before then, and add the new one.",
        )


def _agreement(standing: InForce | NotInForce, due: Sequence[DueDate], now: datetime) -> CheckLine:
    agreement = standing.agreement
    name = f"{agreement.id} version {agreement.version}"
    if isinstance(standing, NotInForce):
        if standing.closure is not None:
            return CheckLine(name=name, ok=True, detail=f"{standing.closure}, for good: {standing.reason}")
        signing = "Get the missing signatures and add them: hearthgate agreement add FILE SIGNATURE..."
        remedy = signing if standing.missing else "Sign a new version, or end this one with `hearthgate agreement end`."
        begins_later = not standing.missing and agreement.valid_from > now.date()
        return CheckLine(name=name, ok=begins_later, detail=f"not in force: {standing.reason}", remedy=remedy)
    days = f"in force until {agreement.valid_until}, to be reviewed on {agreement.review_date}"
    own = [each for each in due if each.agreement == agreement.ref]
    detail = "; ".join([days, *(_STAGES[each.kind, each.stage] for each in own)])
    remedy = " ".join(_REMEDIES[each.kind] for each in own)
    return CheckLine(name=name, ok=True, warning=bool(own), detail=detail, remedy=remedy)
