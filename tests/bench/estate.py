"""The town of ``tests/federation`` as real processes: an anchor and six nodes, with TLS, on this machine.

Everything is made as in the in-memory network (keys, stores, enrolment, the signed agreement); then each configuration
file gets real listeners, certificates and addresses, and the nodes are started from it by the command line.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.demo.agencies import AGENCIES
from tests.bench import serving
from tests.bench.lines import Door, client_tls
from tests.bench.serving import Running
from tests.simulator.case_client import CaseClient
from tests.simulator.network import Network
from tests.simulator.processes import free_faces
from tests.simulator.settings_files import toml, write_anchor
from tests.simulator.town import ANCHOR, ASKER, HOLDERS, PURPOSE
from tests.support.tls import Authority, make_authority
from trust.exchange.message import AgreementRef
from trust.exchange.subject_members import MEMBERS
from trust.identifiers import EntityId
from trust.keys import KeyUse, Signer

ALONE = "one-service-alone"
"""A purpose under which only one service may be asked, to measure it alone."""
_FILE = "hearthgate.toml"
_STORE = "sqlite:///data/node.db"


class Estate:
    """The town on disk, and whichever of its processes are running."""

    def __init__(
        self,
        folder: Path,
        *,
        alone: str = HOLDERS[0],
        more: Mapping[str, Sequence[Any]] | None = None,
        stores: Mapping[EntityId, str] | None = None,
    ) -> None:
        """Make it. ``more`` are members of the agreement's own lists, ``stores`` databases in place of files."""
        (folder / "tls").mkdir(parents=True)
        self._network = Network(folder, stores=stores)
        document = _with_purpose_for(self._network.document(), alone)
        document |= {name: [*document[name], *each] for name, each in (more or {}).items()}
        self.agreement: AgreementRef = self._network.agree(document)
        self.client: CaseClient = self._network.case_client()
        self._network.close()
        self.authority: Authority = make_authority(folder / "tls")
        self.tls = client_tls(self.authority.certificate)
        self.faces = {
            each: free_faces(each, self.authority) for each in (ANCHOR, *(agency.entity_id for agency in AGENCIES))
        }
        self._running: dict[EntityId, Running] = {}
        self._write_anchor()
        for agency in AGENCIES:
            self.configure(agency.entity_id)

    def folder_of(self, entity: EntityId) -> Path:
        """Return an entity's folder."""
        return self._network.folder_of(entity)

    def signer(self, entity: EntityId, use: KeyUse) -> Signer:
        """Return one of an entity's own keys."""
        return self._network.nodes[entity].vault.signer(use)

    def anchor_signer(self) -> Signer:
        """Return the anchor's federation key."""
        return self._network.anchor.vault.signer(KeyUse.FEDERATION)

    def peer_door(self, entity: EntityId) -> Door:
        """Return the way to an entity's peer face."""
        return Door(host=_host(entity), port=_port(self.faces[entity].peer), tls=self.tls)

    def case_door(self, entity: EntityId) -> Door:
        """Return the way to an entity's case face."""
        return Door(host=_case_host(entity), port=_port(self.faces[entity].case), tls=self.tls)

    def configuration(self, entity: EntityId) -> Path:
        """Return an entity's configuration file."""
        return self.folder_of(entity) / _FILE

    def configure(
        self,
        entity: EntityId,
        *,
        adapters: Mapping[str, Mapping[str, Any]] | None = None,
        receivers: Mapping[str, Mapping[str, Any]] | None = None,
        case_systems: Mapping[str, int] | None = None,
        answer_after_s: float | None = None,
    ) -> None:
        """Write a node's configuration for real faces.

        ``adapters`` and ``receivers`` are by the service's slug, its case systems' ports by host.
        """
        path = self.configuration(entity)
        document = tomllib.loads(path.read_text())
        faces = self.faces[entity]
        hosts = {_host(each): faces.peer for each, faces in self.faces.items()}
        hosts |= {host: f"127.0.0.1:{port}" for host, port in (case_systems or {}).items()}
        document |= {
            "peer": faces.face(faces.peer),
            "case": {**faces.face(faces.case), "base_url": document["case"]["base_url"]},
            "operations": {"bind": faces.operations},
            "trust": {**document["trust"], "ca": str(self.authority.certificate)},
            "hosts": {
                name: {"address": address, "reason": "a benchmark on one machine"} for name, address in hosts.items()
            },
            "limits": {},
        }
        if case_systems:
            document["case_systems"] = {"names": list(case_systems), "ca": str(self.authority.certificate)}
        for service in document["services"]:
            service["adapter"] = (adapters or {}).get(service["slug"], service["adapter"])
            if service["slug"] in (receivers or {}):
                service["receiver"] = (receivers or {})[service["slug"]]
            service["answer_after_s"] = answer_after_s or service["answer_after_s"]
        path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in document.items()))

    def store_of(self, entity: EntityId) -> str:
        """Return the URL of a node's store."""
        url: str = tomllib.loads(self.configuration(entity).read_text()).get("store", {}).get("url", _STORE)
        return url

    def start(self, entity: EntityId, *, refresh_after_s: float | None = None, held: bool = True) -> float:
        """Start a node or the anchor as :func:`serving.serve` does; return how many seconds it took to be ready."""
        running = serving.serve(self.configuration(entity), refresh_after_s=refresh_after_s, held=held)
        self._running[entity] = running
        ready_after_s = running.wait_for(_port(self.faces[entity].operations), path="/health/ready")
        running.wait_for(_port(self.faces[entity].peer))
        return ready_after_s

    def running(self, entity: EntityId) -> Running:
        """Return a started entity's processes."""
        return self._running[entity]

    def stop(self, entity: EntityId) -> None:
        """Stop a node or the anchor."""
        self._running.pop(entity).stop()

    def close(self) -> None:
        """Stop everything that is still running."""
        while self._running:
            _, running = self._running.popitem()
            running.stop()

    def _write_anchor(self) -> None:
        write_anchor(self.folder_of(ANCHOR), self.faces[ANCHOR])


def _with_purpose_for(document: dict[str, Any], holder: str) -> dict[str, Any]:
    """Let the agreement also permit, under a purpose of its own, to ask one service and no other.

    The holders share one police system, which knows people by other members than most kinds are sent by default.
    """
    for each in document["clauses"]:
        each["subject_by_holder"] = {ref: sorted(MEMBERS) for ref in each["holders"]}
    model = next(clause for clause in document["clauses"] if clause["purpose"] == PURPOSE)
    clause = {**model, "id": "alone", "purpose": ALONE, "askers": [ASKER], "holders": [holder]}
    clause["subject_by_holder"] = {holder: sorted(MEMBERS)}
    purpose = {"code": ALONE, "description": "To measure how fast one service answers by itself."}
    return {
        **document,
        "purposes": [*document["purposes"], purpose],
        "clauses": [*document["clauses"], {**clause, "existence": "unconditional"}],
    }


def _port(bind: str) -> int:
    return int(bind.rpartition(":")[2])


def _host(entity: EntityId) -> str:
    return entity.removeprefix("https://")


def _case_host(entity: EntityId) -> str:
    return f"node.{_host(entity)}"
