"""The demo as a newcomer meets it: it goes on running, its curl line works, Ctrl-C ends everything; a kill does too."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
HEARTHGATE = Path(sys.executable).with_name("hearthgate")
WITHIN_S = 240.0
MARK = "DEMO_UNDER_TEST"


class RunningDemo:
    """A demo under way, with its output in a file and all its processes known by a mark in their environment."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path, mark: str) -> None:
        self.process = process
        self._output = output
        self._mark = f"{MARK}={mark}".encode()

    def said(self) -> str:
        return self._output.read_text("utf-8")

    def wait_until_said(self, words: str) -> None:
        deadline = monotonic() + WITHIN_S
        while words not in self.said():
            assert self.process.poll() is None, self.said()[-3000:]
            assert monotonic() < deadline, self.said()[-3000:]
            sleep(0.1)

    def others(self) -> list[int]:
        """Return every process that came of this demo, itself left out."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self._mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return [pid for pid in found if pid != self.process.pid]


@contextmanager
def demo(folder: Path, *words: str) -> Iterator[RunningDemo]:
    mark, output = token_hex(8), folder / "output.txt"
    temporary = folder / "temporary"
    temporary.mkdir()
    with output.open("wb") as out:
        process = subprocess.Popen(
            [HEARTHGATE, "demo", *words],
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, MARK: mark, "TMPDIR": str(temporary)},
        )
    running = RunningDemo(process, output, mark)
    try:
        yield running
    finally:
        process.kill()
        process.wait()
        for pid in running.others():
            with suppress(ProcessLookupError):  # it ended meanwhile
                os.kill(pid, signal.SIGKILL)


def left_behind(folder: Path) -> list[str]:
    return [path.name for path in (folder / "temporary").iterdir() if path.name.startswith("hearthgate-demo-")]


def run_line(line: str, *typed: str) -> str:
    """Run one line as it was printed, in a shell of its own, and type these answers; return what it said."""
    answers = "".join(f"{each}\n" for each in typed)
    done = subprocess.run(["sh", "-c", line], input=answers, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (line, done.stdout, done.stderr)
    return done.stdout


def lines_under(said: str, heading: str) -> list[str]:
    """Return the commands printed under one heading of the things to try, in their order."""
    things = said[said.index("Four things to try") :]
    start = things.index(f"\n{heading}")
    part = things[start : things.index("\n\n", start)]
    return [line for line in part.splitlines() if line.startswith(("    /", "    kill"))]


@pytest.mark.holds("S1", "S2", "S19")
def test_it_goes_on_running_until_ctrl_c_and_every_expectation_is_met(tmp_path: Path) -> None:
    with demo(tmp_path, "--seed", "2") as running:
        running.wait_until_said(" client token ")
        said = running.said()
        assert "✗" not in said
        assert "8 of 8 services answered. In immediate danger, ring 999." in said
        assert "7 of 8 services answered" in said
        assert "✓ each has its own part, once, and nothing else of the family or the incident" in said
        assert "✓ the loss is found, and the key worker's page says so" in said
        assert "✓ every message was read by a person who signed in, and its outcome is on the key worker's page" in said
        assert "(--seed 2)" in said
        if shutil.which("curl"):
            start = said.index("    curl ")
            *curl, token = said[start:].rstrip().splitlines()
            assert '"summary":"8 of 8 services answered"' in run_line("\n".join(curl))
            assert run_line(token).count(".") == 2
        what_can_be_tried(running)
        assert len(running.others()) > 7 * 2
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(timeout=60) == 0
        assert running.others() == []
    assert left_behind(tmp_path) == []


def what_can_be_tried(running: RunningDemo) -> None:
    said = running.said()
    (lookup,) = lines_under(said, "1. ")
    assert "8 of 8 services answered" in run_line(lookup)
    (benefit,) = lines_under(said, "2. ")
    assert "yes" in run_line(benefit)
    stop, again, start = lines_under(said, "3. ")
    run_line(stop)
    running.wait_until_said("The node of Jobcentre Thornmere has stopped.")
    assert "7 of 8 services answered" in run_line(again)
    run_line(start)
    running.wait_until_said("Jobcentre Thornmere runs again.")
    assert "8 of 8 services answered" in run_line(again)
    *others, by_typing = lines_under(said, "4. ")
    assert len(others) == 4
    assert all("8 of 8 services answered" in run_line(line) for line in others)
    row = re.search(r"^    ([^\d\n]*) (\S+) +(\d{4}-\d\d-\d\d)  three services$", said, re.MULTILINE)
    assert row is not None
    given, family, born = row.groups()
    typed = ("y", "First visit to the family.", "CF-1", family, given, born, "", "", "", "")
    assert "services answered" in run_line(by_typing, *typed)


def test_stopped_in_the_middle_it_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    with demo(tmp_path, "--once") as running:
        running.wait_until_said("1. S1: eight key workers")
        assert running.others()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=60) == 130
        assert running.others() == []
    assert left_behind(tmp_path) == []


def test_with_a_node_dead_it_fails_says_why_and_keeps_the_logs(tmp_path: Path) -> None:
    with demo(tmp_path, "--once") as running:
        running.wait_until_said("enrol each agency, and admit it")
        (anchor,) = [pid for pid in running.others() if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()][:1]
        os.kill(anchor, signal.SIGKILL)
        assert running.process.wait(timeout=WITHIN_S) == 1
        assert "The demo failed:" in running.said()
        assert running.others() == []
    (kept,) = left_behind(tmp_path)
    assert (tmp_path / "temporary" / kept / "logs" / "anchor.log").exists()
