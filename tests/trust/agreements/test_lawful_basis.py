"""The legal register is dated, sourced, and says what is not yet certain."""

from datetime import date

import pytest

from trust.agreements.lawful_basis import REGISTER, LegalPart, UnknownBasis, law_sentence, lookup
from trust.identifiers import parse_code

TODAY = date(2026, 9, 1)
DOUBTED = {
    "dpa2018-part3",
    "careact2014-s6",
    "careact2014-s7",
    "careact2014-s42",
    "careact2014-s45",
    "daa2021-s3",
    "dea2017-part5",
    "hsca2012-s251b",
    "wra2012-s130-131",
    "ssaa1992-s123",
    "cja2003-s325",
}


def test_every_entry_can_be_cited_and_checked() -> None:
    for entry in REGISTER:
        assert parse_code(entry.code) == entry.code
        assert entry.title
        assert entry.power
        assert entry.relied_on_by
        assert entry.source


def test_what_counsel_has_not_confirmed_is_marked() -> None:
    unconfirmed = {entry.code for entry in REGISTER if not entry.confirmed}
    assert unconfirmed == DOUBTED | {"ca2004-s16la"}


def test_consent_is_needed_by_four_rules_and_no_more() -> None:
    assert {entry.code for entry in REGISTER if entry.consent_needed} == {
        "6-1-a",
        "9-2-a",
        "ha1996-s213b",
        "confidentiality.consent",
    }


def test_a_code_is_looked_up_as_the_law_stood_on_the_day() -> None:
    with pytest.raises(UnknownBasis, match="2026-02-05"):
        lookup("6-1-ea", date(2026, 2, 4))
    assert lookup("6-1-ea", date(2026, 2, 5)).part is LegalPart.LAWFUL_BASIS
    with pytest.raises(UnknownBasis, match="2026-06-19"):
        lookup("dpa2018-s164a", date(2026, 6, 18))


def test_an_unknown_code_is_refused_without_repeating_what_is_not_a_code() -> None:
    with pytest.raises(UnknownBasis, match="not a plain identifier"):
        lookup("Corvin Thistlethwaite", TODAY)


def test_the_footing_is_said_in_one_sentence() -> None:
    assert law_sentence(["6-1-e", "9-2-g", "ca2004-s10"], TODAY) == (
        "Shared under UK GDPR Article 6(1)(e) (a task in the public interest or official authority), UK GDPR Article "
        "9(2)(g) (substantial public interest) and Children Act 2004, section 10 (co-operation to improve the "
        "well-being of children)."
    )


def test_doubt_is_part_of_the_sentence() -> None:
    assert law_sentence(["careact2014-s42"], TODAY).endswith("Some of this is still to be confirmed by counsel.")
