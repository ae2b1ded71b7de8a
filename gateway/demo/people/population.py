"""The invented residents of one place, and the truth about which services work with them.

Everything follows from a seed and a day: the same two give the same people, to the letter. The truth is what the case
systems are filled from and what every answer of the demo is compared with; no node ever sees it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.demo.case_systems.records import AwardRecord, CaseService, InvolvementRecord, ResidentRecord


class Group(StrEnum):
    """Why a resident is in the population; the story picks from these."""

    YOUNG_MAN = "young-man"
    """Scenario S1: known to all eight other services."""
    EIGHT = "eight"
    THREE = "three"
    NONE = "none"
    TWIN = "twin"
    """One of two who share birth date, family name and address; each service knows only one of them."""
    NAMESAKE = "namesake"
    """One of two who share name and birth date, and nothing else."""
    OTHER = "other"


class Spelling(StrEnum):
    """How a case system has the person's name."""

    SAME = "same"
    SHORT_FORM = "short-form"
    SLIP = "slip"
    """The family name is misspelt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """One resident as they truly are. ``pair`` is the number of the twin or namesake."""

    number: int
    group: Group
    person: ResidentRecord
    pair: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Involved:
    """One service's work with one resident, as its case system has it; ``spelling`` says how it differs."""

    resident: int
    service: CaseService
    spelling: Spelling
    record: InvolvementRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """Everybody, everything that services do with them, and their benefits; ``awards`` is by resident."""

    today: date
    residents: tuple[Resident, ...]
    involved: tuple[Involved, ...]
    awards: Mapping[int, AwardRecord]

    def records(self) -> Sequence[InvolvementRecord]:
        """Return what fills the case systems."""
        return [each.record for each in self.involved]
