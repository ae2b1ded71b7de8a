"""A node's real faces under the real pools, in a process: ``python -m tests.gateway.serving FOLDER PORT PORT PORT``."""

import sys
from pathlib import Path

import gateway.server.supervisor
from gateway.http.operations.operations_api import OperationsFace, ReadyCheck
from gateway.runtime.background import Wait
from gateway.server.supervisor import Companion, Hooks, Pool, serve
from tests.simulator.callers import housing
from tests.simulator.clocks import RunningClock
from tests.simulator.faces import Node

OAUTH_KEY = "housing-oauth.pem"
DPOP_KEY = "housing-dpop.pem"


def main() -> int:
    """Serve until told to stop; the files ``ready`` and ``stopped`` get a mark for each time."""
    folder = Path(sys.argv[1])
    peer, case, operations = (f"127.0.0.1:{port}" for port in sys.argv[2:5])
    node = Node(folder, RunningClock())
    member = housing(node, node.peer_app().test_client())
    (folder / OAUTH_KEY).write_bytes(member.oauth.to_pem())
    (folder / DPOP_KEY).write_bytes(member.dpop.to_pem())
    health = OperationsFace(
        checks=[ReadyCheck(name="store", fault=lambda: None)], metrics=lambda: ("text/plain", b"up 1\n")
    )
    certificate, key = folder / "council.example.crt", folder / "council.example.key"
    pools = [
        Pool(name="peer", app=node.peer_app(), bind=peer, workers=2, threads=4, certificate=certificate, key=key),
        Pool(name="case", app=node.case_app(), bind=case, workers=1, threads=4, certificate=certificate, key=key),
        Pool(name="operations", app=node.operations_app(health), bind=operations, workers=1, threads=2),
    ]
    hooks = Hooks(
        ready=lambda: _note(folder / "ready"),
        worker_stops=lambda: _note(folder / "stopped"),
        worker_ended=lambda _pid: None,
    )

    if (folder / "brittle").exists():
        gateway.server.supervisor._AGAIN_AFTER_S = (0.1, 0.1)

    def beside(wait: Wait) -> None:
        _note(folder / "beside")
        if (folder / "brittle").exists():
            raise OSError
        while not wait(60.0):
            _note(folder / "beside")

    return serve(pools, hooks, [Companion(name="companion", run=beside)])


def _note(file: Path) -> None:
    with file.open("a", encoding="ascii") as notes:
        notes.write("x")


if __name__ == "__main__":
    sys.exit(main())
