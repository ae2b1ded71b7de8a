"""A lookup over eight services against the slowest of them alone, from the request of a case system to its answer.

All six nodes of the town run as processes. Tokens, connections and trusted chains are warm, as they are in the second
minute of a working day.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_urlsafe
from statistics import median
from time import perf_counter
from urllib.parse import urlencode

from gateway.demo.agencies import AGENCIES
from gateway.oauth.server import TOKEN_PATH
from tests.bench import case_systems
from tests.bench.case_systems import CaseSystem
from tests.bench.estate import ALONE, Estate
from tests.bench.lines import Answer, Door, Line, post
from tests.bench.report import Figures
from tests.simulator.town import COUNCIL, HOLDERS, PURPOSE
from trust import strict_json
from trust.oauth import client_assertion

_MS = 1_000.0
_LOOKUPS_PATH = "/case/v1/lookups"
_CREATED = 201
_OK = 200
_FORM = "application/x-www-form-urlencoded"
_CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_WARM_UP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How often each lookup is made."""

    slow: int = 12
    fast: int = 40


def slowest(systems: list[CaseSystem]) -> CaseSystem:
    """Return the case system with the longest pause."""
    return max(systems, key=lambda system: system.pause_ms)


def measure(estate: Estate, folder: Path, systems: list[CaseSystem], counts: Counts) -> Figures:
    """Start every node that is not running, look up in turn, and return the figures.

    The nodes must have been configured for ``systems``, and ``ALONE`` must be the purpose of the slowest.
    """
    slow = case_systems.start(estate, folder, systems, paused=True)
    try:
        case_client = CaseSystemLine(estate)
        together, alone = _interleaved(case_client, counts.slow)
    finally:
        slow.stop()
    fast = case_systems.start(estate, folder, systems, paused=False)
    try:
        for _ in range(_WARM_UP):
            case_client.look_up(PURPOSE, len(HOLDERS))
        at_once = [case_client.look_up(PURPOSE, len(HOLDERS)) for _ in range(counts.fast)]
    finally:
        fast.stop()
        case_client.close()
    return {
        "lookup_ms": median(together) * _MS,
        "lookup_slowest_ms": median(alone) * _MS,
        "lookup_over_slowest": median(together) / median(alone),
        "lookup_zero_delay_ms": median(at_once) * _MS,
    }


def start_nodes(
    estate: Estate, folder: Path, systems: list[CaseSystem], *, refresh_after_s: float | None = None
) -> None:
    """Configure every node of the town for these case systems, and start it."""
    adapters = case_systems.adapters(folder, systems)
    ports = {system.host: system.port for system in systems}
    for agency in AGENCIES:
        estate.configure(agency.entity_id, adapters=adapters, case_systems=ports)
        estate.start(agency.entity_id, refresh_after_s=refresh_after_s)


def _interleaved(case_client: "CaseSystemLine", count: int) -> tuple[list[float], list[float]]:
    for _ in range(_WARM_UP):
        case_client.look_up(PURPOSE, len(HOLDERS))
        case_client.look_up(ALONE, 1)
    together, alone = [], []
    for _ in range(count):
        together.append(case_client.look_up(PURPOSE, len(HOLDERS)))
        alone.append(case_client.look_up(ALONE, 1))
    return together, alone


class CaseSystemLine:
    """The case system of Connecting Families at the council's case face, with one token for the whole measurement."""

    def __init__(self, estate: Estate) -> None:
        self._client = estate.client
        self._door: Door = estate.case_door(COUNCIL)
        self._line: Line = self._door.connect()
        self.token = self._fetch_token()

    def look_up(self, purpose: str, services: int) -> float:
        """Look up the young man and return how many seconds it took; every service must have answered ``known``."""
        began = perf_counter()
        answers = self.answers(purpose)
        elapsed_s = perf_counter() - began
        if list(answers.values()) != ["known"] * services:
            raise RuntimeError(f"not every service knew the young man: {answers}")
        return elapsed_s

    def answers(self, purpose: str) -> dict[str, str]:
        """Look up the young man and return the status of each service's answer."""
        body = strict_json.dumps(self._client.body(purpose=purpose, wait_s=20.0))
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": token_urlsafe(16),
        }
        answer = self._line.ask(post(self._door, _LOOKUPS_PATH, headers, body))
        return {line["service"]: line["status"] for line in _expect(answer, _CREATED).json()["answers"]}

    def close(self) -> None:
        """Let go of the connection."""
        self._line.close()

    def _fetch_token(self) -> str:
        assertion = client_assertion.build(
            client_id=self._client.client_id,
            issuer=self._client.base_url,
            signer=self._client.signer,
            now=datetime.now(UTC),
            jti=token_urlsafe(16),
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _CLIENT_ASSERTION,
            "client_assertion": assertion.decode(),
        }
        answer = self._line.ask(post(self._door, TOKEN_PATH, {"Content-Type": _FORM}, urlencode(form).encode()))
        token: str = _expect(answer, _OK).json()["access_token"]
        return token


def _expect(answer: Answer, status: int) -> Answer:
    if answer.status != status:
        raise RuntimeError(f"{answer.status}: {answer.body.decode(errors='replace')}")
    return answer
