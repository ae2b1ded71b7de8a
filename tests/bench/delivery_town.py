"""The council that sends alerts and the nodes that receive them, as processes with TLS.

An alert is handed in as a case system does, at the case API. What became of it is read from the council's own store,
which has a verified receipt by then, and from the folder into which the recipient's node puts messages for its case
system.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import bindparam, text

from gateway.ports import Store
from gateway.store.engine.statement import Row, Statement
from gateway.store.factory import open_store
from tests.bench.estate import Estate
from tests.bench.lines import Line, drive, post
from tests.bench.lookup import CaseSystemLine
from tests.simulator.town import ANCHOR, ASKER, BY_ENTITY, COLLEGE, COUNCIL, HOUSING, SUBJECT
from trust.identifiers import EntityId

ALERTS_PATH = "/case/v1/alerts"
CONTENT = (
    "Police attended 14 Elm Close at 21:40 after a call from a neighbour. Two adults and two children were there. "
    "The younger child said that she had been upstairs and had heard shouting. The mother was taken to her sister's. "
) * 4
"""About as much as an officer writes in an alert."""
PURPOSE = "safeguarding"
_CREATED = 201
_LOOK_S = 0.01
_QUIET_S = 60.0
"""How long nothing may happen before a measurement gives up."""
_STATE = Statement(
    text(
        "SELECT count(*) AS receipted, max(seq) AS last FROM outbox "
        "WHERE typ = 'message' AND peer = :peer AND stored_at IS NOT NULL"
    ).bindparams(bindparam("peer"))
)
_TIMES = Statement(
    text(
        "SELECT min(delivery_events.at) AS at FROM outbox JOIN delivery_events "
        "ON delivery_events.message = outbox.message WHERE typ = 'message' AND peer = :peer AND outbox.seq > :after "
        "AND side = 'sender' AND event IN ('stored', 'in_case_system') GROUP BY outbox.seq ORDER BY outbox.seq"
    ).bindparams(bindparam("peer"), bindparam("after"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Alerts as requests, by the incident that each one reports."""

    requests: Mapping[str, bytes]


class DeliveryTown:
    """The anchor, the council, and two agencies that receive; ``stores`` are databases in place of files."""

    def __init__(self, folder: Path, *, connections: int, stores: Mapping[EntityId, str] | None = None) -> None:
        self._folders = {entity: folder / "case-systems" / entity.removeprefix("https://") for entity in RECIPIENTS}
        self.estate = Estate(folder / "estate", more=_agreed(), stores=stores)
        for entity, received in self._folders.items():
            received.mkdir(parents=True)
            slug = BY_ENTITY[entity].services[0].service
            receiver = {"type": "drop-folder", "settings": {"folder": str(received), "format": "json"}}
            self.estate.configure(entity, receivers={slug: receiver})
        self._connections = connections
        self._numbers = count()
        self._store: Store | None = None

    @contextmanager
    def running(self) -> Iterator["DeliveryTown"]:
        """Run every node."""
        try:
            for entity in (ANCHOR, COUNCIL, *RECIPIENTS):
                self.estate.start(entity)
            self._store = open_store(self.store_url, base_dir=self.estate.folder_of(COUNCIL))
            yield self
        finally:
            if self._store is not None:
                self._store.close()
            self.estate.close()

    @property
    def store_url(self) -> str:
        """The URL of the council's store."""
        return self.estate.store_of(COUNCIL)

    def rate(self, number: int) -> float:
        """Hand in so many alerts and return how many a second it were until the last receipt was verified."""
        requests = list(self.alerts(number).requests.values())
        before = self.receipted(HOUSING)
        with self._lines(self._connections) as lines:
            began = time.perf_counter()
            drive(requests, lines, status=_CREATED)
            self.wait_for_receipts(HOUSING, before + number)
            return number / (time.perf_counter() - began)

    def alerts(self, number: int, *, to: EntityId = HOUSING) -> Sent:
        """Make alerts of different cases, so that none waits for another."""
        door, token, made = self.estate.case_door(COUNCIL), self._fetch_token(), {}
        for _ in range(number):
            incident = f"INC-{next(self._numbers):06}"
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Idempotency-Key": token_urlsafe(16),
            }
            made[incident] = post(door, ALERTS_PATH, headers, json.dumps(_alert(incident, to)).encode())
        return Sent(requests=made)

    def hand_in(self, requests: Sequence[bytes]) -> None:
        """Hand alerts in, several at once; each is durable once its answer is there."""
        with self._lines(self._connections) as lines:
            drive(requests, lines, status=_CREATED)

    def hand_in_paced(self, requests: Sequence[bytes], *, each_s: float) -> list[float]:
        """Hand alerts in one after another, one every so many seconds, and return when each began."""
        began = []
        with self._lines(1) as lines:
            for request in requests:
                began.append(time.time())
                drive([request], lines, status=_CREATED)
                time.sleep(max(0.0, began[-1] + each_s - time.time()))
        return began

    def receipted(self, peer: EntityId) -> int:
        """Return how many alerts a peer's verified receipts tell to be stored there."""
        return int(self._row(_STATE, peer=peer).receipted)

    def last(self, peer: EntityId) -> int:
        """Return the highest number of a peer's receipted rows; 0 if there is none."""
        return int(self._row(_STATE, peer=peer).last or 0)

    def delays_s(self, peer: EntityId, began: Sequence[float], *, after: int) -> list[float]:
        """Return how long each alert after a row took, handed in one after another, until its receipt was verified."""
        rows = self._read(_TIMES, peer=peer, after=after)
        return [row.at / 1e6 - start for row, start in zip(rows, began, strict=True)]

    def wait_for_receipts(self, peer: EntityId, expected: int) -> None:
        """Wait until so many are receipted. Raises ``RuntimeError`` if nothing more comes."""
        _wait_for(lambda: self.receipted(peer), expected)

    def wait_for_case_system(self, peer: EntityId, expected: int) -> None:
        """Wait until a recipient's case system has so many messages. Raises ``RuntimeError`` if nothing more comes."""
        _wait_for(lambda: sum(1 for _ in self._files(peer)), expected)

    def in_case_system(self, peer: EntityId) -> tuple[Counter[str], dict[str, float]]:
        """Return how often a case system has each incident, and when it could first be seen there."""
        found, seen = Counter[str](), dict[str, float]()
        for path in self._files(peer):
            incident = json.loads(path.read_text())["document"]["details"]["incident_reference"]
            found[incident] += 1
            seen[incident] = min(seen.get(incident, float("inf")), path.stat().st_ctime)
        return found, seen

    @contextmanager
    def _lines(self, number: int) -> Iterator[list[Line]]:
        """Open connections: the node closes those that were idle for some seconds."""
        door = self.estate.case_door(COUNCIL)
        lines = [door.connect() for _ in range(number)]
        try:
            yield lines
        finally:
            for line in lines:
                line.close()

    def _fetch_token(self) -> str:
        client = CaseSystemLine(self.estate)
        client.close()
        return client.token

    def _files(self, peer: EntityId) -> Iterator[Path]:
        return self._folders[peer].glob("*.json")

    def _row(self, statement: Statement, **values: Any) -> Row:
        return self._read(statement, **values)[0]

    def _read(self, statement: Statement, **values: Any) -> Sequence[Row]:
        if self._store is None:
            raise RuntimeError("the town is not running")
        return self._store.read(lambda tx: tx.rows(statement, values))


RECIPIENTS = (HOUSING, COLLEGE)
"""The agency that is measured, and another one."""


def _agreed() -> Mapping[str, Sequence[Any]]:
    """Return what the agreement says of alerts."""
    clause = {
        "id": "alerts",
        "kind": "alert",
        "version": 1,
        "purpose": PURPOSE,
        "topics": ["safeguarding"],
        "askers": [ASKER],
        "holders": [service_of(entity) for entity in RECIPIENTS],
        "fields_by_role": {
            "key-worker": [
                *("persons.victim", "persons.views", "persons.told", "persons.safe_contact"),
                *("incident_reference", "occurred_at", "location_kind", "child_present", "risk_level", "circumstances"),
            ]
        },
        "basis": ["6-1-e", "ca2004-s10"],
        "existence": "unconditional",
        "keep_days": 90,
        "onward": "none",
    }
    return {"clauses": [clause], "purposes": [{"code": PURPOSE, "description": "To keep people from harm."}]}


def service_of(entity: EntityId) -> str:
    """Return the first service of an agency."""
    return f"{entity}#{BY_ENTITY[entity].services[0].service}"


def _alert(incident: str, to: EntityId) -> dict[str, Any]:
    return {
        "recipients": [service_of(to)],
        "purpose": PURPOSE,
        "urgency": "amber",
        "reason": "Telling the landlord before the family returns.",
        "case_ref": incident,
        "from_service": "connecting-families",
        "practitioner": {
            "id": "u-17",
            "role": "key-worker",
            "org_unit": "north-team",
            "second_factor": True,
            "name": "Ada Fellbrook",
            "call_back": "01632 960100",
        },
        "persons": [
            {
                "ref": "p1",
                "part": "victim",
                "subject": SUBJECT,
                "views": {"sought": True},
                "told": {"told": True},
                "safe_contact": {"method": "telephone", "times": "weekdays before three"},
            }
        ],
        **_content(incident),
    }


def _content(incident: str) -> dict[str, Any]:
    return {
        "topic": "safeguarding",
        "details": {
            "incident_reference": incident,
            "occurred_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "location_kind": "home",
            "child_present": True,
            "risk_level": "high",
        },
        "statements": [
            {
                "field": "circumstances",
                "text": CONTENT.strip(),
                "about": ["p1"],
                "standing": "fact",
                "source": "police attendance",
                "on": datetime.now(UTC).date().isoformat(),
            }
        ],
    }


def _wait_for(look: Callable[[], int], expected: int) -> None:
    found, moved = look(), time.monotonic()
    while found < expected:
        time.sleep(_LOOK_S)
        before, found = found, look()
        if found > before:
            moved = time.monotonic()
        elif time.monotonic() > moved + _QUIET_S:
            raise RuntimeError(f"{expected - found} of {expected} alerts did not arrive within {_QUIET_S:g} s")
