"""The shipped systemd units are what systemd accepts, and what they start is ready, healthy and ends in time."""

import http.client
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from config.loading import load
from gateway.server.supervisor import GRACEFUL_S
from tests.gateway.cli.conftest import PEOPLE, Partnership
from tests.support.systemd import UNITS, analyze, installed_at, notifications, service, start

SERVE, BACKUP, TIMER = "hearthgate-serve@.service", "hearthgate-backup@.service", "hearthgate-backup@.timer"
READY_WITHIN_S = 90.0
MOST_EXPOSED = "20"
"""Of 100, as `systemd-analyze security` counts; an unconfined service has 96."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not installed (on Debian: apt-get install systemd)",
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Give the units for a clone whose command is this environment's."""
    clone = tmp_path / "opt"
    command = clone / ".venv" / "bin" / "hearthgate"
    command.parent.mkdir(parents=True)
    path = os.pathsep.join(entry for entry in sys.path if entry)
    run = f"exec {sys.executable} -c 'from gateway.cli.main import main; main()' \"$@\""
    command.write_text(f"#!/bin/sh\nPYTHONPATH={path}\nexport PYTHONPATH\n{run}\n")
    command.chmod(0o755)
    (clone / "docs").mkdir()
    return installed_at(clone, tmp_path / "units")


@needs_systemd
@pytest.mark.parametrize("name", [SERVE, BACKUP, TIMER])
def test_systemd_finds_no_fault_with_a_unit(units: Path, name: str) -> None:
    judged = analyze("verify", "--man=no", "--recursive-errors=no", str(units / name), units=units)
    said = [line for line in judged.stderr.splitlines() if "hearthgate" in line]
    assert (judged.returncode, said) == (0, [])


@needs_systemd
@pytest.mark.parametrize("name", [SERVE, BACKUP])
def test_systemd_counts_a_service_as_confined(units: Path, name: str) -> None:
    words = ("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", str(units / name))
    judged = analyze(*words, units=units)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_a_unit_waits_as_long_as_a_graceful_end_takes() -> None:
    (limit,) = service(UNITS, SERVE, "node")["TimeoutStopSec"]
    assert int(limit.removesuffix("s")) >= GRACEFUL_S + 5
    assert service(UNITS, SERVE, "node")["WorkingDirectory"] == ["/var/lib/hearthgate/node"]
    assert service(UNITS, SERVE, "node")["StateDirectory"] == ["hearthgate/node"]


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["council", "anchor"])
def test_what_a_unit_starts_says_when_it_is_ready_and_ends_when_told(
    partnership: Partnership, units: Path, tmp_path: Path, name: str
) -> None:
    folder = partnership.config(name).parent
    (folder / "people.json").write_text(json.dumps(PEOPLE))
    settings = service(units, SERVE, name)
    with notifications(tmp_path / "notify") as notify:
        process = start(settings, folder, notify, tmp_path / "log")
        try:
            assert notify.next(READY_WITHIN_S) == "READY=1"
            assert_confined(process.pid)
            status = health(load(partnership.config(name), {}).operations.bind)
            process.terminate()
            assert process.wait(float(settings["TimeoutStopSec"][0].removesuffix("s"))) == 0
        finally:
            process.kill()
            process.wait()
    assert status == 200, (tmp_path / "log").read_text()


@pytest.mark.e2e
def test_what_the_backup_unit_starts_makes_a_backup(partnership: Partnership, units: Path, tmp_path: Path) -> None:
    settings = dict(service(units, BACKUP, "council"))
    target = tmp_path / "backups"
    target.mkdir()
    (command,) = settings["ExecStart"]
    settings["ExecStart"] = [command.replace("/var/lib/hearthgate-backups/council", str(target))]
    settings["LimitNOFILE"] = ["1024"]
    assert settings["StateDirectory"] == ["hearthgate-backups/council", "hearthgate/council"]
    with notifications(tmp_path / "notify") as notify:
        process = start(settings, partnership.config("council").parent, notify, tmp_path / "log")
        assert process.wait(60) == 0, (tmp_path / "log").read_text()
    (made,) = target.iterdir()
    assert re.fullmatch(r"council\.example-\d{8}T\d{6}Z\.backup", made.name)


def assert_confined(pid: int) -> None:
    """Read back from the kernel that the process runs as its unit says."""
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert status["Umask"] == "0077"
    assert os.geteuid() != 0 or int(status["CapBnd"], 16) == 0


def health(bind: str) -> int:
    host, _, port = bind.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status
    finally:
        connection.close()
