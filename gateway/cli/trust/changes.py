"""``hearthgate trust changes``, ``approve``, ``decline`` and ``review``: what takes a second administrator."""

from collections.abc import Mapping
from pathlib import Path

import click

from gateway.cli import approval
from gateway.cli.approval import Act
from gateway.cli.context import config_option, load_settings, now, opened_store
from gateway.cli.misuse.answering import ANSWER
from gateway.cli.outcome import Outcome, answers, yes_option
from gateway.cli.trust.key.revoking import REVOKE
from gateway.cli.trust.ruling import REMOVE, SUSPEND
from gateway.store import changes
from gateway.store.changes import Change, ChangeState

_ACTS: Mapping[str, Act] = {act.name: act for act in (SUSPEND, REMOVE, REVOKE, ANSWER)}
_OPEN = {ChangeState.PENDING, ChangeState.UNREVIEWED}
_NEXT = {
    ChangeState.PENDING: "waits for another administrator: hearthgate trust approve {id}, or decline {id}",
    ChangeState.UNREVIEWED: "another administrator has to look at it: hearthgate trust review {id}",
}


@click.command("changes")
@click.option("--all", "every", is_flag=True, help="Also those that are settled or expired.")
@config_option
@answers
def list_changes(*, config: Path | None, every: bool) -> Outcome:
    """Show the changes that wait for a second administrator, and the emergencies that nobody has reviewed."""
    at = now()
    with opened_store(load_settings(config)) as store:
        found = [change for change in store.read(changes.list) if every or approval.stage(change, at) in _OPEN]
    return Outcome(
        lines=[line for change in found for line in _lines(change, approval.stage(change, at))]
        or ["No change waits for anybody."],
        data={"changes": [approval.to_json(change, at) for change in found]},
    )


@click.command()
@click.argument("change_id", metavar="ID")
@config_option
@yes_option
@answers
def approve(*, change_id: str, config: Path | None, yes: bool) -> Outcome:
    """Make the change ID that another administrator asked for."""
    return approval.approve(load_settings(config), _ACTS, change_id, yes=yes)


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--reason", required=True, help="Why not; it is kept in the journal.")
@config_option
@yes_option
@answers
def decline(*, change_id: str, config: Path | None, reason: str, yes: bool) -> Outcome:
    """Give up the change ID, which then is never made."""
    return approval.decline(load_settings(config), change_id, reason, yes=yes)


@click.command()
@click.argument("change_id", metavar="ID")
@click.option("--finding", required=True, help="What came of it; it is kept in the journal.")
@config_option
@yes_option
@answers
def review(*, change_id: str, config: Path | None, finding: str, yes: bool) -> Outcome:
    """Note that you looked at the emergency ID, which another administrator made alone."""
    return approval.review(load_settings(config), change_id, finding, yes=yes)


def _lines(change: Change, stage: str) -> list[str]:
    todo = _NEXT[change.state].format(id=change.id) if stage in _OPEN else stage
    if change.second_by is not None:
        todo += f" by {change.second_by}, {change.second_at:%Y-%m-%d %H:%M} UTC"
    return [*approval.about(change), f"  {todo}"]
