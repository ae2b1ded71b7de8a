"""Serve one invented case system over HTTPS.

Run it as ``python -m gateway.demo.case_systems.server --system dci --db FILE ...``. It is for the demo and tests only:
its data is invented, and options make it slow or faulty. Like the nodes it runs under gunicorn, in its own process.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gunicorn.app.base import BaseApplication

from gateway.demo.case_systems import advocacy_api, dci_registry, police_soap, soap_server
from gateway.demo.case_systems.faults import DelayMiddleware, FaultMode, LostAnswerMiddleware, faulty_app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SYSTEMS: Final = {
    "advocacy": advocacy_api.create_app,
    "dci": dci_registry.create_app,
    "police": police_soap.create_app,
}
KEEP_ALIVE_S: Final = 30
CONTENT_TYPES: Final = {
    "advocacy": "application/json",
    "dci": "application/json",
    "police": soap_server.MEDIA_TYPE,
}


class CaseSystemServer(BaseApplication):  # type: ignore[misc]  # gunicorn ships no types
    """One gunicorn worker with a few threads, TLS on, and no control socket."""

    def __init__(self, app: "WSGIApplication", options: dict[str, Any]) -> None:
        self._app = app
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> "WSGIApplication":
        """Return the application to serve."""
        return self._app


def build_app(arguments: argparse.Namespace) -> "WSGIApplication":
    """Return the healthy, slow or faulty application of the command line."""
    mode = FaultMode(arguments.fault) if arguments.fault else None
    app: WSGIApplication
    if mode is None or mode in {FaultMode.WRONG_SCHEMA, FaultMode.LOST_ANSWER}:
        create_app = SYSTEMS[arguments.system]
        app = create_app(arguments.db, break_schema=mode is FaultMode.WRONG_SCHEMA).wsgi_app
    else:
        app = faulty_app(mode, content_type=CONTENT_TYPES[arguments.system])
    if mode is FaultMode.LOST_ANSWER:
        app = LostAnswerMiddleware(app)
    if arguments.delay_ms is None:
        return app
    least_ms, most_ms = arguments.delay_ms
    return DelayMiddleware(app, least_ms=least_ms, most_ms=most_ms, seed=arguments.seed)


def parse_arguments(words: list[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="case-system", description="Serve one invented case system (demo and tests).")
    parser.add_argument("--system", required=True, choices=sorted(SYSTEMS))
    parser.add_argument("--db", required=True, type=Path, help="SQLite file from the system's create()")
    parser.add_argument("--bind", required=True, help="address and port, such as 127.0.0.1:9443")
    parser.add_argument("--cert", required=True, type=Path, help="PEM certificate chain")
    parser.add_argument("--key", required=True, type=Path, help="PEM private key")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--delay-ms", nargs=2, type=int, metavar=("LEAST", "MOST"), help="pause before each response")
    parser.add_argument("--seed", type=int, default=0, help="seed of the pauses")
    parser.add_argument("--fault", choices=[str(mode) for mode in FaultMode], help="fail in this way")
    return parser.parse_args(words)


def main() -> None:
    """Serve until a signal stops the process."""
    arguments = parse_arguments()
    CaseSystemServer(
        build_app(arguments),
        {
            "bind": arguments.bind,
            "certfile": str(arguments.cert),
            "keyfile": str(arguments.key),
            "workers": 1,
            "worker_class": "gthread",
            "threads": arguments.threads,
            "keepalive": KEEP_ALIVE_S,
            "proc_name": f"case-system-{arguments.system}",
            "control_socket_disable": True,
            "loglevel": "warning",
            "graceful_timeout": 1,
        },
    ).run()


if __name__ == "__main__":
    main()
