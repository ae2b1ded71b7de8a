"""Emergencies to review, changes that await a second administrator, open flags, and the journal."""

from collections.abc import Iterator
from datetime import datetime

from adapters.contract import CheckLine
from gateway.administration import journal
from gateway.administration.administrators import KnownBy, current
from gateway.administration.checks.lines import format_duration, refused_line
from gateway.administration.context import Settings, identity, opened_store
from gateway.administration.dual_control import stage
from gateway.administration.errors import CORRECTABLE
from gateway.store.tables import flags, journal_head, pending_changes
from gateway.store.tables.flags import FoldedFlag
from gateway.store.tables.pending_changes import Change, ChangeState

_NAME = "every emergency was reviewed by a second administrator"


def check_administrators(settings: Settings, now: datetime) -> list[CheckLine]:
    """Check unreviewed emergencies, pending approvals, open flags, the journal, and proof of administrators."""
    try:
        with opened_store(settings) as store:
            changes = [(each, stage(each, now)) for each in store.read(pending_changes.list)]
            open_flags = flags.fold(store.read(flags.list_open))
            head = store.read(journal_head.get)
    except CORRECTABLE as refused:
        return [refused_line(_NAME, refused, "Correct that first.")]
    unreviewed = [_summary(each, now) for each, at in changes if at == ChangeState.UNREVIEWED]
    waiting = [_summary(each, now) for each, at in changes if at == ChangeState.PENDING]
    detail = ", ".join(unreviewed) + (f"; waiting for approval: {', '.join(waiting)}" if waiting else "")
    remedy = "Another administrator looks at each: hearthgate trust changes, then hearthgate trust review ID."
    changed = CheckLine(
        name=_NAME, ok=not unreviewed, warning=bool(waiting), detail=detail.removeprefix("; "), remedy=remedy
    )
    return [changed, _flags(open_flags, now), _journal(settings, head), *_distinction(settings)]


def _journal(settings: Settings, head: str | None) -> CheckLine:
    """Verify the journal's chain, and that it holds ``head``, the line that the evidence committed to last."""
    name = "the administrators' journal is as it was written"
    remedy = "Compare it with its copy in a backup; who changed it had the service account or root."
    try:
        chain = journal.verified(settings)
    except CORRECTABLE as refused:
        return refused_line(name, refused, remedy)
    cut = head is not None and head not in chain.digests
    lines = f"{len(chain.digests)} lines, {chain.unchained} from before the chain"
    detail = "the line that the evidence committed to last is missing: it was cut short or replaced" if cut else lines
    return CheckLine(name=name, ok=not cut, detail=detail, remedy=remedy)


def _distinction(settings: Settings) -> Iterator[CheckLine]:
    """Say what this machine can prove of administrators, and where there is one only."""
    by = current(settings)
    if identity(settings).administrators == 1:
        detail = "members see that; a change waits 24 hours after they were told, or for a superior's approval"
        yield CheckLine(name="one person administers this entity", ok=True, warning=True, detail=detail)
    unproven = by.known_by is KnownBy.NAME
    yield CheckLine(
        name="two administrators can be told apart",
        ok=True,
        warning=unproven,
        detail="this session has no login id, as in many containers" if unproven else f"by {by.known_by}",
        remedy="Approvals need each one's own key: hearthgate trust administrator NAME --generate-key FILE",
    )


def _summary(change: Change, now: datetime) -> str:
    return f"{change.id} ({change.act}, {format_duration(now - change.requested_at)} ago)"


def _flags(open_flags: tuple[FoldedFlag, ...], now: datetime) -> CheckLine:
    count = len(open_flags)
    oldest = min((each.first_at for folded in open_flags for each in folded.flags), default=now)
    return CheckLine(
        name="every flag was reviewed",
        ok=True,
        warning=bool(count),
        detail=f"{count} are up, the oldest for {format_duration(now - oldest)}" if count else "none is up",
        remedy="Look at each: hearthgate flag list, then hearthgate flag review.",
    )
