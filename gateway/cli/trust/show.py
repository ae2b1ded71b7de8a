"""``hearthgate trust show``: what this node knows of itself and its peers, without asking anybody."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from gateway.cli import fingerprints
from gateway.cli.context import config_option, load_node, now
from gateway.cli.federation import Federation, federation_of
from gateway.cli.outcome import Outcome, answers
from gateway.directory.federation import Standing
from gateway.directory.stages import Stage

_TWO_HOURS = 120
_STAGES = {
    Stage.NORMAL: "up to date",
    Stage.ALARM: "not confirmed for more than 15 minutes: look after the way to the anchor",
    Stage.URGENT_ONLY: "not confirmed for more than 24 hours: closed until the anchor can be reached again",
    Stage.CLOSED: "not confirmed for 120 hours: closed",
}


@click.command()
@config_option
@answers
def show(*, config: Path | None) -> Outcome:
    """Show the pinned anchors, this node's own chain and every known peer, as they were last confirmed."""
    at = now()
    with federation_of(load_node(config)) as federation:
        standings = federation.directory.known(now=at)
        return _written(federation, standings, at)


def _written(federation: Federation, standings: tuple[Standing, ...], at: datetime) -> Outcome:
    own = [standing for standing in standings if standing.entity == federation.own]
    peers = [standing for standing in standings if standing.entity != federation.own]
    lines = ["Pinned trust anchors:"]
    for anchor, keys in federation.anchors.items():
        lines += [f"  {anchor}", *fingerprints.lines(sorted(keys.kids))]
    lines += ["This node:", *(_lines(own[0], at) if own else [_unconfirmed(federation.own)])]
    lines += ["Peers:", *(text for standing in peers for text in _lines(standing, at))]
    if not peers:
        lines.append("  None is known yet: each is looked up when an agreement first needs it.")
    return Outcome(
        lines=lines,
        data={
            "anchors": [
                {"entity_id": anchor, "key_ids": sorted(keys.kids)} for anchor, keys in federation.anchors.items()
            ],
            "own": _to_json(own[0], at) if own else {"entity_id": federation.own, "trusted": False},
            "peers": [_to_json(standing, at) for standing in peers],
        },
    )


def _unconfirmed(own: str) -> str:
    return f"  {own} has not been vouched for yet; see `hearthgate trust check {own}`."


def _lines(standing: Standing, at: datetime) -> list[str]:
    trusted = standing.trusted
    if trusted is None or standing.stage is None:
        return [f"  {standing.entity}: not trusted any more; see `hearthgate trust check {standing.entity}`"]
    age, left = _rough(at - trusted.refreshed_at), _rough(trusted.expires_at - at)
    return [
        f"  {standing.entity}: {_STAGES[standing.stage]}",
        f"    vouched for by {trusted.anchor} {age} ago; the statements expire in {left}",
    ]


def _to_json(standing: Standing, at: datetime) -> dict[str, Any]:
    trusted = standing.trusted
    found: dict[str, Any] = {"entity_id": standing.entity, "trusted": trusted is not None, "stage": standing.stage}
    if trusted is not None:
        found |= {
            "anchor": trusted.anchor,
            "refreshed_at": trusted.refreshed_at.isoformat(),
            "age_s": int((at - trusted.refreshed_at).total_seconds()),
            "expires_at": trusted.expires_at.isoformat(),
        }
    return found


def _rough(length: timedelta) -> str:
    minutes = max(0, int(length.total_seconds())) // 60
    if minutes <= 1:
        return "a minute"
    return f"{minutes} minutes" if minutes < _TWO_HOURS else f"{minutes // 60} hours"
