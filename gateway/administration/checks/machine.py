"""Settings, private keys and their ages, store, disk and certificates of this machine."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from socket import gethostname

from adapters.contract import CheckLine
from config.settings import NodeSettings
from gateway.administration.checks import certificates
from gateway.administration.checks.lines import format_duration
from gateway.administration.context import Settings, opened_store
from gateway.administration.errors import CORRECTABLE
from gateway.administration.keys import EntityKeys, first_files, kids_vouched_for, opened_keys, vault_of
from gateway.health.serving_gate import status_message
from gateway.keys.files import KeyFilesRefused
from gateway.keys.schedule import KeyLifecycle, Stage
from gateway.peers.exemptions import exemptions
from gateway.ports import StoreBusy, StoreFull, StoreOutcomeUnknown
from gateway.store import condition, inspection
from gateway.store.engine.refusals import StoreRefused
from gateway.store.inspection import DiskSpace

ROTATE_WITHIN = timedelta(days=365)
"""How old a key that signs may become before the doctor asks for another (NIST SP 800-57 part 1 section 5.3.6)."""
VOUCHED_WITHIN = timedelta(days=2)
"""How long a superior may take to vouch for the next federation key."""
ENOUGH_WATERMARKS = 16
"""The disk should have this many watermarks free, so that administrators have time to make room."""
_MEGABYTE = 1024 * 1024


def check_configuration(settings: Settings) -> list[CheckLine]:
    """Report the loaded configuration, and each exemption and local restriction with its reason."""
    who = (
        f"node {settings.node.entity_id}"
        if isinstance(settings, NodeSettings)
        else f"trust anchor {settings.anchor.entity_id}"
    )
    lines = [CheckLine(name="it is complete and well formed", ok=True, detail=who)]
    lines += [
        CheckLine(name=f"exception in {each.table}", ok=True, detail=each.sentence) for each in exemptions(settings)
    ]
    for service in settings.services if isinstance(settings, NodeSettings) else ():
        for rule in service.restrictions:
            asker = f"role {rule.role}" if rule.role else "every role"
            detail = f"{service.slug} refuses {rule.agreement}, clause {rule.clause}, to {asker}. Reason: {rule.reason}"
            lines.append(CheckLine(name="local restriction", ok=True, detail=detail))
    return lines


def check_machine(settings: Settings, now: datetime) -> list[CheckLine]:
    """Check keys, store, disk and certificates."""
    return [*_keys(settings, now), *_store(settings), *_disk(settings), *certificates.check_certificates(settings, now)]


def _keys(settings: Settings, now: datetime) -> Iterator[CheckLine]:
    name = "private keys are complete and readable by their owner only"
    try:
        vault_of(settings)
    except KeyFilesRefused as refused:
        for fault in refused.faults:
            yield CheckLine(name=name, ok=False, detail=fault, remedy="Do as the line says; nothing starts before.")
        return
    yield CheckLine(name=name, ok=True, detail=f"{len(first_files(settings))} files")
    try:
        with opened_keys(settings) as keys:
            yield from _ages(keys, now)
    except CORRECTABLE:
        return  # the store is the next line's to say


def _ages(keys: EntityKeys, now: datetime) -> Iterator[CheckLine]:
    for life in keys.lifecycles():
        if life.stage(now) is Stage.SIGNS:
            yield _age(life, now)
        waits_since = life.record.created_at
        if life.stage(now) is Stage.NEXT and life.begins is None and now - waits_since > VOUCHED_WITHIN:
            yield CheckLine(
                name="the next federation key is vouched for",
                ok=True,
                warning=True,
                detail=f"not yet, {format_duration(now - waits_since)} after it was made",
                remedy="Ring the superior's administrators, and run `hearthgate trust key announce`.",
            )
    for kid in sorted(kids_vouched_for(keys) - keys.federation_keys(now).kids):
        yield CheckLine(
            name="only published federation keys are vouched for",
            ok=True,
            warning=True,
            detail=f"{kid} is published no longer and vouched for still",
            remedy="Run `hearthgate trust key announce`, so that it cannot be used in your name.",
        )


def _age(life: KeyLifecycle, now: datetime) -> CheckLine:
    record = life.record
    age = now - (life.begins or record.created_at)
    return CheckLine(
        name=f"the age of the {record.use} key",
        ok=True,
        warning=age > ROTATE_WITHIN,
        detail=format_duration(age),
        remedy=f"Replace it without a failed request: hearthgate trust key rotate --use {record.use}",
    )


def _store(settings: Settings) -> Iterator[CheckLine]:
    """Open the store, and commit an empty transaction: the settings, the lock and the disk all take part."""
    try:
        with opened_store(settings) as store:
            store.write(lambda _tx: None)
            state = store.read(lambda tx: condition.read(tx, host=gethostname()))
        effective = inspection.settings_in_effect(settings.store.url, base_dir=settings.base_dir)
    except (StoreRefused, StoreBusy, StoreFull, StoreOutcomeUnknown) as refused:
        remedy = "Do as the line says; for a full disk, make room, then run this again."
        yield CheckLine(name="the store can be written", ok=False, detail=str(refused), remedy=remedy)
        return
    detail = ", ".join(f"{name} {value}" for name, value in effective.items())
    yield CheckLine(name="the store is migrated, safely set up and can be written", ok=True, detail=detail)
    wrong = status_message(state)
    remedy = "Let it run (hearthgate serve): it tries again by itself, and until then it answers no request."
    epoch = f"epoch {state.epoch.number}" if state.epoch.number else "never restored"
    yield CheckLine(
        name="the node found itself fit to serve", ok=not wrong, detail=wrong or f"store {epoch}", remedy=remedy
    )
    if not state.epoch.confirmed:
        yield CheckLine(
            name="the restore is confirmed",
            ok=True,
            warning=True,
            detail="case systems, pending changes, members and what no peer answered for are closed",
            remedy="Close what was closed since the backup, then open the rest: hearthgate restore confirm.",
        )


def _disk(settings: Settings) -> Iterator[CheckLine]:
    try:
        yield check_disk(inspection.disk_space(settings.store.url, base_dir=settings.base_dir))
    except OSError:
        return  # there is no such folder, which the store's line has said


def check_disk(room: DiskSpace) -> CheckLine:
    """Check how much room is above the watermark."""
    return CheckLine(
        name="the disk has room",
        ok=room.free >= room.watermark,
        warning=room.free < ENOUGH_WATERMARKS * room.watermark,
        detail=f"{room.free // _MEGABYTE} MB free at {room.path}; below {room.watermark // _MEGABYTE} MB nothing new "
        "is taken",
        remedy="Make room on that disk, or move the store to a larger one.",
    )
