"""Authorities put together from their settings, over a wire in memory: a trust anchor, an intermediate, and a node."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.loading import load
from config.settings import AnchorSettings
from gateway.app.authority import AnchorParts, create_anchor
from gateway.federation.entity_configuration import NodeProfile, node_configuration
from gateway.federation.fetch import Fetcher
from gateway.federation.own_trust_marks import OwnTrustMarks, TrustMarkRenewal
from gateway.federation.resolver import FederationResolver
from gateway.federation.storage import TrustStorage
from gateway.http.federation.entity_configuration import federation_blueprint
from gateway.keys.files import ANCHOR_KEYS, create_keys
from gateway.runtime.background import AtOnce
from gateway.store.migration import migrate
from gateway.store.tables import members, suspensions
from gateway.store.tables.federation_records import StoredSuspension
from gateway.web.face import build_face
from tests.simulator.clocks import MORNING, SetClock
from tests.simulator.wire import Wire
from tests.support.network import ANCHOR, Keys, Silent, opened_store
from trust.federation.anchor_keys import Pin
from trust.federation.entity_statement import parse_entity_configuration
from trust.federation.node_metadata import ServiceEntry
from trust.federation.suspension import Suspension, SuspensionState, build_suspension
from trust.federation.terms import NODE, SubordinateTerms
from trust.identifiers import EntityId, KindName, ServiceSlug
from trust.keys import KeySet, KeyUse

COUNTY = EntityId("https://county.example")
HARBOUR = EntityId("https://harbour.example")
INTERMEDIATE = SubordinateTerms(intermediate=True)


class Node:
    """A node below some superior: what it publishes, and its directory."""

    def __init__(self, authorities: "Authorities", folder: Path, superior: EntityId) -> None:
        self.keys = Keys()
        self.store = opened_store(folder, "harbour")
        self.held = OwnTrustMarks(self.store)
        profile = NodeProfile(
            entity_id=HARBOUR,
            name="Harbour",
            superiors=(superior,),
            services=(ServiceEntry(slug=ServiceSlug("duty"), name="Duty", kind="children", duty_phone="01632 960000"),),
            kinds={KindName("involvement.query"): (1,)},
        )
        self.configuration = node_configuration(profile, self.keys, self.held)
        blueprint = federation_blueprint(self.configuration, clock=authorities.clock)
        authorities.wire.apps[HARBOUR] = build_face("peer", [blueprint], max_body=0, observer=Silent())
        self.fetcher = Fetcher(transport=authorities.wire, own=HARBOUR, own_configuration=self.configuration)
        self.directory = FederationResolver(
            fetcher=self.fetcher,
            pins={ANCHOR: Pin(entity=ANCHOR, keys=authorities.anchor.vault.published(KeyUse.FEDERATION))},
            storage=TrustStorage(self.store),
            record_event=lambda _code, _entity: None,
            required_marks=lambda _now: frozenset(),
            background=AtOnce(),
        )
        self.marks = TrustMarkRenewal(
            own=HARBOUR, store=self.store, directory=self.directory, fetcher=self.fetcher, attempt=AtOnce().attempt
        )


class Authorities:
    """An anchor, and a county under it that vouches for the harbour."""

    def __init__(
        self, folder: Path, *, marks: Mapping[str, Any] | None = None, county: SubordinateTerms = INTERMEDIATE
    ) -> None:
        self.folder = folder
        self.clock = SetClock(MORNING)
        self.wire = Wire()
        self.anchor = self.authority(ANCHOR, marks=dict(marks or {}))
        pin = folder / "pin.json"
        pin.write_text(json.dumps(self.anchor.vault.published(KeyUse.FEDERATION).to_jwks()), encoding="utf-8")
        pinned = {"anchors": [{"entity_id": ANCHOR, "jwks": str(pin)}]}
        self.county = self.authority(COUNTY, superiors=[ANCHOR], trust=pinned)
        self.node = Node(self, folder, COUNTY)
        self.admit(self.anchor, COUNTY, self.county.vault.published(KeyUse.FEDERATION), county)
        self.admit(self.county, HARBOUR, self.node.keys.federation_keys())

    def authority(
        self, entity: EntityId, *, superiors: list[str] | None = None, **tables: Mapping[str, Any]
    ) -> AnchorParts:
        """Set up an authority and serve it."""
        folder = self.folder / entity.removeprefix("https://")
        folder.mkdir()
        create_keys(folder / "keys", names=ANCHOR_KEYS)
        for name in ("face.crt", "face.key"):
            (folder / name).touch()
        migrate("sqlite:///authority.db", base_dir=folder)
        document: dict[str, Any] = {
            "role": "anchor",
            "anchor": {"entity_id": entity, "name": "An authority", "superiors": superiors or []},
            "peer": {"bind": "127.0.0.1:8443", "certificate": "face.crt", "key": "face.key"},
            "operations": {"bind": "127.0.0.1:8445"},
            "store": {"url": "sqlite:///authority.db"},
            **tables,
        }
        path = folder / "authority.toml"
        path.write_text("".join(f"{name} = {_toml(value)}\n" for name, value in document.items()), encoding="utf-8")
        settings = load(path, {})
        assert isinstance(settings, AnchorSettings)
        made = create_anchor(settings, self.clock, self.wire)
        self.wire.apps[entity] = made.peer_app
        return made

    def admit(self, superior: AnchorParts, entity: EntityId, keys: KeySet, terms: SubordinateTerms = NODE) -> None:
        """Have an authority vouch for an entity as it describes itself, on these terms."""
        now = self.clock.now()
        raw = self.wire.apps[entity].test_client().get("/.well-known/openid-federation").data
        shown = parse_entity_configuration(raw, now=now).metadata
        state, jwks = SuspensionState.ACTIVE, keys.to_jwks()
        superior.store.write(
            lambda tx: members.admit(tx, entity=entity, jwks=jwks, metadata=shown, state=state, at=now)
        )
        superior.store.write(lambda tx: members.set_terms(tx, entity=entity, terms=terms))

    def rule(self, by: AnchorParts, entity: EntityId, state: SuspensionState = SuspensionState.SUSPENDED) -> None:
        """Have an authority suspend somebody."""
        own, now = by.authority.entity_id, self.clock.now()
        seq = by.store.read(lambda tx: suspensions.next_seq(tx, issuer=own))
        said = Suspension(issuer=own, subject=entity, seq=seq, state=state, issued_at=now)
        raw = build_suspension(said, by.vault.signer(KeyUse.FEDERATION))
        entry = StoredSuspension(issuer=own, seq=seq, subject=entity, state=state.value, issued_at=now, raw=raw)
        by.store.write(lambda tx: suspensions.put(tx, entry))
        by.store.write(lambda tx: members.set_state(tx, entity=entity, state=state.value, at=now))

    def close(self) -> None:
        """Let go of every store."""
        for store in (self.anchor.store, self.county.store, self.node.store):
            store.close()


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(name)} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value)
