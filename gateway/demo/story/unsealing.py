"""Open everything that is sealed in a node's store with that node's own keys, and judge what it is."""

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
from gateway.demo.story.details import NUMBERS, found_in
from gateway.keys.sealed import SealBroken
from gateway.keys.vault import FileKeyVault, open_vault
from trust import jose, strict_json
from trust.exchange import reply

_MAX_BYTES: Final = 262_144


@dataclass(slots=True, kw_only=True)
class Unsealed:
    """What was found. ``faults`` are records out of place or time, ``foreign`` those of another agency."""

    own_replies: int = 0
    accounts: int = 0
    answers: int = 0
    until: str = "-"
    faults: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


def unseal(federation: Federation, agency: Agency, truth: Truth) -> Unsealed:
    """Open one node's store. Anything sealed that does not open, or is not what it should be, is a fault."""
    vault = open_vault(federation.folder(agency.slug) / "keys")
    return _Opening(federation, agency, truth, vault).judge()


class _Opening:
    def __init__(self, federation: Federation, agency: Agency, truth: Truth, vault: FileKeyVault) -> None:
        self._path = federation.folder(agency.slug) / "data" / "node.db"
        self._agency = agency
        self._vault = vault
        self._workers = _workers_by_agency(truth)
        self._now = datetime.now(UTC)
        self._numbers = {kind: data for kind, data in truth.secrets.items() if kind in {*NUMBERS, "postcodes"}}
        self._opened: list[bytes] = []
        self._found = Unsealed()

    def judge(self) -> Unsealed:
        """Go through the three places where something personal may rest."""
        latest = [self._replies(), self._accounts(), self._answers()]
        if kinds := found_in(self._opened, self._numbers):
            self._found.faults.append(f"who was asked about stands there: {', '.join(kinds)}")
        if any(latest):
            self._found.until = datetime.fromtimestamp(max(latest) / 1_000_000, UTC).strftime("%H:%M:%S")
        return self._found

    def _replies(self) -> int:
        """Open the replies that this node gave; each must be its own."""
        rows = self._rows("SELECT issuer, jti, sealed_reply, expires FROM messages WHERE sealed_reply IS NOT NULL")
        for row in rows:
            self._found.own_replies += 1
            plain = self._open(row["sealed_reply"], f"reply {row['issuer']} {row['jti']}")
            if plain is None:
                continue
            claims = jose.peek(plain, typ=reply.TYP, max_bytes=_MAX_BYTES).claims
            if claims["iss"] != self._agency.entity_id:
                self._found.foreign.append("it keeps a reply that another node signed")
            self._judge_text(_text(claims), allowed={self._agency.slug})
        return self._latest(rows, "expires", timedelta(minutes=20))

    def _accounts(self) -> int:
        """Open who asked and why; nobody who was asked about may stand there."""
        rows = self._rows("SELECT id, sealed_request, state, keep_until FROM lookups WHERE sealed_request IS NOT NULL")
        for row in rows:
            self._found.accounts += 1
            places = (f"lookup {row['id']} request", f"eligibility {row['id']}")
            plain = next((text for place in places if (text := self._try(row["sealed_request"], place))), None)
            if plain is None:
                self._found.faults.append("an account does not open with the node's own key")
                continue
            self._judge_text(plain.decode(), allowed=set())
        return 0

    def _answers(self) -> int:
        """Open the answers that this node was sent; each must belong to its own question and be within its time."""
        rows = self._rows(
            "SELECT a.lookup_id, a.service, a.sealed, l.keep_until FROM lookup_answers AS a"
            " LEFT JOIN lookups AS l ON l.id = a.lookup_id"
        )
        for row in rows:
            self._found.answers += 1
            if row["keep_until"] is None:
                self._found.foreign.append("it keeps an answer without a question of its own")
                continue
            plain = self._open(row["sealed"], f"lookup {row['lookup_id']} {row['service']}")
            if plain is None:
                continue
            line = strict_json.loads(plain, max_bytes=_MAX_BYTES)
            if line["service"] != row["service"]:
                self._found.faults.append("an answer stands under another service's name")
            host = row["service"].removeprefix("https://").partition("#")[0].removesuffix(".example")
            self._judge_text(plain.decode(), allowed={host})
        return self._latest(rows, "keep_until", timedelta(minutes=20))

    def _judge_text(self, text: str, *, allowed: set[str]) -> None:
        """Ask of an opened text whose workers it names; nobody's may be there but those of ``allowed``."""
        self._opened.append(text.encode("utf-8"))
        for slug, workers in self._workers.items():
            if slug not in allowed and any(worker in text for worker in workers):
                self._found.foreign.append(f"it keeps what belongs to {slug}")

    def _latest(self, rows: Sequence[Mapping[str, Any]], column: str, most: timedelta) -> int:
        latest = max((int(row[column] or 0) for row in rows), default=0)
        if latest > (self._now + most).timestamp() * 1_000_000:
            self._found.faults.append("something is kept for longer than it may be")
        if any(int(row[column] or 0) < self._now.timestamp() * 1_000_000 for row in rows):
            self._found.faults.append("something is still there though its time is up")
        return latest

    def _open(self, sealed: bytes, place: str) -> bytes | None:
        plain = self._try(sealed, place)
        if plain is None:
            self._found.faults.append("a sealed record does not open with the node's own key")
        return plain

    def _try(self, sealed: bytes, place: str) -> bytes | None:
        try:
            return self._vault.open_of_a_day(bytes(sealed), place.encode())
        except SealBroken:
            return None

    def _rows(self, query: str) -> Sequence[Mapping[str, Any]]:
        with closing(dbapi2.connect(f"{self._path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = dbapi2.Row
            return [dict(row) for row in connection.execute(query)]


def _workers_by_agency(truth: Truth) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for person in truth.people:
        for service, work in person.works.items():
            found.setdefault(agency_of(CaseService(service)).slug, set()).add(work.worker)
    return found


def _text(claims: Mapping[str, Any]) -> str:
    """Write a reply's claims as text to be searched."""
    return strict_json.dumps(dict(claims)).decode("utf-8")
