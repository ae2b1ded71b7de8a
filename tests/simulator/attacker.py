"""An attacker on the wire: any request may be answered with any old statement, or an invented one.

What he cannot do is sign for others, unless he stole their keys before they were replaced.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs, urlsplit

from gateway.ports import PeerRequest, PeerResponse, Store, TransportError
from tests.simulator.federation import Keys
from tests.simulator.oracle import Truth, parts
from tests.simulator.town import ANCHOR
from tests.simulator.tree import Entity, Tree, answered
from trust import jose, strict_json
from trust.federation.entity_statement import MAX_LIFE, StatementDraft, build_subordinate_statement
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

FETCH = "/federation/v1/fetch"
SUSPENSIONS = "/federation/v1/suspensions"
EVIL = EntityId("https://evil.example")


class Attacked(Tree):
    """The federation, whose every statement is noted; ``denials`` are the honest noes that reached the node."""

    def __init__(self, store: Store) -> None:
        self.truth = Truth()
        self.denials: list[tuple[EntityId, EntityId, datetime]] = []
        super().__init__(store)
        self.truth.anchor_sets.append(self.entities[ANCHOR].keys.federation_keys().kids)

    def configuration(self, entity: EntityId, at: datetime | None = None) -> bytes:
        return self.truth.note(super().configuration(entity, at))

    def statement(self, superior: EntityId, subject: EntityId, at: datetime | None = None) -> bytes:
        return self.truth.note(super().statement(superior, subject, at))

    def _answer(self, entity: Entity, path: str, query: dict[str, str], request: PeerRequest) -> PeerResponse:
        """Answer as the host would; every peer relays what there is of suspensions."""
        if path == SUSPENSIONS and query["iss"] != entity.id and query["iss"] in self.entities:
            return self.suspensions(EntityId(query["iss"]), int(query["after"]))
        return super()._answer(entity, path, query, request)

    def send(self, request: PeerRequest) -> PeerResponse:
        answer = super().send(request)
        url = urlsplit(request.url)
        host = EntityId(f"https://{url.hostname}")
        if url.path == FETCH and answer.status == 404:
            self.denials.append((host, EntityId(parse_qs(url.query)["sub"][0]), self.clock.now()))
        return answer


@dataclass(slots=True)
class Attacker:
    """What he may do. ``stolen`` are keys that members once had."""

    tree: Attacked
    keys: Keys = field(default_factory=Keys)
    stolen: dict[EntityId, list[Signer]] = field(default_factory=dict)

    def steal(self, entity: EntityId) -> None:
        """Take the federation key that an entity is about to replace."""
        self.stolen.setdefault(entity, []).append(self.tree.entities[entity].keys.signer(KeyUse.FEDERATION))

    def silence(self, address: str) -> None:
        """Answer nothing."""

        def say(_request: PeerRequest) -> PeerResponse:
            raise TransportError("cut off")

        self.tree.said[address] = say

    def hold_back(self, address: str, pick: int) -> None:
        """Answer with an older statement about the requested entity."""
        path = "/" + address.removeprefix("https://").partition("/")[2]

        def say(request: PeerRequest) -> PeerResponse:
            host = EntityId(address.removesuffix(path))
            query = parse_qs(urlsplit(request.url).query)
            said = self.tree.truth.said.get((host, EntityId(query["sub"][0]) if "sub" in query else host))
            return answered(said[pick % len(said)], request.accept) if said else self.tree.not_found()

        self.tree.said[address] = say

    def replay(self, address: str, raw: bytes) -> None:
        """Answer with any statement that was ever made, to any party."""
        self.tree.said[address] = lambda request: answered(raw, request.accept)

    def impersonate(self, address: str, raw: bytes) -> None:
        """Answer with something that was said, signed again with a key of his own under the same key id or his own."""
        header, body = parts(raw)
        forged = jose.sign(body, typ=header["typ"], signer=self.keys.signer(KeyUse.FEDERATION))
        spoofed = b".".join([raw.split(b".")[0], *forged.split(b".")[1:]])
        self.tree.said[address] = lambda request: answered(spoofed if len(raw) % 2 else forged, request.accept)

    def as_thief(self, issuer: EntityId, subject: EntityId, at: datetime) -> bytes | None:
        """Sign with a key that was stolen from ``issuer`` that it vouches for the attacker's key."""
        keys = self.stolen.get(issuer)
        if not keys:
            return None
        draft = StatementDraft(
            subject=subject, keys=self.keys.federation_keys(), issued_at=at, expires_at=at + MAX_LIFE
        )
        return self.tree.truth.note(build_subordinate_statement(draft, keys[-1], issuer=issuer))

    def tell(self, teller: EntityId, how: Callable[[list[bytes]], list[bytes]]) -> None:
        """Hand on logs of suspensions, changed."""

        def say(request: PeerRequest) -> PeerResponse:
            query = {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}
            issuer = EntityId(query["iss"])
            log = self.tree.entities[issuer].log if issuer in self.tree.entities else []
            entries = [self.tree.suspension(issuer, seq + 1) for seq in range(int(query["after"]), len(log))]
            told = [entry.decode() for entry in how(entries)]
            return answered(strict_json.dumps({"suspensions": told}), "application/json")

        self.tree.said[teller + SUSPENSIONS] = say

    def forged_suspension(self, issuer: EntityId, subject: EntityId, seq: int, state: SuspensionState) -> bytes:
        """Make up an entry of an authority's log."""
        entry = Suspension(issuer=issuer, subject=subject, seq=seq, state=state, issued_at=self.tree.clock.now())
        return build_suspension(entry, self.keys.signer(KeyUse.FEDERATION))
