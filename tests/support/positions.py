"""Positions of case systems and practitioners: each role in each unit of each service."""

from collections.abc import Iterable
from itertools import product

from trust.oauth.access_token import Position


def positions(services: Iterable[str], roles: Iterable[str], units: Iterable[str]) -> tuple[Position, ...]:
    """Return one position for each combination."""
    rows = product(services, roles, units)
    return tuple(Position(service=service, role=role, org_unit=unit) for service, role, unit in rows)
