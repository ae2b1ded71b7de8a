"""The persons whose lookup raises an alert: replace the list by a file, and count what is declared (assertion A53)."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from config.settings import NodeSettings
from gateway.accountability.access_alerts import WatchedPerson, WatchReason, rows_of
from gateway.accountability.subject_buckets import exact_keys
from gateway.administration.context import node_vault, now, opened_store
from gateway.administration.errors import OperationRefused
from gateway.administration.files import read_input
from gateway.administration.journal import record
from gateway.administration.outcome import ChangePlan, UseCaseResult
from gateway.store.tables import watch_keys
from trust import strict_json
from trust.errors import MalformedInput
from trust.exchange.errors import Fault, MalformedSubject
from trust.exchange.person import parse_description

MOST_PERSONS = 50_000
_MAX_BYTES = 30_000_000
_LONGEST_WORKER = 256
_MEMBERS = frozenset({"reason", "subject", "worker"})


def plan_replacement(settings: NodeSettings, file: Path) -> ChangePlan:
    """Plan to replace the list by a JSON file. Raises :class:`OperationRefused` with every fault."""
    persons = _read(settings, file)
    counts = Counter(str(each.reason) for each in persons)
    with opened_store(settings) as store:
        earlier = store.read(watch_keys.counts)

    def apply() -> UseCaseResult:
        rows = list(rows_of(node_vault(settings).evidence_hmac_key(), persons))
        record(settings, "access-alert replace", **{each: str(counts[each]) for each in WatchReason})
        with opened_store(settings) as store:
            store.write(lambda tx: watch_keys.replace_all(tx, rows))
        return UseCaseResult(
            lines=[f"A lookup of {_read_out(counts)} raises an alert."], data={"persons": dict(counts)}
        )

    effect = [f"A lookup of {_read_out(counts)} raises an alert.", f"Until now: {_read_out(Counter(earlier))}."]
    return ChangePlan(effect=effect, question="Replace the list?", apply=apply)


def list_counts(settings: NodeSettings) -> UseCaseResult:
    """Return how many persons are declared by reason; who they are stands nowhere in the store."""
    with opened_store(settings) as store:
        counts = Counter(store.read(watch_keys.counts))
    return UseCaseResult(lines=[f"A lookup of {_read_out(counts)} raises an alert."], data={"persons": dict(counts)})


def _read_out(counts: Counter[str]) -> str:
    words = {
        WatchReason.COLLEAGUE: "colleagues",
        WatchReason.RELATIVE: "relatives of workers",
        WatchReason.MARKED: "marked records",
    }
    return ", ".join(f"{counts[reason]} {word}" for reason, word in words.items())


def _read(settings: NodeSettings, file: Path) -> list[WatchedPerson]:
    try:
        document = strict_json.loads(read_input(file, "The list", most=_MAX_BYTES), max_bytes=_MAX_BYTES)
    except MalformedInput as malformed:
        raise OperationRefused(f"{file} is no JSON: {malformed.detail}") from malformed
    entries = document.get("persons")
    if not isinstance(entries, list) or not 0 <= len(entries) <= MOST_PERSONS:
        raise OperationRefused(f'{file} must be an object with "persons", a list of at most {MOST_PERSONS} entries.')
    key = node_vault(settings).evidence_hmac_key()
    persons: list[WatchedPerson] = []
    faults: list[str] = []
    for position, entry in enumerate(entries):
        problems = list(_faults(entry))
        person = None if problems else _person(entry, problems)
        if person is not None and not exact_keys(key, person.person):
            problems.append(Fault(path="subject", problem="needs an identifier, or the birth date with both names"))
        faults += [f"persons[{position}].{fault.path}: {fault.problem}" for fault in problems]
        persons += [] if person is None else [person]
    if faults:
        raise OperationRefused(f"{file} has {len(faults)} faults; nothing was changed.", faults)
    return persons


def _faults(entry: Any) -> Iterator[Fault]:  # noqa: ANN401 - what a file holds
    if not isinstance(entry, dict):
        yield Fault(path="", problem="must be an object with reason and subject")
        return
    for name in sorted(set(entry) - _MEMBERS):
        yield Fault(path=name if name.isidentifier() else "member", problem="is not known; remove it")
    reason, worker = entry.get("reason"), entry.get("worker")
    if reason not in {*WatchReason}:
        yield Fault(path="reason", problem=f"must be one of {', '.join(WatchReason)}")
    if not isinstance(entry.get("subject"), dict):
        yield Fault(path="subject", problem="must be an object that describes the person, as in a lookup")
    if reason == WatchReason.RELATIVE and not (isinstance(worker, str) and 0 < len(worker.strip()) <= _LONGEST_WORKER):
        yield Fault(path="worker", problem="must be the sign-in id of the relative's worker")
    if reason != WatchReason.RELATIVE and worker is not None:
        yield Fault(path="worker", problem="belongs to a relative only; remove it")


def _person(entry: dict[str, Any], faults: list[Fault]) -> WatchedPerson | None:
    try:
        described = parse_description(entry["subject"], this_year=now().year)
    except MalformedSubject as malformed:
        faults += malformed.faults
        return None
    return WatchedPerson(reason=WatchReason(entry["reason"]), person=described.subject, worker=entry.get("worker"))
