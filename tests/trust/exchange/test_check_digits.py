"""Mistyped identifiers are told from possible ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.exchange.check_digits import LETTERS, nhs_number_ok, nino_ok, pnc_id_ok, upn_ok

# 9691292211 is the Department for Education's stub person; 943 476 5919 the NHS Data Dictionary's worked example.
NHS_NUMBERS = ["9691292211", "9434765919", "9449306494"]
# By hand: 2*2+4*7+9*1+10*6+12*4+13*9 = 266 = 11*23+13, and the letter at 13 is P; the last is a temporary number:
# 2*8+4*1+5*2+11*5+13*1 = 98 = 4*23+6, and the letter at 6 is G.
UPNS = ["P207000016049", "B801200005001", "G80120000050B"]
# Published test numbers of the Ministry of Justice's person record service.
PNC_IDS = ["2001/0171310W", "2011/0275516Q", "2008/0056560Z", "2003/0062845E", "1981/0154257C"]


@pytest.mark.parametrize("number", NHS_NUMBERS)
def test_an_nhs_number_with_its_check_digit_is_possible(number: str) -> None:
    assert nhs_number_ok(number)


@pytest.mark.parametrize("number", ["9691292212", "943476591", "94347659199", "943 476 5919", "\uff19434765919", ""])
def test_an_nhs_number_of_another_digit_length_or_script_is_not(number: str) -> None:
    assert not nhs_number_ok(number)


def test_an_nhs_number_whose_check_digit_would_be_ten_does_not_exist() -> None:
    # 000000006 gives 6*2 = 12, and 11 - 12 % 11 = 10.
    assert not any(nhs_number_ok(f"000000006{digit}") for digit in range(10))


@pytest.mark.parametrize("number", UPNS)
def test_a_upn_with_its_check_letter_is_possible(number: str) -> None:
    assert upn_ok(number)


@pytest.mark.parametrize("number", ["Q207000016049", "A801200005001", "I801200005001", "B80120000500", "B80120000500S"])
def test_a_upn_of_another_letter_or_form_is_not(number: str) -> None:
    assert not upn_ok(number)


@pytest.mark.parametrize("number", PNC_IDS)
def test_a_pnc_id_with_its_check_letter_is_possible(number: str) -> None:
    assert pnc_id_ok(number)


@pytest.mark.parametrize("number", ["2001/0171310X", "2001/171310W", "01/0171310W", "20010171310W", ""])
def test_a_pnc_id_of_another_letter_or_form_is_not(number: str) -> None:
    assert not pnc_id_ok(number)


@pytest.mark.parametrize("number", ["AB518427C", "OA000000D", "ZY999999A", "AB518427"])
def test_a_nino_of_an_issued_form_is_possible(number: str) -> None:
    assert nino_ok(number)


@pytest.mark.parametrize(
    "number", ["QQ123456C", "AO123456C", "GB123456A", "ZZ123456A", "AB518427E", "AB12345C", "DA123456A"]
)
def test_a_nino_of_a_form_never_issued_is_not(number: str) -> None:
    assert not nino_ok(number)


@given(number=st.sampled_from(NHS_NUMBERS), place=st.integers(0, 9), digit=st.sampled_from("0123456789"))
def test_one_wrong_digit_of_an_nhs_number_is_always_noticed(number: str, place: int, digit: str) -> None:
    changed = number[:place] + digit + number[place + 1 :]
    assert nhs_number_ok(changed) == (changed == number)


@given(number=st.sampled_from(UPNS[:2]), letter=st.sampled_from(LETTERS))
def test_only_one_letter_fits_a_upn(number: str, letter: str) -> None:
    assert upn_ok(letter + number[1:]) == (letter == number[0])


@given(text=st.text(max_size=15))
def test_any_text_gets_an_answer(text: str) -> None:
    for check in (nhs_number_ok, upn_ok, nino_ok, pnc_id_ok):
        assert check(text) in (True, False)
