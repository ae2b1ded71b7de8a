"""A federation of several levels in memory, without web applications: what each entity would answer, signed when asked.

Cheap enough for a thousand agencies, and every answer can be replaced, so it also plays any liar on the way.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

from gateway.federation.fetch import Fetcher
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.ports import PeerRequest, PeerResponse, Store, Transport, TransportError
from gateway.runtime.background import AtOnce
from tests.simulator.clocks import MORNING, SetClock
from tests.simulator.federation import Keys
from tests.simulator.town import ANCHOR, COUNCIL
from trust import strict_json
from trust.federation.anchor_keys import AnchorKeys, Pin, build_anchor_keys
from trust.federation.entity_statement import (
    MAX_LIFE,
    StatementDraft,
    build_entity_configuration,
    build_subordinate_statement,
)
from trust.federation.freshness import PROFILE_BOUNDS, Bounds, build_bounds
from trust.federation.node_metadata import (
    ENTITY_TYPE,
    NodeMetadata,
    ServiceEntry,
    build_node_metadata,
    state_service_kinds,
)
from trust.federation.party_metadata import CLIENT, FEDERATION_ENTITY, build_client
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.federation.trust_mark import MarkStatus, StatedMark, build_status_response
from trust.identifiers import EntityId, KindName, ServiceSlug
from trust.keys import KeySet, KeyUse, LocalSigner
from trust.strict_json import JsonObject

Said = Callable[[PeerRequest], PeerResponse]


@dataclass(slots=True)
class Entity:
    """An entity: its keys, its superiors, its members, and its own log of suspensions."""

    id: EntityId
    superiors: tuple[EntityId, ...]
    keys: Keys = field(default_factory=Keys)
    below: set[EntityId] = field(default_factory=set)
    log: list[tuple[EntityId, SuspensionState]] = field(default_factory=list)
    marks: tuple[StatedMark, ...] = ()
    mark_issuers: dict[str, tuple[EntityId, ...]] = field(default_factory=dict)
    revoked: set[bytes] = field(default_factory=set)
    bounds: Bounds = PROFILE_BOUNDS
    keys_document: bytes | None = None


class Tree:
    """The entities by their identifiers, and the :class:`gateway.ports.Transport` to them."""

    def __init__(self, store: Store, *, own: EntityId = COUNCIL) -> None:
        self.clock = SetClock(MORNING)
        self.store = store
        self.own = own
        self.entities: dict[EntityId, Entity] = {}
        self.recovery = LocalSigner.generate(KeyUse.RECOVERY)
        self.down: set[str] = set()
        self.said: dict[str, Said] = {}
        self.fetched: list[str] = []
        self.notices: list[tuple[str, EntityId]] = []
        self.required_marks: frozenset[str] = frozenset()
        self.add(ANCHOR)
        self.pinned = Pin(
            entity=ANCHOR,
            keys=self.entities[ANCHOR].keys.federation_keys(),
            recovery=KeySet.of(KeyUse.RECOVERY, [self.recovery.public]),
        )

    def add(self, entity: EntityId, *superiors: EntityId) -> Entity:
        """Make an entity below its superiors."""
        made = self.entities[entity] = Entity(entity, superiors)
        for superior in superiors:
            self.entities[superior].below.add(entity)
        return made

    def directory(self, pins: Iterable[Pin] | None = None, *, transport: Transport | None = None) -> FederationResolver:
        """Make the own node's directory: another worker, or the same one after a restart."""
        found = list(pins or [self.pinned])
        return FederationResolver(
            fetcher=Fetcher(
                transport=transport or self,
                own=self.own,
                own_configuration=lambda _now: self.configuration(self.own),
            ),
            pins={pin.entity: pin for pin in found},
            storage=TrustStorage(self.store),
            record_event=lambda code, entity: self.notices.append((code, entity)),
            required_marks=lambda _now: self.required_marks,
            background=AtOnce(),
        )

    def suspend(self, issuer: EntityId, subject: EntityId, state: SuspensionState = SuspensionState.SUSPENDED) -> None:
        """Have an authority suspend, remove or readmit an entity: in its log, and in its statements."""
        authority = self.entities[issuer]
        authority.log.append((subject, state))
        if state is SuspensionState.ACTIVE:
            authority.below.add(subject)
        else:
            authority.below.discard(subject)

    def replace_anchor_keys(self, seq: int, *, by: LocalSigner | None = None) -> None:
        """Give the anchor new federation keys, and the document of its recovery key."""
        anchor = self.entities[ANCHOR]
        anchor.keys = Keys()
        document = AnchorKeys(anchor=ANCHOR, seq=seq, keys=anchor.keys.federation_keys(), issued_at=self.clock.now())
        anchor.keys_document = build_anchor_keys(document, by or self.recovery)

    def chain(self, *line: EntityId) -> list[bytes]:
        """Make the chain of the first of ``line`` through the others, as it stands now."""
        about = [self.statement(superior, below) for below, superior in pairwise(line)]
        return [self.configuration(line[0]), *about, self.configuration(line[-1])]

    # ---- what each of them says

    def configuration(self, entity: EntityId, at: datetime | None = None) -> bytes:
        """Say what an entity says of itself."""
        found = self.entities[entity]
        draft = replace(
            self._draft(entity, at),
            metadata=self._metadata(found),
            trust_marks=found.marks,
            trust_mark_issuers=found.mark_issuers,
        )
        return build_entity_configuration(draft, found.keys.signer(KeyUse.FEDERATION), authority_hints=found.superiors)

    def statement(self, superior: EntityId, subject: EntityId, at: datetime | None = None) -> bytes:
        """Return an authority's statement about an entity."""
        signer = self.entities[superior].keys.signer(KeyUse.FEDERATION)
        stated = state_service_kinds(self._metadata(self.entities[subject]))
        draft = replace(self._draft(subject, at), metadata=stated)
        return build_subordinate_statement(draft, signer, issuer=superior)

    def suspension(self, issuer: EntityId, seq: int) -> bytes:
        """Say the entry of an authority's log."""
        subject, state = self.entities[issuer].log[seq - 1]
        entry = Suspension(issuer=issuer, subject=subject, seq=seq, state=state, issued_at=self.clock.now())
        return build_suspension(entry, self.entities[issuer].keys.signer(KeyUse.FEDERATION))

    def suspensions(self, issuer: EntityId, after: int = 0) -> PeerResponse:
        """Answer with an authority's log, through any relay."""
        entries = [self.suspension(issuer, seq + 1) for seq in range(after, len(self.entities[issuer].log))]
        return answered(
            strict_json.dumps({"suspensions": [entry.decode() for entry in entries[:100]]}), "application/json"
        )

    def send(self, request: PeerRequest) -> PeerResponse:
        """Answer as the host of the URL would."""
        url = urlsplit(request.url)
        host = EntityId(f"https://{url.hostname}")
        self.fetched.append(request.url)
        if host in self.down or host not in self.entities:
            raise TransportError(f"{host}: no connection came about")
        if host + url.path in self.said:
            return self.said[host + url.path](request)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return self._answer(self.entities[host], url.path, query, request)

    def _answer(self, entity: Entity, path: str, query: dict[str, str], request: PeerRequest) -> PeerResponse:
        if path == "/.well-known/openid-federation":
            return answered(self.configuration(entity.id), request.accept)
        if path == "/federation/v1/fetch" and query["sub"] in entity.below:
            return answered(self.statement(entity.id, EntityId(query["sub"])), request.accept)
        if path == "/federation/v1/suspensions" and query["iss"] == entity.id:
            return self.suspensions(entity.id, int(query["after"]))
        if path == "/federation/v1/anchor-keys" and entity.keys_document is not None:
            return answered(entity.keys_document, request.accept)
        if path == "/federation/v1/trust-mark-status":
            return self._status(entity, parse_qs(request.body.decode())["trust_mark"][0].encode(), request)
        return self.not_found()

    @staticmethod
    def not_found() -> PeerResponse:
        """Answer that there is no such entity."""
        return PeerResponse(status=404, content_type="application/json", headers={}, body=b'{"error":"not_found"}')

    def _status(self, issuer: Entity, mark: bytes, request: PeerRequest) -> PeerResponse:
        status = MarkStatus.REVOKED if mark in issuer.revoked else MarkStatus.ACTIVE
        signer = issuer.keys.signer(KeyUse.FEDERATION)
        raw = build_status_response(
            issuer=issuer.id, mark=mark, status=status, issued_at=self.clock.now(), signer=signer
        )
        return answered(raw, request.accept)

    def _draft(self, subject: EntityId, at: datetime | None) -> StatementDraft:
        made, keys = at or self.clock.now(), self.entities[subject].keys.federation_keys()
        return StatementDraft(subject=subject, keys=keys, issued_at=made, expires_at=made + MAX_LIFE)

    @staticmethod
    def _metadata(entity: Entity) -> dict[str, JsonObject]:
        if entity.below or not entity.superiors:
            return {
                FEDERATION_ENTITY: {
                    "federation_fetch_endpoint": entity.id + "/federation/v1/fetch",
                    "federation_trust_mark_status_endpoint": entity.id + "/federation/v1/trust-mark-status",
                }
                | build_bounds(entity.bounds)
            }
        keys = entity.keys
        node = NodeMetadata(
            name="A node",
            message_keys=keys.published(KeyUse.MESSAGE),
            evidence_key=keys.signer(KeyUse.EVIDENCE).public,
            message_endpoint=entity.id + "/exchange/v1/messages",
            receipt_endpoint=entity.id + "/exchange/v1/receipts",
            services=(ServiceEntry(slug=ServiceSlug("duty"), name="Duty", kind="children"),),
            kinds_supported={KindName("involvement.query"): (1,)},
        )
        return {ENTITY_TYPE: build_node_metadata(node), CLIENT: build_client(keys.published(KeyUse.OAUTH))}


def answered(body: bytes, content_type: str) -> PeerResponse:
    """Answer with a body, and 200."""
    return PeerResponse(status=200, content_type=content_type, headers={}, body=body)
