"""Three agencies as real processes that send alerts and referrals over TLS, with a fault proxy before each.

A submission counts as acknowledged once the case API has answered it with success. One without an answer is made again
under its own key until then, as a case system does.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.client import HTTPException
from itertools import count
from pathlib import Path
from random import Random
from secrets import token_urlsafe
from threading import Lock
from time import sleep
from typing import Any

from gateway.store.tables import delivery_events, outbox
from gateway.store.tables.delivery_events import DeliverySide
from gateway.store.tables.outbox import OutboxRow
from tests.simulator.alerts import CLAUSES, SAFEGUARDING, alert, referral
from tests.simulator.case_client import CaseClient
from tests.simulator.processes import Served, served
from tests.simulator.settings_files import toml
from tests.simulator.town import ANCHOR, COUNCIL, HOUSING, TRUST
from tests.simulator.world_promises import name_at_recipient
from tests.support.fault_proxy import FaultProxy
from tests.support.positions import positions
from trust.identifiers import EntityId
from trust.keys import KeyUse
from trust.oauth import access_token
from trust.oauth.access_token import AccessTokenClaims, SignedIn

SLUGS = {TRUST: "mental-health", HOUSING: "housing"}
PLACES = (COUNCIL, *SLUGS)
_SUCCESS = range(200, 300)
_AGAIN_S = 0.5
_PERMITTED = ["incident_reference", "persons.victim"]
_OF_KIND = {"alert": ["circumstances", "occurred_at"], "referral": ["reason"]}


@dataclass
class RealTown:
    """The processes, the proxies, and what was acknowledged: each incident with its submission and recipients."""

    served: Served
    proxies: Mapping[EntityId, FaultProxy]
    folders: Mapping[EntityId, Path]
    client: CaseClient
    readers: Mapping[EntityId, CaseClient]
    choose: Random
    acknowledged: dict[str, tuple[str, tuple[EntityId, ...]]] = field(default_factory=dict)
    tries: int = 0
    reads: int = 0
    _token: str = ""
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: Lock = field(default_factory=Lock)

    def send(self) -> None:
        """Hand in one alert or referral, again and again until it is acknowledged."""
        with self._lock:
            incident = f"INC-{next(self._numbers):06}"
            kind = self.choose.choice(["alerts", "alerts", "referrals"])
            to = self.choose.choice([(TRUST,), (HOUSING,), (TRUST, HOUSING)])
            urgency = self.choose.choice(["red", "amber", "green"])
        details = {"incident_reference": incident}
        changes = {
            "recipients": [f"{entity}#{SLUGS[entity]}" for entity in to],
            "case_ref": f"case-{int(incident[-6:]) % 40}",
            "urgency": urgency,
        }
        if kind == "referrals":
            body = referral(service_type="advocacy", details=details, **changes)
        else:
            body = alert(details={**details, "occurred_at": "2026-11-30T21:40:00Z"}, **changes)
        while (answer := self._ask(self.client, f"/case/v1/{kind}", body, key=f"key-{incident}")) is None:
            sleep(_AGAIN_S)
        with self._lock:
            self.acknowledged[incident] = (str(answer["id"]), to)

    def read_some(self, entity: EntityId) -> None:
        """Have a signed-in person of a recipient open some of what is in the inbox."""
        page = self._ask(self.readers[entity], "/case/v1/inbox", token=self._sign_in(entity))
        for item in () if page is None else page["items"]:
            path = f"/case/v1/inbox/{item['id']}/read"
            if self.choose.random() < 1 / 8 and not item["is_read"]:
                self.reads += self._ask(self.readers[entity], path, {}, token=self._sign_in(entity)) is not None

    def rows(self) -> list[OutboxRow]:
        """Return every delivery of what was acknowledged."""
        store, submissions = self.served.network.nodes[COUNCIL].store, [each for each, _ in self.acknowledged.values()]
        return [row for each in submissions for row in store.read(partial(outbox.of_submission, submission=each))]

    def arrived(self, entity: EntityId) -> Counter[str]:
        """Return how often a recipient's case system has each incident."""
        files = self.folders[entity].glob("*.json")
        return Counter(json.loads(path.read_text())["document"]["details"]["incident_reference"] for path in files)

    def expected(self, entity: EntityId) -> set[str]:
        """Return the incidents that a recipient's case system must have."""
        return {incident for incident, (_, to) in self.acknowledged.items() if entity in to}

    def events(self, row: OutboxRow, side: DeliverySide) -> set[str]:
        """Return what is on record of a delivery, at its sender or at its recipient."""
        network, entity, name = self.served.network, COUNCIL, row.message
        if side is DeliverySide.RECIPIENT:
            entity = EntityId(row.peer)
            name = name_at_recipient(network, entity, row.message)
        events = network.nodes[entity].store.read(lambda tx: delivery_events.list(tx, message=name, side=side))
        return {each.event for each in events}

    def _ask(
        self, client: CaseClient, path: str, body: Mapping[str, Any] | None = None, *, key: str = "", token: str = ""
    ) -> dict[str, Any] | None:
        """Return the answer of a case API; none where there is none, or where it has no time or room now."""
        try:
            headers = {"Authorization": f"Bearer {token or self._own_token()}", "Content-Type": "application/json"}
            answer = self.served.call(
                client.base_url + path,
                method="GET" if body is None else "POST",
                body=b"" if body is None else json.dumps(body).encode(),
                headers={**headers, **({"Idempotency-Key": key} if key else {})},
            )
            self.tries += 1
            if answer.status in _SUCCESS:
                return answer.json()
        except (OSError, HTTPException, AssertionError):
            return None
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._token = ""
        elif answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RuntimeError(f"{path}: {answer.status} {answer.body.decode()}")
        return None

    def _own_token(self) -> str:
        self._token = self._token or self.served.case_token(self.client)
        return self._token

    def _sign_in(self, entity: EntityId) -> str:
        """Return the token of a person who signed in with a position at a recipient's service."""
        client, now = self.readers[entity], datetime.now(UTC)
        position = positions([SLUGS[entity]], ["key-worker"], ["north-team"])
        signed_in = SignedIn(issuer="https://login.example", name="n-7", positions=position)
        claims = AccessTokenClaims(
            iss=client.base_url,
            sub=signed_in.sub,
            client_id=client.client_id,
            aud=client.base_url + "/case/v1",
            jti=token_urlsafe(16),
            iat=now,
            exp=now + timedelta(minutes=5),
            signed_in=signed_in,
        )
        return access_token.build(claims, self.served.network.nodes[entity].vault.signer(KeyUse.OAUTH)).decode()


@contextmanager
def real_town(folder: Path, seed: int) -> Iterator[RealTown]:
    """Make and start it. Messages come into folders, which are the recipients' case systems."""
    with served(folder, PLACES, workers=2, threads=8) as federation:
        network = federation.network
        document = network.document()
        holders = [f"{entity}#{slug}" for entity, slug in SLUGS.items()]
        clauses = [
            {**clause, "holders": holders, "fields_by_role": {"key-worker": [*_PERMITTED, *_OF_KIND[clause["kind"]]]}}
            for clause in CLAUSES
        ]
        purpose = {"code": SAFEGUARDING, "description": "To keep people safe."}
        network.agree({**document, "purposes": [*document["purposes"], purpose], "clauses": clauses})
        for entity in SLUGS:  # as the rounds of maintenance find the parties of agreements
            for here, there in ((COUNCIL, entity), (entity, COUNCIL)):
                network.nodes[here].directory.resolve(there, now=network.clock.now())
        proxies = {each: FaultProxy(int(federation.faces[each].peer.rpartition(":")[2])) for each in PLACES}
        town = RealTown(
            served=federation,
            proxies=proxies,
            folders={each: folder / f"case-system-{slug}" for each, slug in SLUGS.items()},
            client=network.case_client(),
            readers={each: network.case_client(each) for each in SLUGS},
            choose=Random(seed),  # noqa: S311 - a test's choices, which its seed repeats
        )
        for entity in PLACES:
            _configure(town, entity)
        try:
            federation.start(ANCHOR, *PLACES)
            yield town
        finally:
            for proxy in proxies.values():
                proxy.close()


def _configure(town: RealTown, entity: EntityId) -> None:
    """Have a node reach the others through their proxies, and deliver into the folder that is its case system."""
    path = town.served.network.folder_of(entity) / "hearthgate.toml"
    document = tomllib.loads(path.read_text())
    for each, proxy in town.proxies.items():
        document["hosts"][each.removeprefix("https://")]["address"] = proxy.address
    if entity in town.folders:
        town.folders[entity].mkdir()
        receiver = {"type": "drop-folder", "settings": {"folder": str(town.folders[entity]), "format": "json"}}
        document["services"][0]["receiver"] = receiver
    path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in document.items()))
