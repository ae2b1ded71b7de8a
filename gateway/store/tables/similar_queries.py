"""Values that were asked about beside one feature: keyed digests only, each kept until the end of a day of its own.

The day comes first in the key, so that a question writes close together and old days are erased without an index.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import BigInteger, BindParameter, ColumnElement, bindparam, delete, func, select, tuple_

from gateway.ports import Transaction
from gateway.store.engine.statement import Statement, insertion, numbered_values
from gateway.store.schema import probes

Probe = tuple[int, int, int]
"""Day until which a value is counted (its ordinal), feature and value."""

_BATCH: BindParameter[int] = bindparam("batch")
_KEY = (probes.c.until, probes.c.feature, probes.c.value)
_OLD = select(*_KEY).where(probes.c.until < bindparam("day")).limit(_BATCH)
_ERASE = Statement(delete(probes).where(tuple_(*_KEY).in_(_OLD)))


@cache
def _note(rows: int) -> Statement:
    return Statement(insertion(probes, rows=rows).on_conflict_do_nothing().returning(probes.c.feature))


@cache
def _values(days: int, features: int) -> Statement:
    return Statement(select(probes.c.feature, probes.c.value).where(*_conditions(days, features)))


@cache
def _count(days: int, features: int) -> Statement:
    values = func.count(probes.c.value.distinct()).label("values")
    return Statement(select(probes.c.feature, values).where(*_conditions(days, features)).group_by(probes.c.feature))


def _conditions(days: int, features: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return probes.c.until.in_(_numbered("until", days)), probes.c.feature.in_(_numbered("feature", features))


def _numbered(name: str, count: int) -> list[BindParameter[int]]:
    return [bindparam(f"{name}{number}", type_=BigInteger) for number in range(count)]


def record(tx: Transaction, noted: Sequence[Probe]) -> frozenset[int]:
    """Note values, and return the features of those that were not noted yet."""
    if not noted:
        return frozenset()
    rows = numbered_values({"until": until, "feature": feature, "value": value} for until, feature, value in noted)
    return frozenset(row.feature for row in tx.rows(_note(len(noted)), rows))


def values(tx: Transaction, features: Sequence[int], *, until: Sequence[int]) -> Mapping[int, set[int]]:
    """Return the values beside each feature that are counted until one of these days."""
    by_feature: dict[int, set[int]] = {}
    if features:
        for feature, value in tx.rows(_values(len(until), len(features)), _parameters(features, until)):
            by_feature.setdefault(feature, set()).add(value)
    return by_feature


def count(tx: Transaction, features: Sequence[int], *, until: Sequence[int]) -> Mapping[int, int]:
    """Return how many different values are counted beside each feature until one of these days."""
    if not features:
        return {}
    return {
        feature: int(values)
        for feature, values in tx.rows(_count(len(until), len(features)), _parameters(features, until))
    }


def _parameters(features: Sequence[int], until: Sequence[int]) -> dict[str, int]:
    parameters = {f"until{number}": day for number, day in enumerate(until)}
    return parameters | {f"feature{number}": feature for number, feature in enumerate(features)}


def erase_before(tx: Transaction, *, day: int, batch: int) -> int:
    """Erase at most ``batch`` values that were counted until a day before ``day``."""
    return tx.run(_ERASE, {"day": day, "batch": batch})
