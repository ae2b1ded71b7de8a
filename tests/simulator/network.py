"""An anchor and the town's nodes in one process: real settings, keys, stores and apps; only wire and clock are ours."""

import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

from adapters.contract import Adapter
from gateway.app.authority import AnchorParts, create_anchor
from gateway.app.capabilities import CAPABILITIES
from gateway.app.node import Node, create_node
from gateway.app.wiring import ExternalPorts, profile
from gateway.demo.agencies import AGENCIES, Agency
from gateway.demo.case_systems import dci_registry
from gateway.federation.entity_configuration import node_statement_metadata
from gateway.keys.files import ANCHOR_KEYS, create_keys
from gateway.keys.vault import FileKeyVault
from gateway.ports import LocalClient, Transaction, Transport
from gateway.store.migration import migrate
from gateway.store.tables import agreements, clients, evidence_leaves, members
from gateway.store.tables.agreements import StoredSignature
from gateway.web.capability import AnyCapability, served_kinds
from tests.simulator.case_client import CaseClient
from tests.simulator.case_files import REGISTRY_HOST, registry_file, write_case_files
from tests.simulator.clocks import SetClock
from tests.simulator.faults import Counted, counted
from tests.simulator.settings_files import (
    ROOMY,
    ROOMY_MESSAGES,
    Around,
    case_base_url,
    read_anchor,
    read_node,
    write_anchor,
    write_node,
)
from tests.simulator.town import ANCHOR, BY_ENTITY, COUNCIL, JOBCENTRE, agreement
from tests.simulator.wire import CaseSystemWire, Wire
from tests.support.positions import positions
from tests.support.stores import migrated_folder
from trust.agreements.agreement import Signatory, build_signature, parse_agreement
from trust.exchange.message import AgreementRef
from trust.federation.enrolment import build_enrolment_request, parse_enrolment_request
from trust.federation.entity_statement import StatementDraft
from trust.federation.suspension import SuspensionState
from trust.identifiers import EntityId, ServiceSlug
from trust.keys import KeySet, KeyUse

LIMITS = {"lookup_s": 20.0, "peer_s": 5.0, "case_system_s": 3.0}
"""Generous, so that a busy machine fails no test; tests of slowness set their own."""


class Network:
    """The town, or those of its agencies that a test needs."""

    def __init__(
        self,
        folder: Path,
        agencies: Iterable[Agency] = AGENCIES,
        *,
        limits: Mapping[str, float] | None = None,
        restrictions: Mapping[str, list[dict[str, str]]] | None = None,
        clock: SetClock | None = None,
        budget: Mapping[str, Mapping[str, int]] = ROOMY,
        messages: Mapping[str, Mapping[str, int]] | None = None,
        capabilities: Sequence[AnyCapability] = CAPABILITIES,
        stores: Mapping[EntityId, str] | None = None,
    ) -> None:
        """Make and start them; ``stores`` are the URLs of the databases of those that use PostgreSQL."""
        self._join_wires(folder, clock or SetClock(), capabilities)
        self._stores = stores or {}
        self._migrated = self._migrate_once()
        self.anchor = self._make_anchor()
        self._around = Around(
            anchor_keys=federation_keys(self.anchor.vault),
            limits={**LIMITS, **(limits or {})},
            budget=budget,
            messages={**ROOMY_MESSAGES, **(messages or {})},
        )
        self._restrictions = restrictions or {}
        for agency in agencies:
            self._prepare(agency)
            self.start(agency.entity_id)
            self.enrol(agency.entity_id)

    @classmethod
    def reopen(cls, folder: Path, entities: Iterable[EntityId], *, clock: SetClock) -> "Network":
        """Return the network of folders that were made before, with their keys and stores."""
        network = cls.__new__(cls)
        network._join_wires(folder, clock)
        network.anchor = network._start_anchor()
        for entity in entities:
            network.start(entity)
        return network

    def _join_wires(self, folder: Path, clock: SetClock, capabilities: Sequence[AnyCapability] = CAPABILITIES) -> None:
        self.folder = folder
        self.clock = clock
        self.capabilities = capabilities
        self.kinds = served_kinds(capabilities).kinds
        self.wire = Wire()
        self.case_systems = CaseSystemWire()
        self.sign_in: Transport | None = None
        self.nodes: dict[EntityId, Node] = {}

    def close(self) -> None:
        """Let go of every store."""
        for node in self.nodes.values():
            node.store.close()
            node.claims.close()
        self.anchor.store.close()

    def folder_of(self, entity: EntityId) -> Path:
        """Return the folder of an entity's configuration, keys, store and case systems."""
        return self.folder / entity.removeprefix("https://")

    def start(self, entity: EntityId) -> Node:
        """Make a node from its configuration file, as a new process or another worker would."""
        settings = read_node(self.folder_of(entity) / "hearthgate.toml")
        outside = ExternalPorts(
            clock=self.clock, transport=self.wire, case_systems=self.case_systems, sign_in=self.sign_in or self.wire
        )
        self.stop(entity)
        node = self.nodes[entity] = create_node(settings, outside, self.capabilities)
        self.wire.apps[entity] = node.peer_app
        return node

    def stop(self, entity: EntityId) -> None:
        """Have the process of a node let go of its files."""
        earlier = self.nodes.pop(entity, None)
        if earlier is not None:
            earlier.store.close()
            earlier.claims.close()

    def enrol(self, entity: EntityId, state: str = SuspensionState.ACTIVE) -> None:
        """Have the anchor admit a node by its signed request, or change what it says of it."""
        node = self.nodes[entity]
        now = self.clock.now()
        draft = StatementDraft(
            subject=entity,
            keys=federation_keys(node.vault),
            issued_at=now,
            expires_at=now + timedelta(days=7),
            metadata=node_statement_metadata(profile(node.settings, self.kinds), node.vault),
        )
        raw = build_enrolment_request(draft, node.vault.signer(KeyUse.FEDERATION))
        asked = parse_enrolment_request(raw, now=now)
        jwks, metadata = asked.federation_keys.to_jwks(), asked.metadata
        self.authority_above(entity).store.write(
            lambda tx: members.admit(tx, entity=entity, jwks=jwks, metadata=metadata, state=state, at=now)
        )

    def authority_above(self, entity: EntityId) -> AnchorParts:
        """Return who vouches for a node, once the node is there."""
        return self.anchor

    def document(self, **changes: Any) -> dict[str, Any]:
        """Return the agreement between the agencies that are here, with some members changed."""
        return agreement(self.clock.now(), [BY_ENTITY[entity] for entity in self.nodes], **changes)

    def agree(
        self,
        document: Mapping[str, Any] | None = None,
        *,
        unsigned_by: Iterable[EntityId] = (),
        held_by: Iterable[EntityId] | None = None,
    ) -> AgreementRef:
        """Have the parties sign an agreement, each with its own federation key, and give it to all that hold it."""
        raw = json.dumps(document or self.document(), indent=1).encode()
        parsed = parse_agreement(raw, self.kinds)
        parties = [party.entity for party in parsed.parties if party.entity in self.nodes]
        signed = {party: self.signature(party, parsed.ref) for party in parties if party not in frozenset(unsigned_by)}
        for entity in self.nodes if held_by is None else held_by:
            self._hold(entity, raw, parsed.ref, signed)
        return parsed.ref

    def signature(self, party: EntityId, ref: AgreementRef) -> StoredSignature:
        """Sign as a party, and keep the keys that prove it."""
        vault = self.nodes[party].vault
        raw = build_signature(
            ref,
            party=party,
            signatory=Signatory(name="R. Example", post="Caldicott Guardian"),
            signer=vault.signer(KeyUse.FEDERATION),
            now=self.clock.now(),
        )
        return StoredSignature(raw=raw, jwks=json.dumps(federation_keys(vault).to_jwks()).encode())

    def hold_signature(self, party: EntityId, ref: AgreementRef, signature: StoredSignature) -> None:
        """Give every node a signature that was made later, in the name of a party."""
        for node in self.nodes.values():
            node.store.write(
                lambda tx: agreements.put_signature(
                    tx, agreement=ref, entity=party, signature=signature, added_at=self.clock.now()
                )
            )

    def case_client(self, entity: EntityId = COUNCIL, **limits: Any) -> CaseClient:
        """Register a new case system at its agency's node."""
        node = self.nodes[entity]
        client_id = f"case-system-{token_hex(4)}"
        made = CaseClient(
            client_id=client_id,
            base_url=case_base_url(BY_ENTITY[entity]),
            http=node.case_app.test_client(),
            clock=self.clock,
        )
        services = tuple(each.service for each in BY_ENTITY[entity].services)
        client = LocalClient(
            client_id=client_id,
            name="Case system",
            jwks={"keys": [dict(made.signer.public.jwk)]},
            positions=positions(
                limits.get("services", services),
                limits.get("roles", ("key-worker", "duty-officer", "volunteer")),
                limits.get("units", ("north-team",)),
            ),
            created_at=self.clock.now(),
            sample_percent=limits.get("sample_percent", 0),
        )
        node.store.write(lambda tx: clients.add(tx, client))
        return made

    def count(self, entity: EntityId, slug: str) -> Counted:
        """Count from now on how often a service's case system is asked for a person."""
        adapter, count = counted(self.adapter(entity, slug))
        self.use_adapter(entity, slug, adapter)
        return count

    def adapter(self, entity: EntityId, slug: str) -> Adapter:
        """Return the adapter that a service uses."""
        service = self.nodes[entity].services.get(ServiceSlug(slug))
        assert service is not None
        return service.adapter

    def use_adapter(self, entity: EntityId, slug: str, adapter: Adapter) -> None:
        """Have a service use another adapter from now on."""
        services = self.nodes[entity].services
        assert isinstance(services, dict)
        services[ServiceSlug(slug)] = replace(services[ServiceSlug(slug)], adapter=adapter)

    def leaves(self, entity: EntityId) -> list[dict[str, Any]]:
        """Return a node's evidence, oldest first."""
        found = self.nodes[entity].store.read(lambda tx: evidence_leaves.recent(tx, limit=1000))
        return [json.loads(leaf.leaf) for leaf in reversed(found)]

    def _migrate_once(self) -> Path:
        """Return the folder of a migrated store, of which every entity gets a copy."""
        return migrated_folder()

    def _store_in(self, folder: Path, name: str) -> None:
        shutil.copytree(self._migrated, folder / "data")
        for path in (folder / "data").glob("node.db*"):
            path.rename(path.with_name(path.name.replace("node.db", name)))

    def _make_anchor(self) -> AnchorParts:
        folder = self.folder_of(ANCHOR)
        folder.mkdir()
        create_keys(folder / "keys", names=ANCHOR_KEYS)
        self._date_keys(folder)
        self._store_in(folder, "anchor.db")
        write_anchor(folder)
        return self._start_anchor()

    def _start_anchor(self) -> AnchorParts:
        path = self.folder_of(ANCHOR) / "hearthgate.toml"
        anchor = create_anchor(read_anchor(path), self.clock, self.wire)
        self.wire.apps[ANCHOR] = anchor.peer_app
        return anchor

    def _date_keys(self, folder: Path) -> None:
        """Date the keys by the network's clock: on a busy machine its second has passed before they are made."""
        made = self.clock.now().timestamp()
        for path in (folder / "keys").iterdir():
            os.utime(path, (made, made))

    def _prepare(self, agency: Agency) -> None:
        folder = self.folder_of(agency.entity_id)
        folder.mkdir()
        create_keys(folder / "keys")
        self._date_keys(folder)
        store = self._stores.get(agency.entity_id)
        if store is None:
            self._store_in(folder, "node.db")
        else:
            migrate(store, base_dir=folder)
        write_case_files(agency, folder, self.clock.now())
        write_node(folder, agency, self._around, restrictions=self._restrictions, store=store)
        if agency.entity_id == JOBCENTRE:
            self.case_systems.apps[REGISTRY_HOST] = dci_registry.create_app(registry_file(folder))

    def _hold(
        self, entity: EntityId, raw: bytes, ref: AgreementRef, signed: Mapping[EntityId, StoredSignature]
    ) -> None:
        def hold(tx: Transaction) -> None:
            now = self.clock.now()
            agreements.put(tx, agreement_id=ref.id, version=ref.version, digest=ref.digest, raw=raw, added_at=now)
            for party, signature in signed.items():
                agreements.put_signature(tx, agreement=ref, entity=party, signature=signature, added_at=now)

        self.nodes[entity].store.write(hold)


def federation_keys(vault: FileKeyVault) -> KeySet:
    """Return the public federation keys of a vault."""
    return vault.published(KeyUse.FEDERATION)
