"""The federation of the demo: a trust anchor, seven nodes and two servers of case systems, on this machine.

The setup uses an administrator's commands, in the order of the handbook: it sets up and starts the anchor; then it
sets up, enrols, admits and starts each agency's node.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from config.loading import load
from config.settings import NodeSettings
from gateway.administration.clients import Registration, register_first
from gateway.demo import agreement, configuration
from gateway.demo.agencies import (
    ANCHOR_HOST,
    ANCHOR_NAME,
    ASKER,
    CHARITY,
    COUNCIL,
    MEMBERS,
    POLICE_RECORDS_HOST,
    REGISTRY_HOST,
    RESPONDERS,
    Agency,
    PublishedService,
)
from gateway.demo.case_client import CLIENT_ID, MANAGER, UNIT, CaseClient
from gateway.demo.case_system_setup import CaseSystems
from gateway.demo.case_systems.records import CaseService
from gateway.demo.certificate_authority import CertificateAuthority
from gateway.demo.commands import Command, hearthgate, run_together
from gateway.demo.duty_desk import DutyDesk, IdentityProvider, client_id, position
from gateway.demo.https import HttpsClient
from gateway.demo.narrator import Narrator
from gateway.demo.processes import Processes, free_ports
from trust.oauth.access_token import Position

ANCHOR: Final = "anchor"
_SERVERS: Final = {"police": POLICE_RECORDS_HOST, "dci": REGISTRY_HOST}
_CASE_SYSTEM: Final = "case-system-"
_CHARITY_CLIENT: Final = "charity-cases"
_ASSURED: Final = "data-protection-assured"
_SIGNATORIES: Final = tuple(f"agreement/{each}" for each in (agreement.ID, agreement.DOMESTIC_ABUSE))
_ROLES: Final = (agreement.KEY_WORKER, agreement.BUSINESS_SUPPORT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where one node or the anchor listens on this machine."""

    peer: int
    case: int
    operations: int


class Federation:
    """The folders, ports, certificates and commands of all nodes.

    One folder holds ``nodes/``, ``case-systems/``, ``papers/``, ``tls/`` and ``logs/``.
    """

    def __init__(self, root: Path, processes: Processes, narrator: Narrator) -> None:
        self._narrator = narrator
        self.root = root
        self.processes = processes
        self.papers = root / "papers"
        for folder in ("nodes", "papers", "tls"):
            (root / folder).mkdir(mode=0o700)
        numbers = iter(free_ports(3 * (1 + len(MEMBERS)) + len(_SERVERS)))
        self.ports = {
            slug: Ports(peer=next(numbers), case=next(numbers), operations=next(numbers))
            for slug in (ANCHOR, *(agency.slug for agency in MEMBERS))
        }
        self._server_ports = {system: next(numbers) for system in _SERVERS}
        self._authority = CertificateAuthority(root / "tls", datetime.now(UTC))
        self.ca = self._authority.file
        self._certificates = {
            agency.slug: self._authority.issue(agency.host, agency.case_host) for agency in MEMBERS
        } | {ANCHOR: self._authority.issue(ANCHOR_HOST)}
        self._server_certificates = {system: self._authority.issue(host) for system, host in _SERVERS.items()}
        self.https = HttpsClient(self.ca, dict(self._every_host()))
        self.case_client = self._client(COUNCIL, CLIENT_ID)
        self.charity_client = self._client(CHARITY, _CHARITY_CLIENT)
        self._providers = {agency.slug: IdentityProvider(self.papers, agency) for agency in RESPONDERS}
        self.desks = {
            service.service: self._desk(agency, service)
            for agency in RESPONDERS
            for service in agency.receiving_services
        }

    def folder(self, slug: str) -> Path:
        """Return the folder of a node or of the anchor."""
        return self.root / "nodes" / slug

    def config(self, slug: str) -> Path:
        """Return its configuration file."""
        return self.folder(slug) / ("anchor.toml" if slug == ANCHOR else "node.toml")

    def set_up_anchor(self) -> None:
        """Set up the trust anchor and start it."""
        path = self.papers / f"{ANCHOR}.toml"
        members = {agency.host: f"127.0.0.1:{self.ports[agency.slug].peer}" for agency in MEMBERS}
        marks = [f"https://{ANCHOR_HOST}/marks/{mark}" for mark in (_ASSURED, *_SIGNATORIES)]
        path.write_text(configuration.anchor_tables(members, marks))
        words = ["--entity-id", f"https://{ANCHOR_HOST}", "--name", ANCHOR_NAME]
        words += ["--tables", str(path), "--ca", str(self.ca)]
        self._run([self._init(ANCHOR, words, command=("trust", "anchor", "init"))])
        self._serve(ANCHOR)
        self.processes.wait_until_ready({ANCHOR: self.ports[ANCHOR].operations})

    def set_up_nodes(self, systems: CaseSystems) -> None:
        """Set up the seven nodes, each with a configuration, keys and a store of its own."""
        commands = []
        for agency in MEMBERS:
            path = self.papers / f"{agency.slug}.toml"
            path.write_text(self._tables(agency, systems))
            words = [
                "--entity-id",
                agency.entity_id,
                "--name",
                agency.name,
                "--case-url",
                f"https://{agency.case_host}",
            ]
            words += ["--tables", str(path), "--ca", str(self.ca)]
            words += ["--anchor-pin", str(self.folder(ANCHOR) / "anchor-pin.json")]
            words += ["--case-bind", f"127.0.0.1:{self.ports[agency.slug].case}"]
            commands.append(self._init(agency.slug, words))
        self._run(commands)
        plays = self.folder(COUNCIL.slug) / "plays"
        plays.mkdir(mode=0o700)
        shutil.copy(agreement.PLAY, plays)

    def admit_all(self) -> None:
        """Enrol each agency, and admit it at the anchor by its thumbprint."""
        anchor = f"https://{ANCHOR_HOST}"
        requests = {agency.slug: self.papers / f"{agency.slug}-enrolment.jwt" for agency in MEMBERS}
        outputs = self._run(
            [
                hearthgate("trust", "join", anchor, "--config", self.config(slug), "--out", path, "--yes", "--json")
                for slug, path in requests.items()
            ]
        )
        thumbprints = [json.loads(output)["thumbprints"][0] for output in outputs]
        self._run(
            [
                hearthgate("trust", "admit", path, "--config", self.config(ANCHOR), "--thumbprint", number, "--yes")
                for path, number in zip(requests.values(), thumbprints, strict=True)
            ]
        )
        self._grant(_ASSURED, MEMBERS)

    def _grant(self, mark: str, agencies: Sequence[Agency]) -> None:
        """Issue a trust mark to agencies at the anchor; each node fetches its own."""
        config = self.config(ANCHOR)
        self._run(
            [
                hearthgate("trust", "mark", "issue", agency.entity_id, mark, "--config", config, "--yes")
                for agency in agencies
            ]
        )

    def prepare_council(self, systems: CaseSystems) -> None:
        """Import the census of children's social care, and register the case system of Connecting Families."""
        council = self.config(COUNCIL.slug)
        files = ["--census", str(systems.census), "--allocations", str(systems.allocations)]
        self._run(
            [
                hearthgate("adapter", "import", str(CaseService.CHILDRENS_SOCIAL_CARE), "--config", council, *files),
            ]
        )
        self._register(
            COUNCIL,
            Registration(
                client_id=CLIENT_ID,
                name="Connecting Families case system",
                positions=[Position(service=str(ASKER), role=role, org_unit=UNIT) for role in _ROLES],
                private_key=self.case_client.key,
                manager=MANAGER,
            ),
        )

    def register_duty_desks(self) -> None:
        """Register the duty desk of each service that receives; its users sign in themselves."""
        for agency in RESPONDERS:
            for service in agency.receiving_services:
                self._register(
                    agency,
                    Registration(
                        client_id=client_id(service),
                        name=f"{service.name}: duty desk",
                        positions=[position(service)],
                        private_key=self.desks[service.service].client.key,
                        vouches=False,
                    ),
                )

        self._register(
            CHARITY,
            Registration(
                client_id=_CHARITY_CLIENT,
                name="The charity's case system, which polls",
                positions=[position(service) for service in CHARITY.receiving_services],
                private_key=self.charity_client.key,
                manager=CHARITY.signatory,
            ),
        )

    def _register(self, agency: Agency, registration: Registration) -> None:
        """Register a case system at a node that does not run yet."""
        # A running node asks two administrators for a case system that vouches; the demo has one.
        settings = load(self.config(agency.slug), {})
        if not isinstance(settings, NodeSettings):
            raise TypeError(f"{agency.name} has a node")
        register_first(settings, registration)

    def start_nodes(self, databases: Mapping[str, Path]) -> None:
        """Start the servers of the case systems and the seven nodes, and wait until all accept requests."""
        for system, path in databases.items():
            certificate = self._server_certificates[system]
            command = [sys.executable, "-m", "gateway.demo.case_systems.server", "--system", system]
            command += ["--db", str(path), "--bind", f"127.0.0.1:{self._server_ports[system]}"]
            command += ["--cert", str(certificate.certificate), "--key", str(certificate.key)]
            self.processes.start(f"{_CASE_SYSTEM}{system}", command)
        slugs = [agency.slug for agency in MEMBERS]
        for slug in slugs:
            self._serve(slug)
        self.processes.wait_until_ready({slug: self.ports[slug].operations for slug in slugs})
        ports = {f"{_CASE_SYSTEM}{system}": port for system, port in self._server_ports.items()}
        self.processes.wait_until_listening(ports)

    def stop_node(self, agency: Agency) -> None:
        """Stop the processes of one agency's node."""
        self.processes.stop(agency.slug)

    def start_node(self, agency: Agency) -> None:
        """Start a stopped node again."""
        self.start_again(agency.slug)

    def start_again(self, name: str) -> None:
        """Start a stopped node, the anchor or a case system again, and wait until it accepts requests."""
        self.processes.start_again(name)
        if name in self.ports:
            self.processes.wait_until_ready({name: self.ports[name].operations})
        else:
            self.processes.wait_until_listening({name: self._server_ports[name.removeprefix(_CASE_SYSTEM)]})

    def write_agreement(self, today: date, agreement_id: str = agreement.ID) -> Path:
        """Write an agreement for its parties to sign."""
        path = self.papers / f"{agreement_id}.json"
        path.write_bytes(agreement.document(today, agreement_id))
        return path

    def sign(self, document: Path, parties: Sequence[Agency]) -> Mapping[str, Path]:
        """Sign with each party's federation key, and return the signatures by agency."""
        signatures = {agency.slug: self.papers / f"{agency.slug}-{document.stem}.jwt" for agency in parties}
        self._run([self._sign(agency, document, signatures[agency.slug]) for agency in parties])
        return signatures

    def add_agreement(self, document: Path, signatures: Sequence[Path], parties: Sequence[Agency]) -> list[str]:
        """Add the agreement with these signatures at each party's node; return the outputs."""
        return self._run(
            [
                hearthgate("agreement", "add", document, *signatures, "--config", self.config(agency.slug), "--yes")
                for agency in parties
            ]
        )

    def grant_signatories(self, parties: Sequence[Agency], agreement_id: str = agreement.ID) -> None:
        """Issue the trust mark of a signatory to each party at the anchor."""
        self._grant(f"agreement/{agreement_id}", parties)

    def _run(self, commands: Sequence[Command]) -> list[str]:
        """Run commands together, and show the first as an administrator would type it in the demo's folder."""
        others = f"   (and {len(commands) - 1} more)" if len(commands) > 1 else ""
        words = shlex.join(["hearthgate", *commands[0][1:]]).replace(f"{self.root}/", "")
        self._narrator.say(f"$ {words}{others}", indent=4)
        return run_together(commands)

    def _sign(self, agency: Agency, document: Path, out: Path) -> Command:
        who = ["--name", agency.signatory, "--post", agency.post]
        return hearthgate(
            "agreement", "sign", document, "--config", self.config(agency.slug), *who, "--out", out, "--yes"
        )

    def _init(self, slug: str, words: Sequence[str], *, command: Sequence[str] = ("init",)) -> Command:
        ports, certificate = self.ports[slug], self._certificates[slug]
        tls = ["--certificate", str(certificate.certificate), "--key", str(certificate.key)]
        binds = ["--peer-bind", f"127.0.0.1:{ports.peer}", "--operations-bind", f"127.0.0.1:{ports.operations}"]
        return hearthgate(*command, self.folder(slug), *words, *tls, *binds)

    def _tables(self, agency: Agency, systems: CaseSystems) -> str:
        provider = self._providers.get(agency.slug)
        return configuration.tables(agency, systems, self._addresses(agency), str(self.ca), provider)

    def _client(self, agency: Agency, name: str) -> CaseClient:
        return CaseClient(
            self.https,
            f"https://{agency.case_host}",
            client_id=name,
            config=self.config(agency.slug),
            key=self.root / "tls" / f"{name}.key",
        )

    def _desk(self, agency: Agency, service: PublishedService) -> DutyDesk:
        return DutyDesk(self._client(agency, client_id(service)), self._providers[agency.slug], service)

    def _serve(self, slug: str) -> None:
        self.processes.start(slug, hearthgate("serve", "--config", self.config(slug)))

    def _every_host(self) -> Sequence[tuple[str, int]]:
        hosts = [(ANCHOR_HOST, self.ports[ANCHOR].peer)]
        for agency in MEMBERS:
            hosts += [(agency.host, self.ports[agency.slug].peer), (agency.case_host, self.ports[agency.slug].case)]
        return hosts

    def _addresses(self, agency: Agency) -> Mapping[str, str]:
        """Return the addresses that one agency's node may reach: its peers and its own servers."""
        peers = {ANCHOR_HOST: self.ports[ANCHOR].peer}
        peers |= {other.host: self.ports[other.slug].peer for other in MEMBERS if other is not agency}
        own_servers = configuration.server_hosts(agency)
        peers |= {host: self._server_ports[system] for system, host in _SERVERS.items() if host in own_servers}
        return {host: f"127.0.0.1:{port}" for host, port in peers.items()}
