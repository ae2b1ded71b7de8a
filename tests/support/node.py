"""Other people's software under Node.js: installed once from its lock into ``build/``, for the tests only.

No package's own scripts run at installation, and the lock has a hash for every package and no address.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "node"
OLDEST = 20
"""The first Node.js that has what these packages use."""
INSTALL_WITHIN_S = 240
_INSTALL = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class NodeMissing(Exception):
    """There is no Node.js to run this with; ``str()`` says what is missing, for a skipped test to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Node.js, and the folder with the installed packages."""

    program: str
    folder: Path

    def command(self, script: str, *arguments: str) -> Sequence[str]:
        """Return the command that runs a script of ``tests/node``; it finds the packages beside itself."""
        written = (SCRIPTS / script).read_bytes()
        placed = self.folder / f"{sha256(written).hexdigest()[:16]}-{script}"
        if not placed.exists():
            made = placed.with_suffix(f".{os.getpid()}")
            made.write_bytes(written)
            made.replace(placed)
        return (self.program, str(placed), *arguments)


def installed() -> Node:
    """Return Node.js with the packages of the lock, installed at the first use. Raises :class:`NodeMissing`."""
    program, npm = _programs()
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    folder = ROOT / "build" / "node" / sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            _install(npm, folder)
            (folder / "installed").touch()
    return Node(program=program, folder=folder)


def _programs() -> tuple[str, str]:
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise NodeMissing("Node.js or npm is not installed (on Debian: apt-get install nodejs npm)")
    said = subprocess.run([program, "--version"], check=False, capture_output=True, text=True, timeout=30).stdout
    version = re.match(r"v(\d+)\.", said)
    if version is None or int(version[1]) < OLDEST:
        raise NodeMissing(f"Node.js {OLDEST} or later is needed, and this is {said.strip() or 'of unknown version'}")
    return program, npm


def _install(npm: str, folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(SCRIPTS / name, folder / name)
    try:
        subprocess.run([npm, *_INSTALL], cwd=folder, check=True, capture_output=True, timeout=INSTALL_WITHIN_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failed:
        said = (failed.stderr or b"").decode(errors="replace").strip().splitlines()
        raise NodeMissing(
            f"npm could not install the locked packages: {said[0] if said else 'it took too long'}"
        ) from None
