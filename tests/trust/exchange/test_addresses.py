"""A home is told by its postcode or UPRN; what stands where there is none tells nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.exchange.addresses import home_postcode, institution_key, normal_postcode, normal_uprn


@pytest.mark.parametrize(
    "written", ["kt21 1ja", "KT211JA", " KT21  1JA ", "KT21-1JA", "KT21\u00a01JA", "KT21\u200b1JA"]
)
def test_a_postcode_is_written_one_way(written: str) -> None:
    assert home_postcode(written) == normal_postcode(written) == "KT21 1JA"


@pytest.mark.holds("A73")
@pytest.mark.parametrize(
    "written",
    [
        *("ZZ99 3VZ", "zz993wz", "ZZ99 3CZ", "ZZ99 9ZZ", "XX1 1XX", "AA1 1AA", "EH99 1SP", "BX1 1LT"),
        *("BFPO 57", "BF1 2AT", "ASCN 1ZZ", "FIQQ 1ZZ", "GX11 1AA", "AI-2640", "ZZZSECUR", "D02 X285", "A65 F4E2"),
        *("75008", "H0H 0H0", "Singapore 049315", "NFA", "Unknown", "N/A", "-", "", "LS1"),
    ],
)
def test_a_postcode_without_homes_is_none(written: str) -> None:
    assert home_postcode(written) is None


@pytest.mark.parametrize("written", ["10001234567", "010001234567", " 10001234567 ", "10001234567.0", "10001234567.00"])
def test_a_uprn_is_written_without_padding(written: str) -> None:
    assert normal_uprn(written) == "10001234567"


@pytest.mark.holds("A73")
@pytest.mark.parametrize(
    "written", ["0", "000000000000", "999999999999", "111111", "123456789012", "", "-", "N/A", "1.5", "1" * 13, "1e10"]
)
def test_a_uprn_that_stands_for_none_is_none(written: str) -> None:
    assert normal_uprn(written) is None


def test_the_short_uprns_of_one_city_are_issued() -> None:
    assert normal_uprn("7") == "7"


def test_an_institution_is_named_by_postcode_or_uprn() -> None:
    assert institution_key("zx4 1qb") == "ZX41QB"
    assert institution_key("0999000000017") == "999000000017"
    assert institution_key("ZZ99 3VZ") is None


@given(text=st.text(max_size=30))
def test_any_text_gets_an_answer_that_stays(text: str) -> None:
    for read in (home_postcode, normal_uprn):
        once = read(text)
        assert once is None or read(once) == once
