"""Restricted places as administrators keep them: declare from a file, list, and lift by two people."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.administration.administrators import current
from gateway.administration.context import Settings, node_vault, now, opened_store
from gateway.administration.dual_control import Commit
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.callers import CaseRefused
from gateway.ports import Store, Transaction
from gateway.restrictions.declaration import PlaceActor
from gateway.restrictions.registry import COMMAND, PlaceRegistry, RestrictionView
from gateway.restrictions.reviews import LONGEST_REVIEW
from gateway.web.problem import Problem
from gateway.web.restriction_request import read_declaration

ADMINISTRATOR = "administrator"
IN_FORCE = "in_force"


def plan_declaration(settings: NodeSettings, file: Path) -> ChangePlan:
    """Plan to restrict the place of the persons in a JSON file. Raises :class:`OperationRefused` with every fault."""
    try:
        request = read_declaration(read_input(file, "The declaration"), now=now())
    except Problem as refused:
        faults = [f"{fault.path}: {fault.problem}" for fault in refused.faults]
        raise OperationRefused(f"{file} declares no restriction; nothing was stored.", faults) from None

    def apply() -> UseCaseResult:
        day, actor = request.body.review_on, PlaceActor(name=current(settings).name, role=ADMINISTRATOR)
        review_at = None if day is None else datetime.combine(day, time.min, UTC)
        with opened_store(settings) as store:
            registry = _registry(settings, store)
            try:
                restriction = registry.declare(
                    request.declaration(actor), client_id=COMMAND, now=now(), review_at=review_at
                )
            except CaseRefused as refused:
                raise OperationRefused(f"{refused.detail} {refused.remedy}") from None
        record(settings, "restriction declare", restriction=restriction)
        return UseCaseResult(lines=[f"The restriction {restriction} is in force."], data={"id": restriction})

    links = len(request.body.linked) + len(request.perpetrators)
    effect = [
        f"The place of {len(request.persons)} persons is hidden from every recipient that no clause authorises.",
        f"Links to an alleged perpetrator: {links}."
        if links
        else "No link is declared, so a named person must release the place to each recipient.",
    ]
    return ChangePlan(effect=effect, question="Restrict it?", apply=apply)


def list_restrictions(settings: NodeSettings) -> UseCaseResult:
    """List the restrictions in force, without the persons."""
    with opened_store(settings) as store:
        views = _registry(settings, store).list(client_id=None)
    return UseCaseResult(
        lines=[_line(view) for view in views] or ["No place is restricted here."],
        data={"restrictions": [_to_json(view) for view in views]},
    )


def review_restriction(settings: NodeSettings, restriction: str, *, day: date, reason: str) -> UseCaseResult:
    """Record that a restriction stays, and when to look at it again. Raises :class:`OperationRefused`."""
    at = now()
    if not at.date() < day <= (at + LONGEST_REVIEW).date():
        raise OperationRefused("The day of the next review must lie ahead, by a year at most; nothing was recorded.")
    actor = PlaceActor(name=current(settings).name, role=ADMINISTRATOR)
    with opened_store(settings) as store:
        try:
            _registry(settings, store).review(
                restriction, by=actor, reason=reason, next_at=datetime.combine(day, time.min, UTC), now=at
            )
        except CaseRefused as refused:
            raise OperationRefused(f"{refused.detail} {refused.remedy}") from None
    record(settings, "restriction review", restriction=restriction)
    lines = [f"The restriction {restriction} stays; its next review is on {day}."]
    return UseCaseResult(lines=lines, data={"id": restriction, "review_on": day.isoformat()})


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftRestriction:
    """Lift a restriction, so that the place may be told as any other."""

    name: str = "restriction lift"

    def effect(self, settings: Settings, arguments: Mapping[str, Any]) -> list[str]:
        """Say what is lifted. Raises :class:`OperationRefused` where it is not in force."""
        with opened_store(settings) as store:
            view = _registry(settings, store).get(arguments["restriction"], client_id=None)
        if view is None or view.state != IN_FORCE:
            raise OperationRefused("No such restriction is in force; see `hearthgate restriction list`.")
        return [_line(view), "Its place may then be told as any other."]

    def perform(self, settings: Settings, arguments: Mapping[str, Any], *, at: datetime, commit: Commit) -> list[str]:
        """Lift it, in the transaction of the approval."""
        self.effect(settings, arguments)
        restriction, actor = arguments["restriction"], PlaceActor(name=current(settings).name, role=ADMINISTRATOR)
        with opened_store(settings) as store:
            registry = _registry(settings, store)

            def effect(tx: Transaction) -> None:
                if not registry.lift_at_once(tx, restriction, by=actor, now=at):
                    raise OperationRefused("The restriction changed meanwhile; nothing was lifted.")
                commit(tx)

            store.write(effect)
        return [f"The restriction {restriction} is lifted."]


def _registry(settings: Settings, store: Store) -> PlaceRegistry:
    if not isinstance(settings, NodeSettings):
        raise OperationRefused("An authority holds no records, so it restricts no place.")
    return PlaceRegistry(store=store, vault=node_vault(settings))


def _line(view: RestrictionView) -> str:
    review = "" if view.review_at is None else f", review on {view.review_at:%Y-%m-%d}"
    progress = ", one person asked to lift it" if view.lift_asked else ""
    counts = f"{view.persons} persons, {view.links} links"
    return f"{view.id}  since {view.declared_at:%Y-%m-%d %H:%M} UTC, {counts}{review}{progress}"


def _to_json(view: RestrictionView) -> dict[str, Any]:
    return {
        "id": view.id,
        "declared_at": view.declared_at.isoformat(),
        "review_at": None if view.review_at is None else view.review_at.isoformat(),
        "persons": view.persons,
        "links": view.links,
        "lift_asked": view.lift_asked,
    }
