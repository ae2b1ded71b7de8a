"""Flag callers that try out people, and leave out addresses that are tried out (A44).

Three kinds of sign, each noted in the transaction that records the answer:

1. many values beside one detail (:mod:`trust.agreements.enumeration`);
2. more questions about people without a record, or more practitioners who were never seen before, than this agency
   usually has in a day;
3. more questions of one practitioner than is usual in the role at the same agency.

A flag is for the administrator alone. No answer and no budget depends on one. One sign does change what is searched:
of one person and asking agency three addresses in 30 days take part in the search, and further ones are left out of it.
That follows from the questions alone, so it tells nothing of a record.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from statistics import median

from gateway.accountability.rate_limits import AddressUse, QueryCharge, name_asker
from gateway.accountability.subject_buckets import person_keys
from gateway.ports import Transaction
from gateway.store.tables import flags, query_counts, similar_queries
from gateway.store.tables.query_counts import QueryCounter
from trust.agreements.enumeration import (
    A_MONTH,
    MOST_ADDRESSES,
    THRESHOLDS,
    Askers,
    Feature,
    Pattern,
    features,
)
from trust.evidence.leaf import subject_key
from trust.exchange.person import Subject
from trust.identifiers import RoleCode

OVER_BASELINE, ABSENCES, NEW_PRACTITIONERS = "over_baseline", "absences", "new_practitioners"
_ABSENT, _NEW = "*absent", "*new"
"""Counters of a whole agency; no role's code has an asterisk."""
_LEAST_UNUSUAL = 20
_TIMES_THE_USUAL = 4
_TIMES_THE_AGENCYS_USUAL = 3
_LEAST_DAYS_KNOWN = 5
_EVERY = 10
"""Daily counts are compared at each tenth question."""
_LEAST: Mapping[str, tuple[int, int]] = {_ABSENT: (100, 200), _NEW: (60, 60)}
"""From how many a day on a count is looked at: once the agency's usual is known, and before."""
_CODES: Mapping[str, str] = {_ABSENT: ABSENCES, _NEW: NEW_PRACTITIONERS}


class AddressLimitReached(Exception):
    """Other addresses of the person were counted while this one was searched; nothing was recorded."""


def build_charge(hmac_key: bytes, subject: Subject, *, agency: str, practitioner: str, role: RoleCode) -> QueryCharge:
    """Return a question as budgets and flags see it, with what it shares with others and with attempts to guess."""
    persons = person_keys(hmac_key, subject)
    askers = Askers(agency=agency, practitioner=name_asker(agency, practitioner))
    return QueryCharge(
        agency=agency,
        practitioner=practitioner,
        role=role,
        subject=subject_key(hmac_key, subject),
        persons=persons,
        features=features(hmac_key, subject, askers, persons),
    )


def address_use(tx: Transaction, features: tuple[Feature, ...], *, now: datetime) -> AddressUse:
    """Say whether the address takes part in the search, in a transaction that need not write."""
    about = {each.digest: each.value for each in features if each.pattern is Pattern.PERSON_ADDRESSES}
    addresses = similar_queries.values(tx, list(about), until=A_MONTH.counted(_day(now).toordinal()))
    is_over = any(len(earlier) >= MOST_ADDRESSES and about[each] not in earlier for each, earlier in addresses.items())
    return AddressUse.LEFT_OUT if is_over else AddressUse.COUNTED


def observe(tx: Transaction, query: QueryCharge, *, now: datetime) -> None:
    """Note one answered question and flag what it shows. Raises :class:`AddressLimitReached`."""
    for code in _signs(tx, query, now):
        flags.raise_flag(tx, code=code, asker=query.asker, at=now)
    day = _day(now)
    counters = [QueryCounter(agency=query.agency, counted=query.role, asker=query.asker)]
    if query.absent:
        counters.append(QueryCounter(agency=query.agency, counted=_ABSENT))
    today = dict(query_counts.count(tx, counters, day=day))
    if today[query.role] == 1 and not query_counts.earlier(tx, counters[0], day=day):
        today |= query_counts.count(tx, [QueryCounter(agency=query.agency, counted=_NEW)], day=day)
    _flag_unusual_practitioner(tx, counters[0], today[query.role], now)
    _flag_unusual_agency(tx, query.agency, today, now)


def _signs(tx: Transaction, query: QueryCharge, now: datetime) -> set[str]:
    """Note each value, and return the signs of the features that got one more."""
    day = _day(now).toordinal()
    noted = [
        (THRESHOLDS[each.pattern].window.until(day), each.digest, each.value)
        for each in query.features
        if each.pattern is not Pattern.PERSON_ADDRESSES or query.address is not AddressUse.LEFT_OUT
    ]
    more = similar_queries.record(tx, noted)
    signs: set[str] = {Pattern.PERSON_ADDRESSES} if query.address is AddressUse.LEFT_OUT else set()
    patterns = {each.digest: each.pattern for each in query.features if each.digest in more}
    until = {last for pattern in set(patterns.values()) for last in THRESHOLDS[pattern].window.counted(day)}
    for feature, values in similar_queries.count(tx, list(patterns), until=sorted(until)).items():
        if _is_reached(tx, patterns[feature], values, query, now):
            signs.add(patterns[feature])
    if Pattern.PERSON_ADDRESSES in signs and query.address is AddressUse.COUNTED:
        raise AddressLimitReached
    return signs


def _is_reached(tx: Transaction, pattern: Pattern, values: int, query: QueryCharge, now: datetime) -> bool:
    threshold = THRESHOLDS[pattern]
    if values < threshold.values or threshold.per is None:
        return values >= threshold.values
    return values >= query_counts.asked_by_agency(tx, agency=query.agency, day=_day(now)) // threshold.per


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _flag_unusual_practitioner(tx: Transaction, counter: QueryCounter, count: int, now: datetime) -> None:
    """Flag a practitioner who asks far more than the others in the role, or than before where there are no others."""
    if count < _LEAST_UNUSUAL or count % _EVERY:
        return
    day = _day(now)
    usual = query_counts.others(tx, counter, since=day - query_counts.USUAL_OVER)
    if len(usual) < _LEAST_DAYS_KNOWN:
        usual = query_counts.earlier(tx, counter, day=day)
    if len(usual) >= _LEAST_DAYS_KNOWN and count > _TIMES_THE_USUAL * median(usual):
        flags.raise_flag(tx, code=OVER_BASELINE, asker=counter.asker, at=now)


def _flag_unusual_agency(tx: Transaction, agency: str, today: Mapping[str, int], now: datetime) -> None:
    """Flag an agency that has far more absences or new practitioners than on its own days before."""
    day = _day(now)
    for word, (least, least_before) in _LEAST.items():
        count = today.get(word, 0)
        if count < least or count % _EVERY:
            continue
        usual = query_counts.earlier(tx, QueryCounter(agency=agency, counted=word), day=day)
        is_known = len(usual) >= _LEAST_DAYS_KNOWN
        if count >= (max(least, _TIMES_THE_AGENCYS_USUAL * median(usual)) if is_known else least_before):
            flags.raise_flag(tx, code=_CODES[word], asker=agency, at=now)
