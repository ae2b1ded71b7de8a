"""Invented Children in Need censuses and allocation tables, small enough to read."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from adapters.contract import Adapter, Deadline
from adapters.matching.decide import match
from adapters.sectors.social_care_import import ImportReport
from trust.exchange.check_digits import upn_ok
from trust.exchange.involvement import Involvement
from trust.exchange.person import Subject

REDUCED = Path(__file__).parents[2] / "config" / "schemas" / "cin-census-reduced.xsd"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
UPN = next(upn for upn in (f"{letter}20126601400{end}" for letter in "ABCDE" for end in range(10)) if upn_ok(upn))
OCTAVIA = Subject(upn=UPN, family_name="Chislett", given_names="Octavia", birth_date=date(2008, 9, 20))

HEADER = (
    "LAchildID,FamilyName,GivenNames,NHSNumber,WorkerRole,WorkerName,WorkerPhone,"
    "Team,TeamDutyPhone,AllocatedTo,LastContact"
)
OCTAVIA_ROW = "C1,Chislett,Octavia,9691292211,Social worker,Alex Patel,01632 960 001,North,01632 960 002,,2026-10-31"


def child(local_id: str, *cases: str, upn: str = "", born: str = "2008-09-20") -> str:
    """Write one child, on one line."""
    upn_element = f"<UPN>{upn}</UPN>" if upn else ""
    return (
        f"<Child><ChildIdentifiers><LAchildID>{local_id}</LAchildID>{upn_element}"
        f"<PersonBirthDate>{born}</PersonBirthDate><GenderCurrent>2</GenderCurrent></ChildIdentifiers>"
        f"<ChildCharacteristics><Ethnicity>NOBT</Ethnicity></ChildCharacteristics>{''.join(cases)}</Child>\n"
    )


def case(*, referred: str = "2024-02-01", closed: str = "", nfa: str = "false", plans: str = "", cpp: str = "") -> str:
    """Write one ``CINdetails``."""
    closing = f"<CINclosureDate>{closed}</CINclosureDate>" if closed else ""
    return (
        f"<CINdetails><CINreferralDate>{referred}</CINreferralDate><ReferralSource>1A</ReferralSource>"
        f"{closing}{plans}<ReferralNFA>{nfa}</ReferralNFA>{cpp}</CINdetails>"
    )


def census(*children: str, year: str = "2022") -> str:
    """Write a census; its first child stands on line 3."""
    return (
        f"<Message><Header><CollectionDetails><Year>{year}</Year></CollectionDetails></Header>\n"
        f"<Children>\n{''.join(children)}</Children></Message>"
    )


RunImport = Callable[[str, Sequence[str]], ImportReport]
"""Import a census (XML) and the rows of an allocation table (CSV, without its header)."""


def involvements(adapter: Adapter, subject: Subject, deadline: Deadline) -> Sequence[Involvement]:
    """Match a person and return their involvements, as a node does."""
    assert adapter.involvement is not None
    found = match(subject, adapter.involvement.find(subject, deadline=deadline))
    return adapter.involvement.involvements(found.ref, deadline=deadline) if found.ref else ()
