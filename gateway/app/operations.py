"""Operations API of a node or an authority: readiness and metrics."""

from collections.abc import Sequence

from flask import Flask

from gateway.federation.resolver import FederationResolver
from gateway.health.serving_gate import ServingGate
from gateway.http.operations import operations_api
from gateway.http.operations.operations_api import OperationsFace, ReadyCheck, operations_blueprint
from gateway.ports import Clock, Store, StoreBusy, StoreFull
from gateway.store.tables import agreements
from gateway.telemetry import events, metrics
from gateway.web.face import build_face
from trust.errors import TrustError
from trust.identifiers import EntityId


def operations_app(checks: Sequence[ReadyCheck]) -> Flask:
    """Return the operations face over these checks."""
    face = OperationsFace(checks=checks, metrics=metrics.exposition)
    return build_face(
        "operations",
        [operations_blueprint(face)],
        max_body=operations_api.MAX_BODY,
        observer=events.RequestObserver(),
    )


def readiness_checks(store: Store, fitness: ServingGate) -> list[ReadyCheck]:
    """Return what holds for every party: the store can be read, the clock is right, a restored store is reconciled."""

    def readable() -> str | None:
        try:
            store.read(agreements.epoch)
        except (StoreBusy, StoreFull) as failed:
            return str(failed)
        return None

    return [ReadyCheck(name="store", fault=readable), ReadyCheck(name="condition", fault=fitness.fault)]


def trust_check(directory: FederationResolver, own: EntityId, clock: Clock) -> ReadyCheck:
    """Return the check of a node that a superior vouches for it."""

    def check_chain() -> str | None:
        try:
            directory.resolve(own, now=clock.now())
        except TrustError as refused:
            return refused.detail
        return None

    return ReadyCheck(name="trust", fault=check_chain)
