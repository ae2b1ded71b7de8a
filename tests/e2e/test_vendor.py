"""A vendor that has the documentation and other people's software alone gets tokens and answers from a served node."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.ports import LocalClient
from gateway.store.tables import clients
from tests.docs.pages import blocks, example, page
from tests.simulator.processes import Served, served
from tests.simulator.settings_files import case_base_url
from tests.simulator.town import ANCHOR, BY_ENTITY, COUNCIL, TRUST
from tests.support.node import Node
from tests.support.positions import positions
from trust.keys import KeyUse, LocalSigner

pytestmark = pytest.mark.e2e
PAGE = page("case-api.md")
HOST = "case.council.example"
CLIENT_ID = "families-cases"
ENOUGH_S = 120
# The page's code as it stands; only the port at which its host is found is the test's.
_RUN = """
import json, sys, uuid
exec(compile(open("demo.py").read(), "demo.py", "exec"))
PORT = int(sys.argv[1])
exec(compile(open("example.py").read(), "example.py", "exec"))
token = get_token(open("families-cases.pem").read(), sys.argv[2])
print(json.dumps(look_up(token, json.load(open("lookup.json")), str(uuid.uuid4()))))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """What the administrator hands over, in a folder; ``port`` is where the case face listens."""

    folder: Path
    port: int
    key: LocalSigner
    federation: Served

    def run(self, *command: str, shown: str = "", **environment: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=ENOUGH_S,
            input=shown,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.folder), **environment},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def python(self) -> dict[str, Any]:
        (self.folder / "example.py").write_text(example(PAGE, "token") + example(PAGE, "lookup"))
        (self.folder / "run.py").write_text(_RUN)
        view: dict[str, Any] = json.loads(self.run(sys.executable, "run.py", str(self.port), self.key.kid))
        return view


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """Serve a council's case face under the name that the documentation gives it, with one registered case system."""
    root, folder = tmp_path_factory.mktemp("vendor"), tmp_path_factory.mktemp("handed-over")
    key = LocalSigner.generate(KeyUse.OAUTH)
    with served(root, [COUNCIL, TRUST], threads=4) as federation:
        federation.network.agree()
        federation.authority.issue("council.example", "node.council.example", HOST)
        config = federation.network.folder_of(COUNCIL) / "hearthgate.toml"
        config.write_text(config.read_text().replace(case_base_url(BY_ENTITY[COUNCIL]), f"https://{HOST}"))
        registered = LocalClient(
            client_id=CLIENT_ID,
            name="Families case system",
            jwks={"keys": [dict(key.public.jwk)]},
            positions=positions(["connecting-families"], ["key-worker"], ["Family Hub East"]),
            created_at=datetime.now(UTC),
        )
        federation.network.nodes[COUNCIL].store.write(lambda tx: clients.add(tx, registered))
        (folder / "families-cases.pem").write_bytes(key.to_pem())
        (folder / "demo.py").write_text(example(PAGE, "demo"))
        (folder / "lookup.json").write_text(example(PAGE, "lookup body"))
        shutil.copy(federation.authority.certificate, folder / "ca.pem")
        federation.start(ANCHOR, COUNCIL, TRUST)
        port = int(federation.faces[COUNCIL].case.rpartition(":")[2])
        yield Vendor(folder=folder, port=port, key=key, federation=federation)


def test_the_python_on_the_page_runs_as_it_stands(vendor: Vendor) -> None:
    view = vendor.python()
    assert (view["state"], view["summary"]) == ("complete", "4 of 4 services answered")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed (on Debian: apt-get install curl)")
def test_the_curl_on_the_page_runs_as_it_stands(vendor: Vendor) -> None:
    (vendor.folder / "example.py").write_text(example(PAGE, "token"))
    getting = _RUN.partition("print(")[0] + "print(token)\n"
    (vendor.folder / "run.py").write_text(getting)
    token = vendor.run(sys.executable, "run.py", str(vendor.port), vendor.key.kid).strip()
    [command] = [block.text for block in blocks(PAGE) if block.language == "sh" and "curl" in block.text]
    (vendor.folder / ".curlrc").write_text(
        f'connect-to = "{HOST}:443:127.0.0.1:{vendor.port}"\nsilent\nfail-with-body\n'
    )
    view = json.loads(vendor.run("/bin/sh", "-ec", command, TOKEN=token))
    assert (view["state"], view["summary"]) == ("complete", "4 of 4 services answered")


def test_a_third_party_client_gets_both_kinds_of_token_and_its_answers(vendor: Vendor, node: Node) -> None:
    settings = {
        "base_url": f"https://{HOST}",
        "port": vendor.port,
        "ca": str(vendor.folder / "ca.pem"),
        "client_id": CLIENT_ID,
        "kid": vendor.key.kid,
        "key": str(vendor.folder / "families-cases.pem"),
        "body": json.loads(example(PAGE, "lookup body")),
    }
    (vendor.folder / "settings.json").write_text(json.dumps(settings))
    said = json.loads(vendor.run(*node.command("vendor_client.mjs", str(vendor.folder / "settings.json"))))
    assert said["token_endpoint"] == f"https://{HOST}/oauth/v1/token"
    for kind, token_type in (("bearer", "bearer"), ("dpop", "dpop")):
        got = said[kind]
        assert (got["token_type"], got["expires_in"], got["status"]) == (token_type, 600, 201)
        assert got["summary"] == got["read"] == "4 of 4 services answered"
