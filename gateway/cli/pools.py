"""The processes of a running node or authority: one pool of workers for each listener, and its maintenance."""

import sys
from collections.abc import Callable
from pathlib import Path

import click
from prometheus_client.multiprocess import mark_process_dead

from config.settings import AnchorSettings, Face, NodeSettings, OperationsFaceSettings
from gateway.administration.checks.start import refuse_start
from gateway.app.authority import create_anchor
from gateway.app.node import create_node
from gateway.cli.context import load_settings
from gateway.cli.output import refusing
from gateway.runtime.background import Loops
from gateway.server.supervisor import Application, Companion, Hooks, Pool
from gateway.server.supervisor import serve as serve_pools
from gateway.telemetry.logging import configure_logging

_OPERATIONS_THREADS = 2


@refusing
def run_pools(*, config: Path | None) -> None:
    """Run the pools until they are told to stop, and end with their exit code."""
    settings = load_settings(config)
    refuse_start(settings)
    configure_logging()
    sys.exit(_serve_node(settings) if isinstance(settings, NodeSettings) else _serve_anchor(settings))


def _serve_node(settings: NodeSettings) -> int:
    node = create_node(settings)
    pools = [
        _pool("peer", node.peer_app, settings.peer, settings.base_dir),
        _pool("case", node.case_app, settings.case, settings.base_dir),
        _operations(node.operations_app, settings.operations),
    ]

    def stop() -> None:
        node.store.close()
        node.claims.close()

    delivery = node.delivery
    loops = Loops(
        node.keeper.attempt,
        [delivery.relay.run, delivery.escalation.run, delivery.reconciler.run, node.receiving.rounds.run],
    )
    keeper = Companion(name="keeper", run=lambda wait: loops.run(node.keeper.run, wait))
    return serve_pools(pools, _hooks(f"The node {settings.node.entity_id}", stop), [keeper])


def _serve_anchor(settings: AnchorSettings) -> int:
    anchor = create_anchor(settings)
    pools = [
        _pool("anchor", anchor.peer_app, settings.peer, settings.base_dir),
        _operations(anchor.operations_app, settings.operations),
    ]
    keeper = Companion(name="keeper", run=anchor.keeper.run)
    what = "intermediate" if settings.anchor.superiors else "trust anchor"
    return serve_pools(pools, _hooks(f"The {what} {settings.anchor.entity_id}", anchor.store.close), [keeper])


def _pool(name: str, app: Application, face: Face, base_dir: Path) -> Pool:
    return Pool(
        name=name,
        app=app,
        bind=face.bind,
        workers=face.workers,
        threads=face.threads,
        certificate=base_dir / face.certificate,
        key=base_dir / face.key,
    )


def _operations(app: Application, face: OperationsFaceSettings) -> Pool:
    return Pool(name="operations", app=app, bind=face.bind, workers=1, threads=_OPERATIONS_THREADS)


def _hooks(what: str, stop: Callable[[], None]) -> Hooks:
    return Hooks(
        ready=lambda: click.echo(f"{what} is running."),
        worker_stops=stop,
        worker_ended=mark_process_dead,
    )
