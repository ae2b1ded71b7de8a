"""A person's description is normalised once, and its faults are all named without being repeated."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.exchange.examples import NHS_NUMBER, NINO, PNC_ID, SUBJECT, UPN
from tests.trust.exchange.strategies import changed, objects
from trust.errors import TrustError
from trust.exchange.errors import MalformedSubject, SubjectTooVague
from trust.exchange.person import (
    Address,
    Name,
    Subject,
    check_birth_date,
    enough_to_go_on,
    for_holder,
    parse_description,
    parse_subject,
    subject_to_json,
    without_stand_ins,
    would_settle,
)
from trust.exchange.person_identifiers import IDENTIFIERS, normal_pnc_id
from trust.exchange.subject_members import MEMBERS, enough_members

FULL = replace(SUBJECT, upn=UPN, nino=NINO, pnc_id=PNC_ID, address_restricted=True)

IN_A_CLAUSE = st.sampled_from(sorted(MEMBERS))


def faults_of(obj: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(MalformedSubject) as refused:
        parse_subject(obj, this_year=2026)
    return {fault.path: fault.problem for fault in refused.value.faults}


def test_what_is_written_is_read_back_the_same() -> None:
    assert parse_subject(subject_to_json(FULL), this_year=2026) == FULL
    assert subject_to_json(Subject()) == {}
    assert parse_subject({}, this_year=2026) == Subject()


def test_spaces_and_case_are_normalised_at_the_edge() -> None:
    subject = parse_subject(
        {
            "nhs_number": "943 476 5919",
            "upn": " p207000016049",
            "nino": "ab 51 84 27 c",
            "pnc_id": "01/171310w",
            "family_name": "  O\u2019Grady   Vane ",
            "given_names": "Zoe\u0308",
            "address": {"uprn": "000012345", "postcode": "ze71qb"},
        },
        this_year=2026,
    )
    assert subject.nhs_number == NHS_NUMBER
    assert (subject.upn, subject.nino, subject.pnc_id) == (UPN, NINO, PNC_ID)
    assert (subject.family_name, subject.given_names) == ("O\u2019Grady Vane", "Zo\u00eb")
    assert subject.address == Address(uprn="12345", postcode="ZE7 1QB")


def test_a_two_digit_year_of_a_pnc_id_is_taken_from_the_right_century() -> None:
    assert normal_pnc_id("81/154257c", this_year=2026) == "1981/0154257C"
    assert normal_pnc_id("not one", this_year=2026) == "NOTONE"


def left_out_of(obj: dict[str, Any]) -> set[str]:
    described = parse_description(obj, this_year=2026)
    return {fault.path for fault in described.left_out}


@pytest.mark.holds("A73")
def test_stand_ins_are_left_out_and_told_and_the_rest_is_read() -> None:
    obj = {
        "nhs_number": "999 999 9999",
        "nhs_number_verified": True,
        "upn": "A000000000000",
        "nino": "AA000000A",
        "pnc_id": "0000/0000000Z",
        "family_name": "Quillfeather",
        "address": {"uprn": "0", "postcode": "ZZ99 3VZ"},
    }
    assert parse_subject(obj, this_year=2026) == Subject(family_name="Quillfeather")
    assert left_out_of(obj) == {
        *("subject.nhs_number", "subject.upn", "subject.nino", "subject.pnc_id"),
        *("subject.address.uprn", "subject.address.postcode"),
    }


@pytest.mark.parametrize(
    "postcode", ["BFPO 57", "ASCN 1ZZ", "ZZZSECUR", "D02 X285", "75008", "E1 6ANX", "Singapore 049315"]
)
def test_a_postcode_that_is_none_costs_itself_and_not_the_question(postcode: str) -> None:
    obj = {"nhs_number": NHS_NUMBER, "address": {"postcode": postcode, "uprn": "10001234567"}}
    assert parse_subject(obj, this_year=2026).address == Address(uprn="10001234567")
    assert left_out_of(obj) == {"subject.address.postcode"}


def test_a_temporary_national_insurance_number_is_refused_with_what_to_do() -> None:
    assert "leave it out" in faults_of({"nino": "TN231104M"})["subject.nino"]
    assert "slip of the pen" in faults_of({"nino": "GB518427A"})["subject.nino"]
    assert parse_subject({"nino": "ab 51 84 27"}, this_year=2026).nino == "AB518427"


def test_names_lose_what_no_one_sees_and_keep_what_may_not_be_there() -> None:
    subject = parse_subject(
        {"family_name": "Quill\u200bfeather", "aliases": [{"given_names": "\ufb01nn\u2060"}]}, this_year=2026
    )
    assert subject == Subject(family_name="Quillfeather", aliases=(Name(given_names="finn"),))
    assert set(faults_of({"family_name": "Quill\u202efeather"})) == {"subject.family_name"}
    assert set(faults_of({"given_names": "\ufdfa" * 20})) == {"subject.given_names"}  # each is eighteen characters


@pytest.mark.holds("A73")
@pytest.mark.parametrize(
    "subject",
    [
        Subject(nhs_number="9999999999"),
        Subject(family_name="Quillfeather", given_names="Baby", birth_date=date(2001, 1, 1)),
        Subject(family_name="Unknown", given_names="Ada", birth_date=date(2001, 1, 1)),
        Subject(family_name="Not known", birth_date=date(2001, 1, 1), address=Address(uprn="7")),
    ],
)
def test_a_stand_in_does_not_make_a_description_enough(subject: Subject) -> None:
    with pytest.raises(SubjectTooVague):
        enough_to_go_on(subject)


@pytest.mark.holds("A73")
def test_a_source_is_not_searched_by_a_stand_in() -> None:
    asked = Subject(nhs_number="0000000000", upn=UPN, birth_date=date(2001, 1, 1))
    assert without_stand_ins(asked) == replace(asked, nhs_number=None)
    assert without_stand_ins(FULL) is FULL


def test_every_fault_is_named_at_once_and_no_value_is_repeated() -> None:
    canaries = ["9434765918", "ZZ518427A", "Canary\x1b[31m", "1999-02-30", "E1 6ANX", "dragon"]
    obj = {
        "nhs_number": canaries[0],
        "nino": canaries[1],
        "family_name": canaries[2],
        "birth_date": canaries[3],
        "address": {"postcode": canaries[4], "street": "Canary Row"},
        "gender": canaries[5],
        "aliases": [{}, {"family_name": 7}],
        "address_restricted": "yes",
        "shoe_size": 43,
    }
    with pytest.raises(MalformedSubject) as refused:
        parse_subject(obj, this_year=2026)
    paths = {fault.path for fault in refused.value.faults}
    assert paths == {
        "subject.nhs_number",
        "subject.nino",
        "subject.family_name",
        "subject.birth_date",
        "subject.address.street",
        "subject.gender",
        "subject.aliases[0]",
        "subject.aliases[1].family_name",
        "subject.aliases[1]",
        "subject.address_restricted",
        "subject.shoe_size",
    }
    assert not any(canary in refused.value.detail for canary in (*canaries, "Canary Row", "43"))


def test_a_member_name_that_could_be_content_is_not_repeated_either() -> None:
    assert set(faults_of({"Corvin Thistlethwaite": True})) == {"subject.(a member whose name is not plain)"}


def test_a_number_cannot_be_verified_that_is_not_there() -> None:
    assert "subject.nhs_number_verified" in faults_of({"nhs_number_verified": True})


def test_an_address_without_content_is_a_fault() -> None:
    assert "subject.address" in faults_of({"address": {}})
    assert "subject.family_name" in faults_of({"family_name": "   "})


def test_a_description_never_shows_itself_in_a_traceback() -> None:
    shown = repr(FULL)
    assert "Thistlethwaite" not in shown
    assert NHS_NUMBER not in shown
    assert "nhs_number" in shown


@pytest.mark.parametrize(
    "subject",
    [
        Subject(nhs_number=NHS_NUMBER),
        Subject(upn=UPN),
        Subject(family_name="Quillfeather", given_names="Ada", birth_date=date(2001, 1, 1)),
        Subject(family_name="Quillfeather", birth_date=date(2001, 1, 1), address=Address(postcode="ZE7 1QB")),
    ],
)
def test_an_identifier_or_a_full_name_and_birth_date_is_enough_to_go_on(subject: Subject) -> None:
    enough_to_go_on(subject)


@pytest.mark.parametrize(
    "subject",
    [
        Subject(),
        Subject(family_name="Quillfeather", given_names="Ada"),
        Subject(family_name="Quillfeather", birth_date=date(2001, 1, 1)),
        Subject(given_names="Ada", birth_date=date(2001, 1, 1), address=Address(postcode="ZE7 1QB")),
        Subject(aliases=(Name(family_name="Quillfeather"),)),
    ],
)
def test_less_is_refused_with_what_to_add(subject: Subject) -> None:
    with pytest.raises(SubjectTooVague, match="NHS number"):
        enough_to_go_on(subject)


ALL = replace(FULL, aliases=(Name(family_name="Vane"),), address_restricted=False)


@pytest.mark.holds("A48")
@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("jobcentre", {"nino"}),
        ("police", {"pnc_id"}),
        ("youth-justice", {"pnc_id"}),
        ("school", {"upn"}),
        ("college", {"upn"}),
        ("social-care", {"nhs_number", "upn"}),
        ("social_care", {"nhs_number", "upn"}),
        ("family-support", {"upn"}),
        ("mental-health", {"nhs_number"}),
        ("housing", set()),
        ("money-advice", set()),
        ("anything-else", set()),
    ],
)
def test_a_holder_gets_only_the_identifiers_that_are_its_business(kind: str, kept: set[str]) -> None:
    narrowed = for_holder(ALL, kind)
    assert {name for name in IDENTIFIERS if getattr(narrowed, name)} == kept
    assert narrowed.nhs_number_verified == ("nhs_number" in kept and ALL.nhs_number_verified)


@pytest.mark.holds("A48")
def test_by_default_no_former_name_no_property_and_no_mark_of_a_restricted_address_goes() -> None:
    for kind in ("housing", "mental-health", "police", "social-care"):
        told = for_holder(replace(ALL, address_restricted=True), kind)
        assert (told.aliases, told.address_restricted, told.address) == ((), False, None)
    address = for_holder(ALL, "housing").address
    assert address == Address(postcode="ZE7 1QB")


def test_a_postcode_goes_by_default_only_where_no_identifier_does() -> None:
    assert for_holder(ALL, "mental-health").address is None
    assert for_holder(replace(ALL, nhs_number=None), "mental-health").address == Address(postcode="ZE7 1QB")


def test_a_clause_lists_what_goes_instead() -> None:
    listed = frozenset({"nhs_number", "family_name", "birth_date", "uprn", "aliases"})
    told = for_holder(ALL, "housing", listed)
    assert told == Subject(
        nhs_number=ALL.nhs_number,
        nhs_number_verified=ALL.nhs_number_verified,
        family_name=ALL.family_name,
        birth_date=ALL.birth_date,
        address=Address(uprn="100012345678"),
        aliases=ALL.aliases,
    )


@pytest.mark.holds("A48")
@pytest.mark.parametrize(
    ("name", "kind"), [("nino", "police"), ("pnc_id", "jobcentre"), ("upn", "housing"), ("nino", "mental-health")]
)
def test_no_clause_sends_an_identifier_beyond_its_sector(name: str, kind: str) -> None:
    assert getattr(for_holder(ALL, kind, MEMBERS), name) is None


@pytest.mark.holds("A47")
@given(kind=st.sampled_from(["police", "housing", "social-care", "x"]), listed=st.none() | st.frozensets(IN_A_CLAUSE))
def test_a_restricted_address_goes_to_no_holder(kind: str, listed: frozenset[str] | None) -> None:
    assert for_holder(replace(ALL, address_restricted=True), kind, listed).address is None


@given(
    kind=st.sampled_from(["jobcentre", "police", "school", "social-care", "mental-health", "housing", "x"]),
    listed=st.none() | st.frozensets(IN_A_CLAUSE),
    missing=st.sets(st.sampled_from(["nhs_number", "upn", "nino", "pnc_id", "address", "gender"])),
)
def test_a_holder_that_cuts_again_cuts_nothing_more(
    kind: str, listed: frozenset[str] | None, missing: set[str]
) -> None:
    stated = subject_to_json(ALL)
    known = parse_subject(
        {name: stated[name] for name in stated.keys() - {*missing, "nhs_number_verified"}}, this_year=2026
    )
    told = for_holder(known, kind, listed)
    assert for_holder(told, kind, listed) == told


@given(members=st.frozensets(IN_A_CLAUSE))
def test_what_a_clause_may_list_is_what_describes_a_person(members: frozenset[str]) -> None:
    told = for_holder(replace(ALL, nino=None, pnc_id=None, upn=None), "x", members - {"nino", "pnc_id", "upn"})
    try:
        enough_to_go_on(told)
    except SubjectTooVague:
        assert not enough_members(members - {"nino", "pnc_id", "upn"})
    else:
        assert enough_members(members - {"nino", "pnc_id", "upn"})


def test_a_birth_date_must_lie_in_the_past_and_within_a_life() -> None:
    today = date(2026, 9, 1)
    check_birth_date(Subject(), today=today)
    check_birth_date(Subject(birth_date=today), today=today)
    for wrong in (date(2026, 9, 2), date(1889, 1, 1)):
        with pytest.raises(MalformedSubject, match="birth_date"):
            check_birth_date(Subject(birth_date=wrong), today=today)


@given(obj=objects(*subject_to_json(FULL)) | changed(subject_to_json(FULL)))
def test_any_object_gives_a_subject_or_a_refusal(obj: dict[str, Any]) -> None:
    try:
        subject = parse_subject(obj, this_year=2026)
    except TrustError:
        return
    assert parse_subject(subject_to_json(subject), this_year=2026) == subject


@pytest.mark.parametrize(
    ("known", "kind", "listed", "settle"),
    [
        (ALL, "housing", None, ()),
        (replace(ALL, address=None), "housing", None, ("postcode",)),
        (replace(ALL, address=None, birth_date=None), "housing", None, ("birth_date", "postcode")),
        (replace(ALL, address=None, address_restricted=True), "housing", None, ()),
        (replace(ALL, nhs_number=None, nhs_number_verified=False), "mental-health", None, ("nhs_number",)),
        (replace(ALL, address=None), "mental-health", None, ()),
        (replace(ALL, nino=None), "jobcentre", None, ("nino",)),
        (replace(ALL, nino=None), "housing", None, ()),
        (replace(ALL, address=None), "housing", {"family_name", "birth_date", "uprn"}, ("uprn",)),
    ],
)
def test_what_would_settle_a_doubt_is_what_was_left_out_and_may_be_sent(
    known: Subject, kind: str, listed: set[str] | None, settle: tuple[str, ...]
) -> None:
    assert would_settle(known, kind, listed) == settle


def test_a_stand_in_identifier_does_not_keep_the_postcode_back() -> None:
    told = for_holder(replace(ALL, nhs_number="9999999999", nhs_number_verified=False), "mental-health")
    assert ALL.address is not None
    assert told.address == Address(postcode=ALL.address.postcode)


def test_without_the_present_year_a_short_pnc_id_is_refused() -> None:
    assert parse_subject({"pnc_id": "2004/0012345D"}).pnc_id == "2004/0012345D"
    with pytest.raises(MalformedSubject):
        parse_subject({"pnc_id": "04/0012345D"})
