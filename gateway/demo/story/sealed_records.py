"""An inspection of the sealed records in a node's store, opened with that node's own keys."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pysqlite3 import dbapi2

from gateway.demo.agencies import Agency, agency_of
from gateway.demo.case_systems.records import CaseService
from gateway.demo.federation import Federation
from gateway.demo.people.truth import Truth
from gateway.demo.story.personal_details import NUMBERS, find_kinds
from gateway.keys.sealed import SealBroken
from gateway.keys.vault import FileKeyVault, open_vault
from trust import jose, strict_json
from trust.exchange import reply

_MAX_BYTES: Final = 262_144


@dataclass(slots=True, kw_only=True)
class SealedRecords:
    """Counts of sealed records. ``faults`` names misplaced or expired ones, ``foreign`` those of another agency."""

    own_replies: int = 0
    questions: int = 0
    answers: int = 0
    until: str = "-"
    faults: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def inspect_store(federation: Federation, agency: Agency, truth: Truth) -> SealedRecords:
    """Open every sealed record of one node. A record that does not open, or is out of place, is a fault."""
    vault = open_vault(federation.folder(agency.slug) / "keys")
    return _StoreInspection(federation, agency, truth, vault).run()


class _StoreInspection:
    def __init__(self, federation: Federation, agency: Agency, truth: Truth, vault: FileKeyVault) -> None:
        self._path = federation.folder(agency.slug) / "data" / "node.db"
        self._agency = agency
        self._vault = vault
        self._workers = _workers_by_agency(truth)
        self._now = datetime.now(UTC)
        self._numbers = {kind: data for kind, data in truth.secrets.items() if kind in {*NUMBERS, "postcodes"}}
        self._plaintexts: list[bytes] = []
        self._records = SealedRecords()

    def run(self) -> SealedRecords:
        """Inspect the three tables that may hold personal data."""
        latest = [self._replies(), self._questions(), self._answers()]
        if kinds := find_kinds(self._plaintexts, self._numbers):
            self._records.faults.append(f"records identify the person: {', '.join(kinds)}")
        if any(latest):
            self._records.until = datetime.fromtimestamp(max(latest) / 1_000_000, UTC).strftime("%H:%M:%S")
        return self._records

    def _replies(self) -> int:
        """Open the replies that this node sent; each must be its own."""
        rows = self._rows("SELECT issuer, jti, sealed_reply, expires FROM messages WHERE sealed_reply IS NOT NULL")
        for row in rows:
            self._records.own_replies += 1
            plain = self._open(row["sealed_reply"], f"reply {row['issuer']} {row['jti']}")
            if plain is None:
                continue
            claims = jose.peek(plain.partition(b"\n")[0], typ=reply.TYP, max_bytes=_MAX_BYTES).claims
            if claims["iss"] != self._agency.entity_id:
                self._records.foreign.append("it keeps a reply that another node signed")
            self._check_workers(_text(claims), agencies={self._agency.slug})
        return self._latest(rows, "expires", timedelta(minutes=20))

    def _questions(self) -> int:
        """Open the records of practitioner and reason; none may identify the person."""
        rows = self._rows("SELECT id, sealed_request, state, keep_until FROM lookups WHERE sealed_request IS NOT NULL")
        for row in rows:
            self._records.questions += 1
            places = (f"lookup {row['id']} request", f"eligibility {row['id']}")
            plain = next((text for place in places if (text := self._try(row["sealed_request"], place))), None)
            if plain is None:
                self._records.faults.append("the record of a question does not open with the node's own key")
                continue
            self._check_workers(plain.decode(), agencies=set())
        return 0

    def _answers(self) -> int:
        """Open the answers that this node received; each must belong to its own question and be unexpired."""
        rows = self._rows(
            "SELECT a.lookup_id, a.service, a.sealed, l.keep_until FROM lookup_answers AS a"
            " LEFT JOIN lookups AS l ON l.id = a.lookup_id"
        )
        for row in rows:
            self._records.answers += 1
            if row["keep_until"] is None:
                self._records.foreign.append("it keeps an answer without a question of its own")
                continue
            plain = self._open(row["sealed"], f"lookup {row['lookup_id']} {row['service']}")
            if plain is None:
                continue
            answer = strict_json.loads(plain, max_bytes=_MAX_BYTES)
            if answer["service"] != row["service"]:
                self._records.faults.append("an answer is stored under another service's name")
            host = row["service"].removeprefix("https://").partition("#")[0].removesuffix(".example")
            self._check_workers(plain.decode(), agencies={host})
        return self._latest(rows, "keep_until", timedelta(minutes=20))

    def _check_workers(self, text: str, *, agencies: set[str]) -> None:
        """Check that a text names no worker of an agency outside ``agencies``."""
        self._plaintexts.append(text.encode("utf-8"))
        for slug, workers in self._workers.items():
            if slug not in agencies and any(worker in text for worker in workers):
                self._records.foreign.append(f"it keeps a record of {slug}")

    def _latest(self, rows: Sequence[Mapping[str, Any]], column: str, most: timedelta) -> int:
        latest = max((int(row[column] or 0) for row in rows), default=0)
        if latest > (self._now + most).timestamp() * 1_000_000:
            self._records.faults.append("a record is kept for too long")
        if any(int(row[column] or 0) < self._now.timestamp() * 1_000_000 for row in rows):
            self._records.faults.append("an expired record was not erased")
        return latest

    def _open(self, ciphertext: bytes, place: str) -> bytes | None:
        plain = self._try(ciphertext, place)
        if plain is None:
            self._records.faults.append("a sealed record does not open with the node's own key")
        return plain

    def _try(self, ciphertext: bytes, place: str) -> bytes | None:
        try:
            return self._vault.open_of_a_day(bytes(ciphertext), place.encode())
        except SealBroken:
            return None

    def _rows(self, query: str) -> Sequence[Mapping[str, Any]]:
        with closing(dbapi2.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = dbapi2.Row
            return [dict(row) for row in connection.execute(query)]


def _workers_by_agency(truth: Truth) -> Mapping[str, set[str]]:
    workers: dict[str, set[str]] = {}
    for person in truth.people:
        for service, work in person.works.items():
            workers.setdefault(agency_of(CaseService(service)).slug, set()).add(work.worker)
    return workers


def _text(claims: Mapping[str, Any]) -> str:
    """Return a reply's claims as text to search."""
    return strict_json.dumps(dict(claims)).decode("utf-8")
