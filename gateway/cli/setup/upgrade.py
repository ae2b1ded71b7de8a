"""``hearthgate upgrade``: bring the store to what this version needs, after a backup; or say what that would change."""

import http.client
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

from config.loading import ConfigError
from gateway import __version__
from gateway.administration import journal
from gateway.administration.context import Settings
from gateway.administration.errors import OperationRefused
from gateway.administration.outcome import UseCaseResult
from gateway.cli.context import config_option, config_path, load_settings
from gateway.cli.output import command_output, confirm, show_plan, yes_option
from gateway.cli.setup.backup import write_backup
from gateway.store.factory import open_store
from gateway.store.migration import Step, lacks_claims, migrate, steps_from
from gateway.store.revision import read_revision

BACKUPS = "backups"
LOCK = Path(__file__).resolve().parents[3] / "requirements" / "runtime.txt"
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", re.MULTILINE)
_HEALTH_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an upgrade would do: ``found`` is the store's revision, none where it has no tables yet."""

    found: str | None
    steps: tuple[Step, ...]
    strays: tuple[str, ...]
    claims_lost: bool

    @property
    def changes_store(self) -> bool:
        """Whether there is anything to do to the store."""
        return bool(self.steps) or self.claims_lost

    def lines(self) -> list[str]:
        """Return it for people."""
        at = f"The tables are at {self.found}." if self.found else "The store has no tables yet."
        todo = [f"  {step.revision}: {step.purpose}" for step in self.steps]
        packages = [f"  {stray}" for stray in self.strays]
        return [
            f"This is version {__version__}. {at}",
            *(["These migrations are to run:", *todo] if todo else ["No migration is to run."]),
            *(["The file of single-use identifiers is missing and is made again."] if self.claims_lost else []),
            *(["Packages are not those of requirements/runtime.txt:", *packages] if packages else []),
        ]


@click.command()
@click.option("--check", is_flag=True, help="Only say what would change; exit code 1 where something has to be done.")
@click.option("--backup", "backup_to", type=click.Path(path_type=Path), help=f"Where the backup goes [{BACKUPS}/].")
@config_option
@yes_option
@command_output
def upgrade(*, check: bool, backup_to: Path | None, config: Path | None, yes: bool) -> UseCaseResult:
    """Bring the store to what this version needs: a backup first, then the migrations, then a check of the result.

    Run it after each update of the program, with the node stopped.
    """
    if check:
        return _checked(config)
    settings = load_settings(config)
    plan = plan_of(settings)
    if not plan.changes_store:
        return UseCaseResult(lines=[*plan.lines(), "Nothing was changed."], data=_data(plan, backup=None))
    _refuse_running(settings)
    show_plan(*plan.lines(), "A backup is made first." if plan.found else "There is nothing to back up.")
    confirm("Change the store?", yes=yes)
    kept = _backup(settings, config, backup_to) if plan.found else None
    journal.record(settings, "upgraded", steps=[step.revision for step in plan.steps])
    migrate(settings.store.url, base_dir=settings.base_dir)
    _verify(settings)
    back = [f"The backup of before is {kept}."] if kept else []
    return UseCaseResult(
        lines=["The store has the tables that this version needs.", *back], data=_data(plan, backup=kept)
    )


def plan_of(settings: Settings) -> Plan:
    """Compare the store and the installed packages with what this version needs. Raises ``StoreRefused``."""
    found = read_revision(settings.store.url, base_dir=settings.base_dir)
    lost = found is not None and lacks_claims(settings.store.url, base_dir=settings.base_dir)
    return Plan(found=found, steps=steps_from(found), strays=strays(LOCK), claims_lost=lost)


def strays(lock: Path) -> tuple[str, ...]:
    """Return which installed packages are not of the locked versions; none where the lock is not beside the program."""
    if not lock.is_file():
        return ()
    found = []
    for name, wanted, _ in _PIN.findall(lock.read_text(encoding="utf-8")):
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # locked for another platform; what is missing here could not have been imported
        if installed != wanted:
            found.append(f"{name} {installed} is installed, {wanted} is locked: run `./run hearthgate` of this clone")
    return tuple(found)


def _checked(config: Path | None) -> UseCaseResult:
    """Say what would change, settings that this version no longer takes among it."""
    try:
        settings = load_settings(config)
    except ConfigError as refused:
        lines = [f"{config_path(config).name} does not suit this version; correct it before the upgrade:"]
        faults = list(refused.faults)
        return UseCaseResult(lines=[*lines, *(f"  - {fault}" for fault in faults)], data={"settings": faults}, ok=False)
    plan = plan_of(settings)
    todo = bool(plan.changes_store or plan.strays)
    verdict = "Run `hearthgate upgrade` with the node stopped." if plan.changes_store else "The store needs no upgrade."
    lines = ["The settings suit this version.", *plan.lines(), verdict]
    return UseCaseResult(lines=lines, data={"settings": [], **_data(plan, backup=None)}, ok=not todo)


def _backup(settings: Settings, config: Path | None, target: Path | None) -> Path:
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


def _verify(settings: Settings) -> None:
    """Open the store as `serve` does, and commit nothing to it."""
    store = open_store(settings.store.url, base_dir=settings.base_dir)
    try:
        store.write(lambda _tx: None)
    finally:
        store.close()


def _data(plan: Plan, *, backup: Path | None) -> dict[str, object]:
    steps: Sequence[Step] = plan.steps
    return {
        "version": __version__,
        "revision": plan.found,
        "steps": [{"revision": step.revision, "purpose": step.purpose} for step in steps],
        "packages": list(plan.strays),
        "backup": None if backup is None else str(backup),
    }
