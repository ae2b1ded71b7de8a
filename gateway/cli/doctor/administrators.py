"""What administrators owe each other: emergencies to review, changes that wait for a second one, and flags."""

from collections.abc import Iterator
from datetime import datetime

from adapters.contract import CheckLine
from gateway.administration import journal
from gateway.administration.administrators import KnownBy, current
from gateway.administration.context import Settings, identity, opened_store
from gateway.administration.dual_control import stage
from gateway.administration.errors import CORRECTABLE, describe_error
from gateway.cli.doctor.spans import words
from gateway.store.tables import flags, pending_changes
from gateway.store.tables.flags import FoldedFlag
from gateway.store.tables.pending_changes import Change, ChangeState

_NAME = "every emergency was reviewed by a second administrator"


def checks(settings: Settings, now: datetime) -> list[CheckLine]:
    """Say which emergencies nobody has reviewed, what waits for approval, and which flags are up."""
    try:
        with opened_store(settings) as store:
            found = [(each, stage(each, now)) for each in store.read(pending_changes.list)]
            up = flags.fold(store.read(flags.list_open))
    except CORRECTABLE as refused:
        return [CheckLine(name=_NAME, ok=False, detail=describe_error(refused)[0], remedy="Correct that first.")]
    unreviewed = [_told(each, now) for each, at in found if at == ChangeState.UNREVIEWED]
    waiting = [_told(each, now) for each, at in found if at == ChangeState.PENDING]
    detail = ", ".join(unreviewed) + (f"; waiting for approval: {', '.join(waiting)}" if waiting else "")
    remedy = "Another administrator looks at each: hearthgate trust changes, then hearthgate trust review ID."
    changed = CheckLine(
        name=_NAME, ok=not unreviewed, warning=bool(waiting), detail=detail.removeprefix("; "), remedy=remedy
    )
    return [changed, _flags(up, now), _journal(settings), *_told_apart(settings)]


def _journal(settings: Settings) -> CheckLine:
    """Verify the journal's chain, and that it holds the line that the evidence committed to last."""
    name = "the administrators' journal is as it was written"
    remedy = "Compare it with its copy in a backup; who changed it had the service account or root."
    try:
        chain, committed = journal.verified(settings), journal.committed(settings)
    except CORRECTABLE as refused:
        return CheckLine(name=name, ok=False, detail=describe_error(refused)[0], remedy=remedy)
    cut = committed is not None and committed not in chain.digests
    lines = f"{len(chain.digests)} lines, {chain.unchained} from before the chain"
    detail = "the line that the evidence committed to last is missing: it was cut short or replaced" if cut else lines
    return CheckLine(name=name, ok=not cut, detail=detail, remedy=remedy)


def _told_apart(settings: Settings) -> Iterator[CheckLine]:
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


def _told(change: Change, now: datetime) -> str:
    return f"{change.id} ({change.act}, {words(now - change.requested_at)} ago)"


def _flags(up: tuple[FoldedFlag, ...], now: datetime) -> CheckLine:
    oldest = min((each.first_at for folded in up for each in folded.flags), default=now)
    return CheckLine(
        name="every flag was reviewed",
        ok=True,
        warning=bool(up),
        detail=f"{len(up)} are up, the oldest for {words(now - oldest)}" if up else "none is up",
        remedy="Look at each: hearthgate flag list, then hearthgate flag review.",
    )
