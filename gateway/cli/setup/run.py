"""``hearthgate serve`` and ``demo``."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from config.settings import AnchorSettings, Face, NodeSettings, OperationsFaceSettings
from gateway.administration.context import certificates
from gateway.administration.errors import OperationRefused
from gateway.cli.context import config_option, load_settings
from gateway.cli.output import refusing
from gateway.server.supervisor import Application, Companion, Hooks, Pool
from gateway.server.supervisor import serve as serve_pools

_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_OPERATIONS_THREADS = 2


@click.command()
@config_option
@refusing
def serve(*, config: Path | None) -> None:
    """Run the node or the trust anchor that the configuration describes, until it is told to stop.

    One process for each face listens and forks its workers. SIGTERM lets requests that have begun be answered.
    """
    settings = load_settings(config)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until the pools take it: nothing is left behind
    metrics = Path(tempfile.mkdtemp(prefix="hearthgate-metrics-"))
    os.environ[_METRICS_VARIABLE] = str(metrics)  # read when the metrics are first imported, below
    try:
        code = _serve_node(settings) if isinstance(settings, NodeSettings) else _serve_anchor(settings)
    finally:
        del os.environ[_METRICS_VARIABLE]
        shutil.rmtree(metrics, ignore_errors=True)
    sys.exit(code)


@click.command()
@click.option("--once", is_flag=True, help="End by itself, with 0 only when every expectation was met.")
@click.option("--seed", type=int, default=1, show_default=True, help="Which invented residents are picked.")
def demo(*, once: bool, seed: int) -> None:
    """Run a trust anchor and six invented agencies on this machine, and tell the story of one young man."""
    # The demonstration stands above the command line, whose commands it runs; so it is found by name.
    sys.exit(import_module("gateway.demo.main").run(once=once, seed=seed))


def _serve_node(settings: NodeSettings) -> int:
    from gateway.app.node import create_node
    from gateway.keys.files import refuse_open_files, refuse_unusable
    from gateway.telemetry.logging import configure_logging

    if not settings.trust.anchors:
        raise OperationRefused(
            "No trust anchor is pinned, so this node would trust no other and no other it. Pin one first: "
            "hearthgate trust join URL, with the address of the authority that is to vouch for it."
        )
    configure_logging()
    refuse_open_files(settings.base_dir / face.key for face in (settings.peer, settings.case))
    refuse_unusable(certificates(settings))
    node = create_node(settings)
    pools = [
        _pool("peer", node.peer_app, settings.peer, settings.base_dir),
        _pool("case", node.case_app, settings.case, settings.base_dir),
        _operations(node.operations_app, settings.operations),
    ]

    def stop() -> None:
        node.store.close()
        node.claims.close()

    keeper = Companion(name="keeper", run=node.keeper.run)
    return serve_pools(pools, _hooks(f"The node {settings.node.entity_id}", stop), [keeper])


def _serve_anchor(settings: AnchorSettings) -> int:
    from gateway.app.authority import create_anchor
    from gateway.keys.files import refuse_open_files, refuse_unusable
    from gateway.telemetry.logging import configure_logging

    configure_logging()
    refuse_open_files([settings.base_dir / settings.peer.key])
    refuse_unusable(certificates(settings))
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
    from prometheus_client.multiprocess import mark_process_dead

    return Hooks(
        ready=lambda: click.echo(f"{what} is running."),
        worker_stops=stop,
        worker_ended=mark_process_dead,
    )
