"""Comparisons with peers of what was sent and what they hold: whether each is recent, and found nothing lost."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.administration.checks.lines import format_duration, refused_line
from gateway.administration.context import opened_store
from gateway.administration.errors import CORRECTABLE
from gateway.delivery.reconciliation import COMPARED_FOR
from gateway.store.tables import outbox, reconciliations

STALE_AFTER = timedelta(hours=26)


def check_reconciliations(settings: NodeSettings, now: datetime) -> Iterator[CheckLine]:
    """Check the last comparison with each peer that receipted messages, and with this node's own case systems."""
    try:
        with opened_store(settings) as store:
            comparisons = store.read(reconciliations.list_all)
            owing = store.read(lambda tx: outbox.undecided_peers(tx, since=now - COMPARED_FOR, until=now - STALE_AFTER))
    except CORRECTABLE as refused:
        yield refused_line("comparisons of messages can be read", refused)
        return
    for each in comparisons:
        age = now - each.at
        yield CheckLine(
            name=f"{each.peer}: messages are where their receipts say",
            ok=True,
            warning=age > STALE_AFTER or each.holes > 0,
            detail=f"compared {format_duration(age)} ago, {each.holes} missing",
            remedy="Run `hearthgate delivery reconcile`, and ring the services whose messages are missing.",
        )
    for peer in sorted(set(owing) - {each.peer for each in comparisons}):
        yield CheckLine(
            name=f"{peer}: messages are where their receipts say",
            ok=True,
            warning=True,
            detail="it has had messages for more than a day, and was never compared",
            remedy="Run `hearthgate delivery reconcile`. Its node may be too old to answer; then ring its services.",
        )
