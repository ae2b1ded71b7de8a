"""Eight slow case systems: the demo's police record system, once for each service, behind a pause of its own.

A real vendor's server takes its time for every answer, so the pause stands before each; a question about one person
takes two of them, to find the record and to read it. ``python -m tests.bench.case_systems FILE`` serves what the file
lists.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from gateway.demo.case_systems import police_soap
from gateway.demo.case_systems.records import CaseService, InvolvementRecord
from gateway.demo.case_systems.server import build_app, parse_arguments
from gateway.server.supervisor import Hooks, Pool, serve
from tests.bench import serving
from tests.bench.estate import Estate
from tests.bench.serving import Running
from tests.simulator.town import HOLDERS
from tests.support.case_systems import free_port
from tests.support.people import DANIEL, involvement

LEAST_MS, MOST_MS = 150, 400
SEED = 2026
_THREADS = 8
YOUNG_MAN = involvement(CaseService.POLICE, DANIEL)
_PASSWORD = "a password of the benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSystem:
    """One service's case system: its own host name and port, and its pause before each answer in milliseconds."""

    service: str
    host: str
    port: int
    pause_ms: int

    @property
    def slug(self) -> str:
        """The service's slug, which no two services of the town share."""
        return self.service.partition("#")[2]


def plan() -> list[CaseSystem]:
    """Draw the pauses, the same ones in every run."""
    dice = Random(SEED)  # noqa: S311 - repeatable pauses, not secrets
    return [
        CaseSystem(
            service=service,
            host=f"records-{number}.example",
            port=free_port(),
            pause_ms=dice.randint(LEAST_MS, MOST_MS),
        )
        for number, service in enumerate(HOLDERS, start=1)
    ]


def adapters(
    folder: Path, systems: Sequence[CaseSystem], records: Sequence[InvolvementRecord] = (YOUNG_MAN,)
) -> Mapping[str, Mapping[str, Any]]:
    """Fill the one database behind all of them, once; return each service's adapter, by slug."""
    if not (folder / "records.db").exists():
        police_soap.create(folder / "records.db", records, accounts={"hearthgate": _PASSWORD})
    secret = folder / "records.secret"
    secret.touch(mode=0o600)
    secret.write_text(_PASSWORD)
    return {
        system.slug: {
            "type": "police-soap",
            "settings": {
                "url": f"https://{system.host}/involvement",
                "sender": "hearthgate",
                "user": "hearthgate",
                "password_file": str(secret),
            },
        }
        for system in systems
    }


def start(estate: Estate, folder: Path, systems: Sequence[CaseSystem], *, paused: bool) -> Running:
    """Serve all of them, with their pauses or without; wait until they take connections."""
    certificate, key = estate.authority.issue(*(system.host for system in systems))
    tls = ["--cert", str(certificate), "--key", str(key)]
    listed = [
        {"name": system.host, "arguments": [*_arguments(folder, system, paused=paused), *tls]} for system in systems
    ]
    file = folder / "case-systems.json"
    file.write_text(json.dumps(listed))
    running = serving.start([sys.executable, "-m", "tests.bench.case_systems", str(file)], log=folder / "records.log")
    for system in systems:
        running.wait_for(system.port)
    return running


def main() -> int:
    """Serve until told to stop."""
    listed = json.loads(Path(sys.argv[1]).read_text())
    pools = [_pool(each["name"], each["arguments"]) for each in listed]
    return serve(pools, Hooks(ready=lambda: None, worker_stops=lambda: None, worker_ended=lambda _pid: None))


def _arguments(folder: Path, system: CaseSystem, *, paused: bool) -> list[str]:
    arguments = ["--system", "police", "--db", str(folder / "records.db"), "--bind", f"127.0.0.1:{system.port}"]
    pause_ms = str(system.pause_ms)
    return [*arguments, "--delay-ms", pause_ms, pause_ms] if paused else arguments


def _pool(name: str, words: list[str]) -> Pool:
    arguments = parse_arguments(words)
    return Pool(
        name=name,
        app=build_app(arguments),
        bind=arguments.bind,
        workers=1,
        threads=_THREADS,
        certificate=arguments.cert,
        key=arguments.key,
    )


if __name__ == "__main__":
    sys.exit(main())
