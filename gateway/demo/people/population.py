"""The invented residents of one place, and the truth about the services that work with them.

A seed and a day determine all people, to the letter. The case systems hold the truth, and the demo compares every
answer with it; no node sees it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.demo.case_systems.records import AwardRecord, CaseService, InvolvementRecord, ResidentRecord


class Group(StrEnum):
    """The purpose of a resident in the population; the story picks from these."""

    YOUNG_MAN = "young-man"
    """Scenario S1: known to all eight other services."""
    EIGHT = "eight"
    THREE = "three"
    NONE = "none"
    TWIN = "twin"
    """One of two who share birth date, family name and address; each service knows only one of them."""
    NAMESAKE = "namesake"
    """One of two who share name and birth date, and nothing else."""
    MOTHER = "mother"
    """Scenario S2: Connecting Families and a landlord know her; her partner is in her home."""
    CHILD = "child"
    """Scenario S2: one of her two children, both at the college."""
    PARTNER = "partner"
    """Scenario S2: the alleged perpetrator, known to the police."""
    OTHER = "other"


class Spelling(StrEnum):
    """The spelling of a person's name in a case system."""

    SAME = "same"
    SHORT_FORM = "short-form"
    SLIP = "slip"
    """The family name is misspelt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One resident in truth. ``pair`` is the number of the twin or namesake."""

    number: int
    group: Group
    person: ResidentRecord
    pair: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseAssignment:
    """One service's work with one resident, as its case system records it, with its spelling of the name."""

    resident: int
    service: CaseService
    spelling: Spelling
    record: InvolvementRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All residents, their assignments to services, and their benefits; ``awards`` is by resident."""

    today: date
    residents: tuple[Resident, ...]
    assignments: tuple[CaseAssignment, ...]
    awards: Mapping[int, AwardRecord]

    def records(self) -> Sequence[InvolvementRecord]:
        """Return the records of the case systems."""
        return [each.record for each in self.assignments]
