"""Overview of the federation as this node knows it, without asking any other entity."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.administration import thumbprints
from gateway.administration.federation_context import FederationContext
from gateway.administration.outcome import UseCaseResult
from gateway.federation.freshness import Freshness
from gateway.federation.resolver import EntityStatus
from trust.federation.chain import TrustedEntity
from trust.federation.node_metadata import ServiceEntry
from trust.federation.opening_hours import OutOfHours, area_to_json, opening_hours_to_json, out_of_hours_to_json
from trust.federation.trust_mark import name_mark
from trust.identifiers import EntityId

_TWO_HOURS = 120
FRESHNESS_WORDS = {
    Freshness.NORMAL: "up to date",
    Freshness.ALARM: "overdue: look after the way to its superior",
    Freshness.URGENT_ONLY: "long overdue: only what is urgent goes on",
    Freshness.CLOSED: "not confirmed for too long: closed",
}


def describe_federation(federation: FederationContext, *, at: datetime) -> UseCaseResult:
    """Return the known entities, as a tree for people and as lists for machines."""
    standings = federation.directory.statuses(now=at)
    own = next((standing for standing in standings if standing.entity == federation.own), None)
    peers = [standing for standing in standings if standing.entity != federation.own]
    lines = ["Pinned trust anchors, and below each those that it vouches for:"]
    tree = _Tree(own=federation.own, standings=standings, at=at)
    for anchor, keys in federation.anchors.items():
        lines += [f"  {anchor}", *thumbprints.lines(sorted(keys.kids)), *tree.below((anchor,))]
    untrusted = [standing for standing in standings if standing.trusted is None]
    if untrusted:
        lines += ["Not trusted any more:", *(text for standing in untrusted for text in _untrusted_lines(standing))]
    if own is None:
        lines.append(f"{federation.own} has not been vouched for yet; see `hearthgate trust check {federation.own}`.")
    if not peers:
        lines.append("None is known yet: each is looked up when an agreement first needs it.")
    return UseCaseResult(
        lines=lines,
        data={
            "anchors": [
                {"entity_id": anchor, "key_ids": sorted(keys.kids)} for anchor, keys in federation.anchors.items()
            ],
            "own": _to_json(own, at) if own else {"entity_id": federation.own, "trusted": False},
            "peers": [_to_json(standing, at) for standing in peers],
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tree:
    """What is known, by who stands above it."""

    own: EntityId
    standings: tuple[EntityStatus, ...]
    at: datetime

    def below(self, line: tuple[EntityId, ...]) -> list[str]:
        """Return those who stand below the first of ``line``, which leads to an anchor, each with those below it."""
        lines, direct = [], set()
        for standing in self.standings:
            if standing.trusted is not None and standing.trusted.superiors == line:
                direct.add(standing.entity)
                indent = "  " * (len(line) + 1)
                lines += [indent + text for text in self._lines(standing, standing.trusted)]
                lines += self.below((standing.entity, *line))
        for above in self._only_above(line) - direct:
            lines += ["  " * (len(line) + 1) + f"{above}: known only as the superior of", *self.below((above, *line))]
        return lines

    def _only_above(self, line: tuple[EntityId, ...]) -> set[EntityId]:
        """Return the entities directly below a path that are the superiors of others, with or without a valid chain."""
        lines = [each.trusted.superiors for each in self.standings if each.trusted is not None]
        return {path[-len(line) - 1] for path in lines if len(path) > len(line) and path[-len(line) :] == line}

    def _lines(self, standing: EntityStatus, trusted: TrustedEntity) -> Iterator[str]:
        name = f"{standing.entity} (this node)" if standing.entity == self.own else standing.entity
        stage = FRESHNESS_WORDS[standing.freshness or Freshness.CLOSED]
        yield f"{name}: {stage}" if standing.suspended_by is None else f"{name}: SUSPENDED by {standing.suspended_by}"
        kind = "an authority that vouches for others" if trusted.node is None else "a node"
        age, remaining = rough(self.at - trusted.refreshed_at), rough(trusted.expires_at - self.at)
        yield f"  {kind}, vouched for by {trusted.superiors[0]} {age} ago; the statements expire in {remaining}"
        if standing.next_freshness is not None and standing.freshness is not Freshness.NORMAL:
            stage, begins = standing.next_freshness
            yield f"  without an answer {stage.replace('_', ' ')} from {begins:%Y-%m-%d %H:%M} UTC"
        announced = None if trusted.federation_entity is None else trusted.federation_entity.announced
        if announced is not None:
            yield f"  administered by one person; announced changes: {len(announced)} (hearthgate doctor shows them)"
        for mark in trusted.marks:
            until = f"until {mark.expires_at:%Y-%m-%d %H:%M} UTC" if mark.expires_at else "without an end"
            yield f"  {name_mark(mark.mark_type)}, issued by {mark.issuer}, {until}"
        for service in trusted.node.services if trusted.node else ():
            yield from (f"  {line}" for line in service_lines(service))


def _untrusted_lines(standing: EntityStatus) -> Iterator[str]:
    yield f"  {standing.entity}: not trusted any more; see `hearthgate trust check {standing.entity}`"


def _to_json(standing: EntityStatus, at: datetime) -> dict[str, Any]:
    trusted = standing.trusted
    entry: dict[str, Any] = {
        "entity_id": standing.entity,
        "trusted": trusted is not None and standing.suspended_by is None,
        "stage": standing.freshness,
        "suspended_by": standing.suspended_by,
    }
    if standing.next_freshness is not None:
        entry["next_stage"] = {"stage": standing.next_freshness[0], "at": standing.next_freshness[1].isoformat()}
    if trusted is not None:
        entry |= {
            "anchor": trusted.anchor,
            "superiors": list(trusted.superiors),
            "vouches_for_others": trusted.node is None,
            "refreshed_at": trusted.refreshed_at.isoformat(),
            "age_s": int((at - trusted.refreshed_at).total_seconds()),
            "expires_at": trusted.expires_at.isoformat(),
            "services": [service_to_json(service) for service in trusted.node.services] if trusted.node else [],
            "marks": [
                {
                    "type": mark.mark_type,
                    "issuer": mark.issuer,
                    "expires_at": mark.expires_at.isoformat() if mark.expires_at else None,
                }
                for mark in trusted.marks
            ],
        }
    return entry


def service_lines(service: ServiceEntry) -> Iterator[str]:
    """Describe a service: its duty line, area and out-of-hours service, and its hours below."""
    parts = [
        f"{service.name} ({service.slug})",
        f"duty line {service.duty_phone}" if service.duty_phone else "",
        f"for {service.area.name}" if service.area else "",
        _out_of_hours(service.out_of_hours) if service.out_of_hours else "",
        f"fallback {service.fallback.name}: {service.fallback.phone}" if service.fallback else "",
    ]
    yield ", ".join(part for part in parts if part)
    if service.hours:
        hours = opening_hours_to_json(service.hours)
        days = [f"{day.replace('_', ' ')} {' and '.join(spans)}" for day, spans in hours.items() if day != "closed"]
        yield f"  open {', '.join(days)}"


def service_to_json(service: ServiceEntry) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "slug": service.slug,
        "name": service.name,
        "kind": service.kind,
        "duty_phone": service.duty_phone,
        "area": area_to_json(service.area) if service.area else None,
        "hours": opening_hours_to_json(service.hours) if service.hours else None,
        "out_of_hours": out_of_hours_to_json(service.out_of_hours) if service.out_of_hours else None,
        "fallback": {"name": service.fallback.name, "phone": service.fallback.phone} if service.fallback else None,
    }


def _out_of_hours(instead: OutOfHours) -> str:
    ways = " or ".join(way for way in (instead.phone, str(instead.service) if instead.service else None) if way)
    return f"out of hours {instead.name}: {ways}"


def rough(length: timedelta) -> str:
    """Say how long something is, as people say it."""
    minutes = max(0, int(length.total_seconds())) // 60
    if minutes <= 1:
        return "a minute"
    return f"{minutes} minutes" if minutes < _TWO_HOURS else f"{minutes // 60} hours"
