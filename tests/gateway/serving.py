"""A node's real faces under the real pools, in a process: ``python -m tests.gateway.serving FOLDER PORT PORT PORT``."""

import sys
from pathlib import Path

from gateway.http.operations import OperationsFace, ReadyCheck
from gateway.serve import Hooks, Pool, serve
from tests.support.callers import housing
from tests.support.faces import Node
from tests.support.tls import make_authority


def main() -> int:
    """Serve until told to stop; the files ``ready`` and ``stopped`` get a mark for each time."""
    folder = Path(sys.argv[1])
    peer_port, case_port, operations_port = (int(port) for port in sys.argv[2:5])
    node = Node(folder)
    certificate, key = make_authority(folder).issue("council.example", "127.0.0.1")
    housing(node, node.peer_app().test_client())
    checks = [ReadyCheck(name="store", fault=lambda: None)]
    operations = OperationsFace(checks=checks, metrics=lambda: ("text/plain", b"up 1\n"))
    tls = {"certificate": certificate, "key": key}
    pools = [
        Pool(name="peer", app=node.peer_app(), bind=f"127.0.0.1:{peer_port}", workers=2, threads=4, **tls),
        Pool(name="case", app=node.case_app(), bind=f"127.0.0.1:{case_port}", workers=1, threads=4, **tls),
        Pool(
            name="operations",
            app=node.operations_app(operations),
            bind=f"127.0.0.1:{operations_port}",
            workers=1,
            threads=2,
        ),
    ]
    hooks = Hooks(
        ready=lambda: _note(folder / "ready"),
        worker_stops=lambda: _note(folder / "stopped"),
        worker_ended=lambda _pid: None,
    )
    return serve(pools, hooks)


def _note(file: Path) -> None:
    with file.open("a", encoding="ascii") as notes:
        notes.write("x")


if __name__ == "__main__":
    sys.exit(main())
