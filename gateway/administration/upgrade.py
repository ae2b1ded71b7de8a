"""Upgrade of the store: a backup, then the migrations of this version, then a check."""

import http.client
import re
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from config.loading import ConfigError
from gateway import __version__
from gateway.administration import journal
from gateway.administration.backup.create import write_backup
from gateway.administration.context import Settings, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.store.migration import MigrationStep, lacks_claims, migrate, steps_from
from gateway.store.revision import read_revision

BACKUPS = "backups"
LOCK = Path(__file__).resolve().parents[2] / "requirements" / "runtime.txt"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", re.MULTILINE)
_HEALTH_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RequiredChanges:
    """The changes that an upgrade makes. ``revision`` is the store's own, none where it has no tables yet."""

    revision: str | None
    steps: tuple[MigrationStep, ...]
    strays: tuple[str, ...]
    claims_lost: bool

    @property
    def changes_store(self) -> bool:
        """Whether there is anything to do to the store."""
        return bool(self.steps) or self.claims_lost

    def lines(self) -> list[str]:
        """Return the changes for people."""
        at = f"The tables are at {self.revision}." if self.revision else "The store has no tables yet."
        todo = [f"  {step.revision}: {step.purpose}" for step in self.steps]
        packages = [f"  {stray}" for stray in self.strays]
        return [
            f"This is version {__version__}. {at}",
            *(["These migrations are to run:", *todo] if todo else ["No migration is to run."]),
            *(["The file of single-use identifiers is missing and is made again."] if self.claims_lost else []),
            *(["Packages are not those of requirements/runtime.txt:", *packages] if packages else []),
        ]


def plan_upgrade(settings: Settings, config: Path, backup_to: Path | None) -> ChangePlan | UseCaseResult:
    """Plan the migrations, after a backup; return a result where nothing is to change. Raises ``StoreRefused``."""
    needed = required_changes(settings)
    if not needed.changes_store:
        return UseCaseResult(lines=[*needed.lines(), "Nothing was changed."], data=_to_json(needed, backup=None))
    _refuse_running(settings)

    def apply() -> UseCaseResult:
        _refuse_running(settings)
        backup = _backup(settings, config, backup_to) if needed.revision else None
        journal.record(settings, "upgraded", steps=[step.revision for step in needed.steps])
        migrate(settings.store.url, base_dir=settings.base_dir)
        with opened_store(settings) as store:
            store.write(lambda _tx: None)  # as `serve` opens it
        back = [f"The backup of before is {backup}."] if backup else []
        lines = ["The store has the tables that this version needs.", *back]
        return UseCaseResult(lines=lines, data=_to_json(needed, backup=backup))

    backed_up = "A backup is made first." if needed.revision else "There is nothing to back up."
    return ChangePlan(effect=[*needed.lines(), backed_up], question="Change the store?", apply=apply)


def check_upgrade(settings: Settings) -> UseCaseResult:
    """Report what an upgrade would change; not ``ok`` where something is to be done. Raises ``StoreRefused``."""
    needed = required_changes(settings)
    todo = bool(needed.changes_store or needed.strays)
    verdict = (
        "Run `hearthgate upgrade` with the node stopped." if needed.changes_store else "The store needs no upgrade."
    )
    lines = ["The settings suit this version.", *needed.lines(), verdict]
    return UseCaseResult(lines=lines, data={"settings": [], **_to_json(needed, backup=None)}, ok=not todo)


def unsuitable_settings(config: Path, refused: ConfigError) -> UseCaseResult:
    """Report the settings that this version refuses."""
    first, faults = f"{config.name} does not suit this version; correct it before the upgrade:", list(refused.faults)
    return UseCaseResult(lines=[first, *(f"  - {fault}" for fault in faults)], data={"settings": faults}, ok=False)


def required_changes(settings: Settings) -> RequiredChanges:
    """Compare the store and the installed packages with what this version needs. Raises ``StoreRefused``."""
    revision = read_revision(settings.store.url, base_dir=settings.base_dir)
    lost = revision is not None and lacks_claims(settings.store.url, base_dir=settings.base_dir)
    return RequiredChanges(revision=revision, steps=steps_from(revision), strays=find_strays(LOCK), claims_lost=lost)


def find_strays(lock: Path) -> tuple[str, ...]:
    """Return which installed packages are not of the locked versions; none where the lock is not beside the program."""
    if not lock.is_file():
        return ()
    strays = []
    for name, locked, _ in _PIN.findall(lock.read_text(encoding="utf-8")):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # locked for another platform; what is missing here could not have been imported
        if installed != locked:
            strays.append(f"{name} {installed} is installed, {locked} is locked: run `./run hearthgate` of this clone")
    return tuple(strays)


def _backup(settings: Settings, config: Path, target: Path | None) -> Path:
    if target is None:
        target = settings.base_dir / BACKUPS
        target.mkdir(mode=0o700, exist_ok=True)
    return write_backup(settings, config, target)


def _refuse_running(settings: Settings) -> None:
    """Refuse while a node answers here: its workers know the old tables only."""
    host, _, port = settings.operations.bind.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=_HEALTH_S)
    try:
        connection.request("GET", "/health/live")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return
    finally:
        connection.close()
    raise OperationRefused(f"It is running: {settings.operations.bind} answers. Stop it, and run this again.")


def _to_json(needed: RequiredChanges, *, backup: Path | None) -> dict[str, object]:
    return {
        "version": __version__,
        "revision": needed.revision,
        "steps": [{"revision": step.revision, "purpose": step.purpose} for step in needed.steps],
        "packages": list(needed.strays),
        "backup": None if backup is None else str(backup),
    }
