"""Identifiers have one normal form, and what stands where there is none is recognised."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.trust.exchange.examples import NHS_NUMBER, NINO, PNC_ID, UPN
from trust.exchange.check_digits import LETTERS, nhs_number_ok, pnc_id_ok, upn_ok
from trust.exchange.person_identifiers import (
    IDENTIFIERS,
    identifier_evidence,
    is_stand_in,
    normal_identifier,
    normal_pnc_id,
    read_identifier,
)

REAL = {"nhs_number": NHS_NUMBER, "upn": UPN, "nino": NINO, "pnc_id": PNC_ID}
KEYED_IN = [
    *(("nhs_number", str(digit) * 10) for digit in range(10)),
    ("nhs_number", "0123456789"),
    ("nhs_number", "9876543210"),
    ("nhs_number", "0000000019"),
    ("upn", "A000000000000"),
    ("upn", "P000000000001"),
    ("nino", "AA000000A"),
    ("nino", "AA111111A"),
    ("nino", "ZY999999"),
    ("pnc_id", "0000/0000000Z"),
    ("pnc_id", "2000/0000000Z"),
    *(("nhs_number", number) for number in ("1231231238", "1000000001", "9999999980", "1234567881", "1111111200")),
    *(("nino", number) for number in ("AB123456C", "AB123456", "AA123456A", "JT654321B", "CE121212D", "AB123123")),
    *(("nino", number) for number in ("JT000001A", "JT100000", "AB112233C", "AB123321C", "XG999998A")),
    *(("upn", number) for number in ("N99900000000A", "L801000000001", "C801123456789", "L123412341234")),
]
TELLING = {"nhs_number": 9, "upn": 11, "nino": 6, "pnc_id": 7}
"""Digits that are chosen freely in each kind of number."""
A_STEP = 61_803_398_877
"""A step from number to number by which they are spread evenly, for any length."""


def upns(digits: str) -> list[str]:
    return [letter + digits for letter in LETTERS if upn_ok(letter + digits)]


@pytest.mark.holds("A73")
@pytest.mark.parametrize(("field", "number"), KEYED_IN)
def test_a_number_that_is_keyed_in_for_none_passes_its_check_and_is_no_evidence(field: str, number: str) -> None:
    assert IDENTIFIERS[field](number)
    assert is_stand_in(field, number)
    assert identifier_evidence(field, number) is None


@pytest.mark.holds("A73")
@given(digit=st.sampled_from("0123456789"), year=st.integers(0, 9999), prefix=st.sampled_from(["AA", "JT", "ZY"]))
def test_one_digit_throughout_is_a_stand_in_in_every_identifier(digit: str, year: int, prefix: str) -> None:
    numbers = [("nhs_number", digit * 10), ("nino", f"{prefix}{digit * 6}A"), ("nino", prefix + digit * 6)]
    numbers += [("upn", number) for number in (*upns(digit * 12), *upns(digit * 11 + "B"))]
    numbers += [("pnc_id", f"{year:04}/{digit * 7}{letter}") for letter in LETTERS]
    assert all(identifier_evidence(field, number) is None for field, number in numbers)


@pytest.mark.holds("A73")
@given(year=st.integers(1900, 2026))
def test_a_serial_number_in_a_pattern_is_a_stand_in_in_every_year(year: int) -> None:
    for serial in ("1234567", "0000001", "1000000", "9999999", "9999998", "1231231", "1212121", "7654321"):
        (number,) = [f"{year}/{serial}{letter}" for letter in LETTERS if pnc_id_ok(f"{year}/{serial}{letter}")]
        assert is_stand_in("pnc_id", number)
        assert identifier_evidence("pnc_id", number) is None


@pytest.mark.parametrize("field", IDENTIFIERS)
def test_few_of_the_numbers_that_can_be_issued_are_stand_ins(field: str) -> None:
    size = TELLING[field]
    numbers = (valid(field, f"{each * A_STEP % 10**size:0{size}}") for each in range(20_000))
    assert sum(identifier_evidence(field, number) is None for number in numbers if number) <= 10


def valid(field: str, digits: str) -> str | None:
    """Return a number of that kind with these digits, where there is one."""
    forms = {
        "nhs_number": [f"4{digits[1:]}{check}" for check in range(10)],
        "upn": [f"{letter}8{digits}" for letter in LETTERS],
        "nino": [f"JT{digits}C"],
        "pnc_id": [f"2001/{digits}{letter}" for letter in LETTERS],
    }
    return next((number for number in forms[field] if IDENTIFIERS[field](number)), None)


def test_most_test_numbers_of_the_nhs_are_evidence() -> None:
    serials = range(1, 1_000_000, 97)
    numbers = [valid_test_number(serial) for serial in serials]
    assert sum(identifier_evidence("nhs_number", number) is None for number in numbers if number) <= 10


def valid_test_number(serial: int) -> str | None:
    """Return the NHS number of the test range with this serial number, where there is one."""
    numbers = (f"999{serial:06}{check}" for check in range(10))
    return next((number for number in numbers if nhs_number_ok(number)), None)


@pytest.mark.parametrize("text", ["UNKNOWN", "N/A", "none", "-", "0", "000", "99999", "XXXXXXXXXX", "1234567890"])
def test_a_word_or_digit_for_none_is_a_stand_in_of_every_field(text: str) -> None:
    for field in IDENTIFIERS:
        assert is_stand_in(field, normal_identifier(text))


@pytest.mark.parametrize(("field", "number"), [*REAL.items(), ("nhs_number", "943476591"), ("upn", "H80120000100")])
def test_a_real_number_and_a_slip_of_the_pen_are_no_stand_ins(field: str, number: str) -> None:
    assert not is_stand_in(field, number)


@pytest.mark.parametrize(
    "written",
    [
        "943 476 5919",
        "943-476-5919",
        "943\u00a0476\u00a05919",
        "943\u200d4765919\ufeff",
        " 9434765919.",
        "'9434765919",
        "(943) 476 5919",
        '="9434765919"',
        "9434765919*",
        "943,476,5919",
        "943\u00b7476\u00b75919",
    ],
)
def test_spaces_dashes_and_what_no_one_sees_are_left_out(written: str) -> None:
    assert normal_identifier(written) == NHS_NUMBER
    assert identifier_evidence("nhs_number", written) == NHS_NUMBER


def test_full_width_digits_are_digits() -> None:
    assert normal_identifier("\uff19\uff14\uff13\uff14\uff17\uff16\uff15\uff19\uff11\uff19") == NHS_NUMBER


@pytest.mark.parametrize(
    ("written", "full"),
    [
        ("47/171310n", "1947/0171310N"),
        ("47171310N", "1947/0171310N"),
        ("25/171310X", "2025/0171310X"),
        ("01171310W", "2001/0171310W"),
        ("2001171310W", "2001/0171310W"),
        ("20010171310w", "2001/0171310W"),
        ("2001 / 171310 W", "2001/0171310W"),
        ("not one", "NOTONE"),
    ],
)
def test_a_pnc_id_is_completed(written: str, full: str) -> None:
    assert normal_pnc_id(written, this_year=2026) == full


@given(year=st.integers(1927, 2026), serial=st.integers(1, 9_999_999))
def test_every_short_form_of_a_pnc_id_is_read_back(year: int, serial: int) -> None:
    (full,) = [f"{year}/{serial:07}{letter}" for letter in LETTERS if pnc_id_ok(f"{year}/{serial:07}{letter}")]
    letter, short = full[-1], f"{year % 100:02}/{serial}{full[-1]}"
    assert normal_pnc_id(short, this_year=2026) == full
    assert normal_pnc_id(full.replace("/", ""), this_year=2026) == full
    assert normal_pnc_id(f"{year % 100:02}{serial:07}{letter}", this_year=2026) in {full, *_also_fits(full)}


def _also_fits(full: str) -> list[str]:
    """Return the other reading of nine digits, which one letter in 23 fits as well."""
    digits = full[2:4] + full[5:-1]
    other = f"{digits[:4]}/{digits[4:]:0>7}{full[-1]}"
    return [other] if pnc_id_ok(other) else []


def test_the_century_of_a_short_pnc_id_is_settled_by_the_present_year() -> None:
    assert normal_pnc_id("27/171310D", this_year=2026) == "1927/0171310D"
    assert normal_pnc_id("27/171310D", this_year=2027) == "2027/0171310D"


def test_a_national_insurance_number_is_compared_without_its_suffix() -> None:
    assert {identifier_evidence("nino", text) for text in ("AB518427C", "AB 51 84 27", "ab518427d")} == {"AB518427"}


@given(text=st.text(max_size=40))
@example(text="R\u200b\u0327")
@example(text="\u0149\u200b\u0301")
def test_any_text_has_a_normal_form_that_stays(text: str) -> None:
    for field in IDENTIFIERS:
        once = read_identifier(field, text, this_year=2026)
        assert read_identifier(field, once, this_year=2026) == once
        is_stand_in(field, once)
        identifier_evidence(field, text)


def test_a_number_that_can_have_been_issued_is_evidence() -> None:
    assert nhs_number_ok("9998135745")
    assert [identifier_evidence(field, number) for field, number in REAL.items()] == [
        NHS_NUMBER, UPN, NINO[:8], PNC_ID,
    ]  # fmt: skip
