"""`hearthgate serve` runs what the configuration describes, and refuses before anything listens."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from config.loading import load
from config.settings import NodeSettings
from tests.gateway.cli.conftest import PEOPLE, Partnership, hearthgate

pytestmark = pytest.mark.e2e
COMMAND = (sys.executable, "-c", "from gateway.cli import main; main()")
END_WITHIN_S = 30.0


@contextmanager
def serving(config: Path, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Serve until the test is done; ``folder`` takes the temporary files."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*COMMAND, "serve", "--config", str(config)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(END_WITHIN_S)


def refused_to_serve(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "serve", "--config", str(config)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
        capture_output=True,
        text=True,
        timeout=END_WITHIN_S,
    )


def test_a_node_and_its_anchor_start_by_one_command_each_and_end_cleanly(
    partnership: Partnership, tmp_path_factory: pytest.TempPathFactory
) -> None:
    partnership.admit("council")
    (partnership.root / "council" / "people.json").write_text(str(PEOPLE).replace("'", '"'))
    temporary = tmp_path_factory.mktemp("temporary")
    with (
        serving(partnership.config("anchor"), temporary) as anchor,
        serving(partnership.config("council"), temporary) as node,
    ):
        assert anchor.stdout is not None
        assert node.stdout is not None
        assert anchor.stdout.readline() == "The trust anchor https://anchor.example is running.\n"
        assert node.stdout.readline() == "The node https://council.example is running.\n"
        checked = hearthgate("trust", "check", "https://council.example", "--config", partnership.config("council"))
        assert checked.code == 0, checked.out
        assert hearthgate("doctor", "--config", partnership.config("council")).code == 0
        operations = load(partnership.config("council"), {}).operations.bind
        # What a worker of the peer pool counted, the pool of operations shows.
        assert 'face="peer"' in urlopen(f"http://{operations}/metrics", timeout=END_WITHIN_S).read().decode()
    assert (anchor.returncode, node.returncode) == (0, 0)
    assert list(temporary.iterdir()) == []


@pytest.mark.holds("A60")
@pytest.mark.parametrize(("name", "mode"), [("message", 0o640), ("message", 0o602), ("peer", 0o644), ("case", 0o640)])
def test_a_node_whose_keys_others_can_read_or_write_does_not_start(
    partnership: Partnership, name: str, mode: int
) -> None:
    config = partnership.config("council")
    settings = load(config, {})
    assert isinstance(settings, NodeSettings)
    kept = {"message": Path("keys/message.pem"), "peer": settings.peer.key, "case": settings.case.key}
    key = settings.base_dir / kept[name]
    key.chmod(mode)
    refused = refused_to_serve(config)
    key.chmod(0o600)  # certificates serve all tests of the module
    assert refused.returncode == 1
    assert "chmod 600" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_certificate_without_its_key_keeps_a_node_from_starting(partnership: Partnership, tmp_path: Path) -> None:
    config = partnership.config("council")
    settings = load(config, {})
    assert isinstance(settings, NodeSettings)
    _, other = partnership.authority.issue("other.example")
    other.chmod(0o600)
    config.write_text(config.read_text().replace(str(settings.peer.key), str(other)))
    refused = refused_to_serve(config)
    assert refused.returncode == 1
    assert "cannot be used together" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_unmigrated_store_keeps_a_node_from_starting(partnership: Partnership) -> None:
    (partnership.root / "council" / "data" / "node.db").unlink()
    refused = refused_to_serve(partnership.config("council"))
    assert refused.returncode == 1
    assert "hearthgate upgrade" in refused.stderr
