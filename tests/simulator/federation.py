"""A federation in memory: the real apps, reached through a transport that can be made to fail."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.authority.statements import Authority
from gateway.federation.entity_configuration import NodeProfile, SignedConfiguration, node_configuration
from gateway.federation.fetch import Fetcher
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.http.authority.authority_api import create_anchor_app
from gateway.http.federation.signed_documents import federation_blueprint
from gateway.keys.files import new_pem, public_half
from gateway.keys.sealed import open_own
from gateway.runtime.background import AtOnce
from gateway.store.engine.postgres import PostgresStore
from gateway.store.engine.sqlite import SqliteStore
from gateway.store.factory import open_store
from gateway.store.tables import members
from gateway.telemetry.events import HttpRequestEvent
from gateway.web.face import build_face
from tests.simulator.clocks import MORNING, SetClock
from tests.simulator.town import ANCHOR, COUNCIL, POLICE
from tests.simulator.wire import Wire
from tests.support.stores import make_store
from trust.federation.anchor_keys import Pin
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.historical_keys import HistoricalKey
from trust.federation.key_revocation import RevokedKey
from trust.federation.node_metadata import ServiceEntry
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId, KindName, ServiceSlug
from trust.keys import Alg, KeySet, KeyUse, LocalSigner, Signer
from trust.sealing import seal


class Keys:
    """A vault in memory."""

    def __init__(self) -> None:
        self.signers: dict[KeyUse, Signer] = {
            use: LocalSigner.generate(use) for use in (KeyUse.FEDERATION, KeyUse.MESSAGE, KeyUse.OAUTH, KeyUse.DPOP)
        }
        self.signers[KeyUse.EVIDENCE] = LocalSigner.generate(KeyUse.EVIDENCE, Alg.ED25519)
        self.encryption = public_half(new_pem(KeyUse.ENCRYPTION), KeyUse.ENCRYPTION)

    def signer(self, use: KeyUse) -> Signer:
        return self.signers[use]

    def published(self, use: KeyUse) -> KeySet:
        return KeySet.of(use, [self.encryption if use is KeyUse.ENCRYPTION else self.signers[use].public])

    def revoked(self) -> tuple[RevokedKey, ...]:
        return ()

    def historical(self) -> tuple[HistoricalKey, ...]:
        return ()

    def edition(self) -> int:
        return 0

    def seal_key(self) -> bytes:
        return bytes(32)

    def seal_for_a_day(self, plaintext: bytes, place: bytes) -> bytes:
        return seal(self.seal_key(), plaintext, place)

    def open_of_a_day(self, sealed: bytes, place: bytes) -> bytes:
        return open_own(self.seal_key(), sealed, place)

    def pseudonym_key(self) -> bytes:
        return bytes(32)

    def evidence_hmac_key(self) -> bytes:
        return bytes(32)

    def federation_keys(self) -> KeySet:
        return KeySet.of(KeyUse.FEDERATION, [self.signers[KeyUse.FEDERATION].public])


class Silent:
    """An observer that keeps nothing but our own faults, which fail the test."""

    def record_request(self, event: HttpRequestEvent) -> None:
        pass

    def record_error(self, error: BaseException, *, face: str, request_id: str) -> None:
        raise error


def opened_store(folder: Path, name: str) -> SqliteStore | PostgresStore:
    """Make and open a store in a folder."""
    make_store(folder, name)
    return open_store(f"sqlite:///{name}.db", base_dir=folder)


class Federation:
    """An anchor and two nodes; the council's directory is the one that is looked at."""

    def __init__(self, folder: Path) -> None:
        self.clock = SetClock(MORNING)
        self.wire = Wire()
        self.anchor_keys = Keys()
        self.anchor_store = opened_store(folder, "anchor")
        self.store = opened_store(folder, "node")
        self.keys = {entity: Keys() for entity in (COUNCIL, POLICE)}
        self.configurations: dict[EntityId, SignedConfiguration] = {}
        self.notices: list[tuple[str, EntityId]] = []
        self.required_marks: frozenset[str] = frozenset()
        self.recovery = LocalSigner.generate(KeyUse.RECOVERY)
        self.pins = {
            ANCHOR: Pin(
                entity=ANCHOR,
                keys=self.anchor_keys.federation_keys(),
                recovery=KeySet.of(KeyUse.RECOVERY, [self.recovery.public]),
            )
        }
        self.authority = Authority(
            entity_id=ANCHOR, name="Anchor", vault=self.anchor_keys, store=self.anchor_store, clock=self.clock
        )
        self.wire.apps[ANCHOR] = create_anchor_app(self.authority, observer=Silent())
        for entity in self.keys:
            self.publish(entity)
            self.admit(entity)
        self.directory = self.new_directory()

    def publish(self, entity: EntityId) -> None:
        """Serve a node's entity configuration from its present keys."""
        profile = NodeProfile(
            entity_id=entity,
            name="A node",
            superiors=(ANCHOR,),
            services=(ServiceEntry(slug=ServiceSlug("duty"), name="Duty", kind="children", duty_phone="01632 960000"),),
            kinds={KindName("involvement.query"): (1,)},
        )
        configuration = self.configurations[entity] = node_configuration(profile, self.keys[entity])
        blueprint = federation_blueprint(configuration, clock=self.clock)
        self.wire.apps[entity] = build_face("peer", [blueprint], max_body=0, observer=Silent())

    def admit(self, entity: EntityId, state: str = SuspensionState.ACTIVE) -> None:
        """Have the anchor vouch for a node's present federation keys and services, or no longer."""
        jwks, now = self.keys[entity].federation_keys().to_jwks(), self.clock.now()
        shown = parse_entity_configuration(self.configurations[entity](now), now=now).metadata
        self.anchor_store.write(
            lambda tx: members.admit(tx, entity=entity, jwks=jwks, metadata=shown, state=state, at=now)
        )

    def new_directory(self) -> FederationResolver:
        """Make the council's directory as another worker, or after a restart."""
        return FederationResolver(
            fetcher=Fetcher(transport=self.wire, own=COUNCIL, own_configuration=self.configurations[COUNCIL]),
            pins=self.pins,
            storage=TrustStorage(self.store),
            record_event=lambda code, entity: self.notices.append((code, entity)),
            required_marks=lambda _now: self.required_marks,
            background=AtOnce(),
        )

    def close(self) -> None:
        """Let go of both stores."""
        self.store.close()
        self.anchor_store.close()


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """Give the federation, fresh for each test."""
    made = Federation(tmp_path)
    yield made
    made.close()
