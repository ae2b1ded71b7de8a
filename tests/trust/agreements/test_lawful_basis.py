"""The legal register is dated, sourced, placed, and says what is not yet certain."""

from dataclasses import replace
from datetime import date

import pytest

from trust.agreements.bodies import PublicBody
from trust.agreements.lawful_basis import (
    REGISTER,
    LegalPart,
    UnknownBasis,
    extends_to,
    law_sentence,
    lookup,
    not_in_force,
)
from trust.agreements.legal_entry import Commencement, UkNation
from trust.agreements.legal_register import digest_of, register_digest
from trust.agreements.legal_register_devolved import NORTHERN_IRELAND, SCOTLAND, WALES
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
NOT_COMMENCED = {"ca2004-s16la", "cypsa2014-s26", "hsa2025-s52"}


def test_every_entry_can_be_cited_and_checked() -> None:
    for entry in REGISTER:
        assert parse_code(entry.code) == entry.code
        assert entry.title
        assert entry.power
        assert entry.relied_on_by
        assert entry.source
        assert entry.extent
        assert entry.commencements
        for each in entry.commencements:
            assert each.on is None or entry.enacted is None or each.on >= entry.enacted
            assert each.bodies <= frozenset(PublicBody)


def test_what_counsel_has_not_confirmed_is_marked() -> None:
    devolved = {entry.code for entry in (*WALES, *SCOTLAND, *NORTHERN_IRELAND)}
    unconfirmed = {entry.code for entry in REGISTER if not entry.confirmed}
    assert unconfirmed == DOUBTED | devolved | {"ca2004-s16la"}


def test_consent_is_needed_by_four_rules_and_no_more() -> None:
    assert {entry.code for entry in REGISTER if entry.consent_needed} == {
        "6-1-a",
        "9-2-a",
        "ha1996-s213b",
        "confidentiality.consent",
    }


def test_no_entry_takes_royal_assent_for_commencement() -> None:
    """Only a provision that lets ministers make regulations is in force from the day on which its Act was passed."""
    for entry in REGISTER:
        assert entry.enacted is None or entry.in_force_from != entry.enacted, entry.code
    assert {entry.code for entry in REGISTER if entry.in_force_from is None} == NOT_COMMENCED


def test_what_is_enacted_and_not_commenced_is_named_with_its_days() -> None:
    duty = lookup("ca2004-s16la", TODAY)
    assert duty.enacted == date(2026, 4, 29)
    assert not duty.confirmed
    for day in (date(2026, 4, 29), date(2026, 9, 30), date(2030, 1, 1)):
        reason = not_in_force(lookup("ca2004-s16la", day), day)
        assert "enacted on 2026-04-29 and is not in force: no day is appointed by regulations" in reason
        assert "(2026-09-30 was announced, to be confirmed)" in reason
    with pytest.raises(UnknownBasis, match="2026-04-29"):
        lookup("ca2004-s16la", date(2026, 4, 28))


def test_a_law_is_in_force_from_its_day() -> None:
    assert "in force only from 2026-02-05" in not_in_force(lookup("6-1-ea", date(2026, 2, 4)), date(2026, 2, 4))
    assert not_in_force(lookup("6-1-ea", date(2026, 2, 5)), date(2026, 2, 5)) == ""
    assert lookup("6-1-ea", date(2026, 2, 5)).part is LegalPart.LAWFUL_BASIS
    encompass = lookup("daa2021-s49a", TODAY)
    assert encompass.in_force_from == date(2025, 11, 7)
    assert "SI 2025/1168" in encompass.source
    assert not_in_force(lookup("dpa2018-s164a", date(2026, 6, 18)), date(2026, 6, 18)).endswith("2026-06-19")


def test_commencement_may_differ_by_purpose() -> None:
    """The power to make regulations, which no service relies on, came first."""
    partners = lookup("ca2004-s16e", TODAY)
    assert [each.on for each in partners.commencements] == [date(2018, 3, 19), date(2018, 6, 29)]
    assert partners.in_force_from == date(2018, 6, 29)


def test_commencement_may_differ_by_body() -> None:
    police, schools = frozenset({PublicBody.POLICE}), frozenset({PublicBody.EDUCATION})
    staged = replace(
        lookup("ca2004-s16la", TODAY),
        commencements=(
            Commencement(on=date(2026, 9, 30), purpose="police", bodies=police),
            Commencement(on=date(2027, 4, 1), purpose="schools", bodies=schools),
        ),
    )
    assert not_in_force(staged, date(2026, 10, 1), police) == ""
    assert "in force only from 2027-04-01" in not_in_force(staged, date(2026, 10, 1), schools)
    assert "no day is appointed" in not_in_force(staged, date(2028, 1, 1), frozenset({PublicBody.HEALTH}))


def test_every_nation_has_powers_of_its_own() -> None:
    for nation in UkNation:
        assert [
            entry
            for entry in REGISTER
            if entry.part is LegalPart.POWER and entry.extent == {nation} and entry.in_force(TODAY)
        ]
    assert not extends_to(lookup("ca2004-s10", TODAY), frozenset({UkNation.SCOTLAND}))
    assert extends_to(lookup("ca1989-s47", TODAY), frozenset({UkNation.SCOTLAND, UkNation.WALES}))
    assert extends_to(lookup("ca2004-s10", TODAY), frozenset())


def test_conditions_that_hold_only_with_a_policy_document_are_marked() -> None:
    assert {entry.code for entry in REGISTER if entry.policy_document} == {
        f"dpa2018-sch1-{paragraph}" for paragraph in (1, 6, 10, 18)
    }
    assert not lookup("dpa2018-sch1-2", TODAY).policy_document


def test_the_digest_of_the_register_counts_every_fact() -> None:
    assert register_digest() == digest_of(reversed(REGISTER))
    first, *rest = REGISTER
    for changed in (
        replace(first, confirmed=not first.confirmed),
        replace(first, extent=frozenset({UkNation.WALES})),
        replace(first, policy_document=True),
        replace(first, commencements=(*first.commencements, Commencement(on=None))),
    ):
        assert digest_of([changed, *rest]) != register_digest()


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
