"""The design of one SQL case system: tables, rows, and the adapter's settings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.demo.case_systems.records import InvolvementRecord, ResidentRecord

Rows = Mapping[str, Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One vendor's database. ``settings`` is the adapter's configuration, without the file."""

    schema: str
    rows: Callable[[Sequence[InvolvementRecord]], Rows]
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Staff:
    """One worker, as a case system stores them."""

    name: str
    phone: str
    role: str


def people(records: Sequence[InvolvementRecord]) -> dict[str, ResidentRecord]:
    """Return each person once, by their number in the case system."""
    return {record.local_id: record.resident for record in records}


def staff(records: Sequence[InvolvementRecord]) -> dict[Staff, int]:
    """Return each worker's number, from 1."""
    workers = dict.fromkeys(worker_of(record) for record in records)
    return {worker: number for number, worker in enumerate(workers, start=1)}


def worker_of(record: InvolvementRecord) -> Staff:
    """Return the worker of one involvement."""
    return Staff(name=record.worker, phone=record.phone, role=record.role)


def iso(day: date | None) -> str | None:
    """Return a day in ISO form, as most systems store it."""
    return day.isoformat() if day else None


def format_day(day: date | None, form: str) -> str | None:
    """Return a day in a system's own form."""
    return day.strftime(form) if day else None
