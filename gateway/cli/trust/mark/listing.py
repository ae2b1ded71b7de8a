"""``hearthgate trust mark list``: the marks that were issued here, or those that this node shows."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from config.settings import AnchorSettings
from gateway.administration.context import now, opened_store
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import command_output
from gateway.store.tables import issued_trust_marks, own_trust_marks
from gateway.store.tables.issued_trust_marks import IssuedTrustMark
from gateway.store.tables.own_trust_marks import OwnTrustMark
from trust.errors import TrustError
from trust.federation.trust_mark import MarkStatus, name_mark, peek_draft


@click.command("list")
@config_option
@command_output
def list_marks(*, config: Path | None) -> UseCaseResult:
    """Show the marks that this authority issued, the newest of each type and entity, and what became of them.

    At a node: the marks that it was given, which it shows with its statement.
    """
    settings, at = load_settings(config), now()
    with opened_store(settings) as store:
        held = [_held(each, at) for each in store.read(own_trust_marks.list)]
        issued = [_issued(each, at) for each in _newest(store.read(issued_trust_marks.list))]
    lines = [f"{each['entity_id']}  {_told(each)}" for each in issued]
    lines += [f"Held: {_told(each)}" for each in held]
    data: dict[str, Any] = {"held": held}
    if isinstance(settings, AnchorSettings):
        data["issued"] = issued
    return UseCaseResult(lines=lines or ["There is no mark here."], data=data)


def _newest(marks: tuple[IssuedTrustMark, ...]) -> list[IssuedTrustMark]:
    """Return the last one of each type and entity: those before it were renewed."""
    return list({(each.mark_type, each.subject): each for each in marks}.values())


def _issued(mark: IssuedTrustMark, at: datetime) -> dict[str, Any]:
    status = MarkStatus.ACTIVE
    if mark.revoked_at is not None:
        status = MarkStatus.REVOKED
    elif mark.expires_at is not None and mark.expires_at <= at:
        status = MarkStatus.EXPIRED
    return {
        "entity_id": mark.subject,
        "type": mark.mark_type,
        "status": status,
        "issued_at": mark.issued_at.isoformat(),
        "expires_at": _iso(mark.expires_at),
        "revoked_at": _iso(mark.revoked_at),
        "reason": mark.reason,
    }


def _held(mark: OwnTrustMark, at: datetime) -> dict[str, Any]:
    try:
        ends = peek_draft(mark.raw).expires_at
    except TrustError:
        ends = at
    return {
        "issuer": mark.issuer,
        "type": mark.mark_type,
        "status": MarkStatus.EXPIRED if ends is not None and ends <= at else MarkStatus.ACTIVE,
        "expires_at": _iso(ends),
    }


def _told(mark: Mapping[str, Any]) -> str:
    told = f"{name_mark(mark['type'])}: {mark['status']}"
    if mark["status"] == MarkStatus.REVOKED:
        return f"{told} since {mark['revoked_at'][:10]} ({mark['reason']})"
    return f"{told}, until {mark['expires_at'][:10]}" if mark["expires_at"] else told


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
