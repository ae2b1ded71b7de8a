"""The real commands on real folders: an anchor and two agencies under a test CA, each with its own keys and store."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from json import dumps, loads
from pathlib import Path
from secrets import token_hex
from shutil import copytree
from threading import Thread
from time import time
from typing import Any

import pytest
from click.testing import CliRunner
from werkzeug.serving import WSGIRequestHandler, make_server

from config.loading import load
from config.settings import AnchorSettings, NodeSettings
from gateway.administration import administrators
from gateway.app.authority import create_anchor
from gateway.app.node import create_node
from gateway.cli.main import main
from gateway.runtime.server_tls import server_tls
from gateway.server.supervisor import Application
from tests.gateway.cli.county import federation, tree
from tests.support.case_systems import free_port
from tests.support.logs import capture_logs
from tests.support.tls import Authority, make_authority

__all__ = ["federation", "tree"]
ANCHOR, COUNCIL, POLICE = "https://anchor.example", "https://council.example", "https://police.example"
AUTHORITIES = {"anchor", "county"}
ADAPTER = """
[[services]]
slug = "{slug}"
name = "{name}"
kind = "{kind}"
duty_phone = "01632 960 001"

[services.adapter]
type = "json-file"

[services.adapter.settings]
file = "people.json"
records = "people[]"
ref = "id"
person = {{ family_name = "family", birth_date = "born" }}
contacts = [{{ fields = {{ worker = "worker" }} }}]
"""
PEOPLE = {"people": [{"id": "1", "family": "Fell", "born": "2001-01-02", "worker": "Ada Tarn"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output."""
        found: dict[str, Any] = loads(self.out)
        return found


def hearthgate(*words: object, answer: str | None = None, **environment: str) -> Answer:
    """Run a command; ``answer`` is what the administrator types. A fault of our own is raised."""
    result = CliRunner(env=environment).invoke(main, [str(word) for word in words], input=answer)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    return Answer(code=result.exit_code, out=result.stdout, err=result.stderr)


def seconded(config: Path, *words: object) -> Answer:
    """Run a command that takes two administrators, and have the second approve what it asked for."""
    asked = hearthgate(*words, "--config", config, "--yes", "--json", SUDO_USER="ann")
    if asked.code == 0 and asked.json.get("state") == "pending":
        approved = hearthgate("trust", "approve", asked.json["id"], "--config", config, "--yes", SUDO_USER="ben")
        assert approved.code == 0, approved.err
    return asked


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        pass


@contextmanager
def listening(app: Application, port: int, files: tuple[Path, Path], *, off: timedelta = timedelta()) -> Iterator[None]:
    """Serve an application over TLS at an address of this machine; its answers are dated by a clock that is ``off``."""

    class Dated(_Quiet):
        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time()) + off.total_seconds())

    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Dated, ssl_context=server_tls(*files))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True, kw_only=True)
class Partnership:
    """Folders of an anchor and its agencies, made by the commands themselves."""

    root: Path
    authority: Authority
    running: ExitStack
    ports: dict[str, int] = field(default_factory=dict)
    files: dict[str, tuple[Path, Path]] = field(default_factory=dict)

    def config(self, name: str) -> Path:
        """Return a party's configuration file."""
        return self.root / name / ("anchor.toml" if name == "anchor" else "node.toml")

    def words(self, name: str) -> list[str]:
        """Return what every `init` needs: certificate and addresses."""
        self.ports.setdefault(name, free_port())
        self.files.setdefault(name, self.authority.issue(f"{name}.example", f"case.{name}.example"))
        certificate, key = self.files[name]
        ports = [f"127.0.0.1:{port}" for port in (self.ports[name], free_port(), free_port())]
        binds = ["--peer-bind", ports[0], "--operations-bind", ports[2]]
        binds += [] if name in AUTHORITIES else ["--case-bind", ports[1]]
        return ["--certificate", str(certificate), "--key", str(key), *binds]

    def set_up_anchor(self) -> None:
        """Set up the anchor."""
        words = ["trust", "anchor", "init", str(self.root / "anchor"), "--entity-id", ANCHOR]
        words += ["--name", "Vale partnership"]
        assert hearthgate(*words, *self.words("anchor")).code == 0

    def set_up(self, name: str, slug: str, *more: str) -> Answer:
        """Set up an agency that pins the anchor and hosts one service."""
        return hearthgate(*self.init_words(name, slug), *more)

    def init_words(self, name: str, slug: str) -> list[str]:
        """Return the `init` of an agency."""
        tables = self.root / f"{name}-tables.toml"
        peers = {other: self.ports.setdefault(other, free_port()) for other in ("anchor", "council", "police")}
        hosts = "".join(
            f'"{peer}.example" = {{ address = "127.0.0.1:{port}", reason = "tests run on one machine" }}\n'
            for peer, port in peers.items()
        )
        tables.write_text(
            f"[hosts]\n{hosts}{ADAPTER.format(slug=slug, name=slug.title(), kind=slug)}", encoding="utf-8"
        )
        words = ["init", str(self.root / name), "--entity-id", f"https://{name}.example", "--name", name.title()]
        words += ["--anchor-pin", str(self.root / "anchor" / "anchor-pin.json")]
        return [*words, "--ca", str(self.authority.certificate), "--tables", str(tables), *self.words(name)]

    def admit(self, name: str, *, by: str = "ann") -> str:
        """Enrol an agency and admit it by the thumbprint it reads out; return the change's id where one waits."""
        request = self.root / f"{name}-enrolment.jwt"
        joining = ("trust", "join", ANCHOR, "--config", self.config(name), "--out", request, "--yes", "--json")
        (thumbprint,) = hearthgate(*joining).json["thumbprints"]
        words = ["trust", "admit", request, "--config", self.config("anchor"), "--thumbprint", thumbprint, "--yes"]
        answer = hearthgate(*words, "--json", SUDO_USER=by)
        assert answer.code == 0, answer.err
        return str(answer.json.get("id", ""))

    def run_anchor(self) -> None:
        """Let the anchor be reached."""
        self.run_authority("anchor")

    def run_authority(self, name: str) -> None:
        """Let an authority be reached."""
        settings = load(self.root / name / "anchor.toml", {})
        assert isinstance(settings, AnchorSettings)
        parts = create_anchor(settings)
        self.running.callback(parts.store.close)
        self.running.enter_context(listening(parts.peer_app, self.ports[name], self.files[name]))

    def run_node(self, name: str) -> None:
        """Let an agency's node be reached by other nodes and by its case systems."""
        (self.root / name / "people.json").write_text(dumps(PEOPLE), encoding="utf-8")
        settings = load(self.config(name), {})
        assert isinstance(settings, NodeSettings)
        node = create_node(settings)
        self.running.callback(node.store.close)
        self.running.callback(node.claims.close)
        self.running.enter_context(listening(node.peer_app, self.ports[name], self.files[name]))
        case_port = int(settings.case.bind.rpartition(":")[2])
        self.running.enter_context(listening(node.case_app, case_port, self.files[name]))

    def agreement(self, **changes: Any) -> Path:
        """Write an agreement between the council and the police."""
        today = datetime.now(UTC).date()
        path = self.root / "agreement.json"
        path.write_text(
            dumps(agreement_between_two(today.isoformat(), (today + timedelta(days=400)).isoformat()) | changes)
        )
        return path

    def signature(self, name: str, document: Path) -> Path:
        """Let an agency sign, and return its signature."""
        out = self.root / f"{name}-signature-{token_hex(4)}.jwt"
        who = ["--name", "R. Example", "--post", "Caldicott Guardian"]
        signed = hearthgate("agreement", "sign", document, "--config", self.config(name), *who, "--out", out, "--yes")
        assert signed.code == 0, signed.err
        return out


def agreement_between_two(begins: str, ends: str) -> dict[str, Any]:
    """Return the agreement between the council, which asks, and the police."""
    prose = ("benefits", "individuals_informed", "consent_text", "rights", "retention", "security", "dpia_reference")
    return {
        "id": "vale-early-help",
        "version": 1,
        "title": "Vale early help agreement",
        "purposes": [{"code": "early-help", "description": "To bring the people who work with someone together."}],
        "parties": [
            {"entity": COUNCIL, "name": "Vale Council", "services": ["families"]},
            {"entity": POLICE, "name": "Vale Police", "services": ["neighbourhood"]},
        ],
        "powers": ["ca2004-s10"],
        "items": ["That a service works with the person, and whom to ring."],
        **dict.fromkeys(prose, "As written down."),
        "valid_from": begins,
        "valid_until": ends,
        "review_date": ends,
        "clauses": [
            {
                "id": "who-else",
                "kind": "involvement.query",
                "version": 1,
                "purpose": "early-help",
                "askers": [f"{COUNCIL}#families"],
                "holders": [f"{POLICE}#neighbourhood"],
                "fields_by_role": {"key-worker": ["organisation", "duty_phone"]},
                "basis": ["6-1-e", "ca2004-s10"],
                "existence": "conditional",
                "keep_days": 90,
                "onward": "none",
            }
        ],
    }


@pytest.fixture(autouse=True)
def _who_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests set the login with SUDO_USER, in place of this machine's kernel."""
    monkeypatch.setattr(administrators, "logged_in", lambda: os.environ.get("SUDO_USER"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Folders that were made once, to be copied for each test: relative paths in them make that possible."""

    made: Partnership

    def copied(self, root: Path, running: ExitStack) -> Partnership:
        """Return the same partnership in another folder."""
        copytree(self.made.root, root, dirs_exist_ok=True)
        return replace(self.made, root=root, running=running, ports=dict(self.made.ports))


@pytest.fixture(scope="session")
def set_up(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Template:
    """Set up an anchor and the council."""
    made = Partnership(root=tmp_path_factory.mktemp("set-up"), authority=authority, running=ExitStack())
    made.set_up_anchor()
    answer = made.set_up("council", "families")
    assert answer.code == 0, answer.err
    return Template(made=made)


@pytest.fixture(scope="session")
def admitted(tmp_path_factory: pytest.TempPathFactory, set_up: Template) -> Template:
    """Set up the police too, and admit both."""
    made = set_up.copied(tmp_path_factory.mktemp("admitted"), ExitStack())
    assert made.set_up("police", "neighbourhood").code == 0
    for name in ("council", "police"):
        made.admit(name)
    return Template(made=made)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    """Stop, in the end, all that a test started; keep what the apps of this very process log off its output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEARTHGATE_CONFIG", raising=False)
    with capture_logs(), ExitStack() as stack:
        yield stack


@pytest.fixture
def partnership(tmp_path: Path, set_up: Template, running: ExitStack) -> Partnership:
    """Give an anchor and the council, both set up; no member is admitted and nothing runs yet."""
    return set_up.copied(tmp_path, running)


@pytest.fixture
def both(tmp_path: Path, admitted: Template, running: ExitStack) -> Partnership:
    """Give two admitted agencies and an anchor that can be reached; neither agency's node runs."""
    made = admitted.copied(tmp_path, running)
    made.run_anchor()
    return made


@pytest.fixture
def whole(both: Partnership) -> Partnership:
    """Everything in order: both agencies admitted and running, and an agreement in force."""
    hosts = "".join(
        f'"{name}.example" = {{ address = "127.0.0.1:{both.ports[name]}", reason = "tests run on one machine" }}\n'
        for name in ("council", "police")
    )
    anchor = both.config("anchor")
    anchor.write_text(f'{anchor.read_text()}ca = "{both.authority.certificate}"\n\n[hosts]\n{hosts}\n')
    for name in ("council", "police"):
        both.run_node(name)
    document = both.agreement()
    signatures = [both.signature(name, document) for name in ("council", "police")]
    for name in ("council", "police"):
        assert hearthgate("agreement", "add", document, *signatures, "--config", both.config(name), "--yes").code == 0
    return both
