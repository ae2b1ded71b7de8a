"""Flags for the administrator: one row for each reason, asker and day, shown as one for each reason and agency."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import bindparam, select, update

from gateway.ports import Transaction
from gateway.store.engine.statement import Row, Statement, insertion
from gateway.store.engine.timestamps import from_microseconds, optional_from_microseconds, to_microseconds
from gateway.store.schema import flags

_INSERT = insertion(flags)
_RAISE = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["code", "asker", "day"],
        set_={"last_at": _INSERT.excluded.last_at, "count": flags.c.count + 1},
    )
)
_OPEN = Statement(select(flags).where(flags.c.reviewed_at.is_(None)).order_by(flags.c.last_at.desc()))
_OF_DAY = Statement(
    select(flags.c.count).where(
        flags.c.code == bindparam("its_code"), flags.c.asker == bindparam("its_asker"), flags.c.day == bindparam("day")
    )
)
_REVIEW = Statement(
    update(flags)
    .where(
        flags.c.code == bindparam("its_code"), flags.c.asker == bindparam("its_asker"), flags.c.reviewed_at.is_(None)
    )
    .values(reviewed_by=bindparam("by"), reviewed_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One reason to look at one asker on one day, and how often it came up. ``asker`` names no person."""

    code: str
    asker: str
    day: str
    first_at: datetime
    last_at: datetime
    count: int
    reviewed_by: str | None
    reviewed_at: datetime | None

    @property
    def agency(self) -> str:
        """The agency, or the case system of our own, of the asker."""
        return self.asker.partition(" ")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedFlag:
    """All open flags of one code and agency, so that an agency with many pseudonyms fills no list."""

    code: str
    agency: str
    flags: tuple[Flag, ...]

    @property
    def count(self) -> int:
        """How often it came up."""
        return sum(each.count for each in self.flags)

    @property
    def askers(self) -> tuple[str, ...]:
        """Who it concerns, the latest first."""
        return tuple(dict.fromkeys(each.asker for each in self.flags))


def raise_flag(tx: Transaction, *, code: str, asker: str, at: datetime) -> None:
    """Put up a flag, or count it where it is up already."""
    moment = to_microseconds(at)
    tx.run(
        _RAISE,
        {
            "code": code,
            "asker": asker,
            "day": at.astimezone(UTC).date().isoformat(),
            "first_at": moment,
            "last_at": moment,
            "count": 1,
            "reviewed_by": None,
            "reviewed_at": None,
        },
    )


def is_raised(tx: Transaction, *, code: str, asker: str, at: datetime) -> bool:
    """Say whether a flag was put up on this day."""
    values = {"its_code": code, "its_asker": asker, "day": at.astimezone(UTC).date().isoformat()}
    return bool(tx.rows(_OF_DAY, values))


def list_open(tx: Transaction) -> tuple[Flag, ...]:
    """Return every open flag, the latest first."""
    return tuple(_flag(row) for row in tx.rows(_OPEN, {}))


def fold(flags_to_fold: Iterable[Flag]) -> tuple[FoldedFlag, ...]:
    """Put the flags of each code and agency together, in the order in which they came."""
    folded: dict[tuple[str, str], list[Flag]] = {}
    for each in flags_to_fold:
        folded.setdefault((each.code, each.agency), []).append(each)
    return tuple(FoldedFlag(code=code, agency=agency, flags=tuple(same)) for (code, agency), same in folded.items())


def count_open(tx: Transaction) -> int:
    """Return how many flags wait for a review, those of one code and agency as one."""
    return len(fold(list_open(tx)))


def review(tx: Transaction, *, code: str, asker: str, by: str, at: datetime) -> int:
    """Take down an asker's flags of one code, naming who looked; return how many it were."""
    return tx.run(_REVIEW, {"its_code": code, "its_asker": asker, "by": by, "at": to_microseconds(at)})


def _flag(row: Row) -> Flag:
    return Flag(
        code=row.code,
        asker=row.asker,
        day=row.day,
        first_at=from_microseconds(row.first_at),
        last_at=from_microseconds(row.last_at),
        count=row.count,
        reviewed_by=row.reviewed_by,
        reviewed_at=optional_from_microseconds(row.reviewed_at),
    )
