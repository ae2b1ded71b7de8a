"""A home is told by its postcode or UPRN; what stands where there is none tells nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.exchange.addresses import holds_postcode, home_postcode, institution_key, normal_postcode, normal_uprn

_AREAS = (
    "AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY "
    "G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR "
    "NW OL OX PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA "
    "WC WD WF WN WR WS WV YO ZE"
)
AREAS = frozenset(_AREAS.split())


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
        *("UN1 1AA", "N0 1AA", "A1 1AA", "NK1 1AA", "TE5 7NG", "VV1 1AA", "AB1 2CD", "AB1 1AB", "LS01 4AP", "ZX1 1AA"),
        *("LS1A 1AA", "WC1 1AA", "HX12 1AA", "LL5 1AA", "KT21 1JC", "GIR 0AA", "LS100 1AA", "Q1 1AA"),
        *("75008", "H0H 0H0", "Singapore 049315", "NFA", "Unknown", "N/A", "-", "", "LS1"),
    ],
)
def test_a_postcode_without_homes_is_none(written: str) -> None:
    assert home_postcode(written) is None


@pytest.mark.holds("A73")
@given(area=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=2))
def test_only_the_areas_that_exist_have_homes(area: str) -> None:
    assert (home_postcode(f"{area}4 1QB") is not None) is (area in AREAS - {"AB", "LL", "SO", "WC"})
    assert (home_postcode(f"{area}0 1QB") is not None) is (
        area in {"BL", "BS", "CM", "CR", "FY", "HA", "PR", "SL", "SS"}
    )
    assert area in AREAS or not any(home_postcode(f"{area}{district} 1QB") for district in range(100))


@pytest.mark.parametrize(
    "written",
    [
        *(
            "M1 1AE",
            "B33 8TH",
            "CR2 6XH",
            "DN55 1PT",
            "W1A 0AX",
            "EC1A 1BB",
            "SW1A 2AA",
            "WC2H 9JQ",
            "E1W 2BA",
            "N1C 4AG",
        ),
        *(
            "BS0 1QB",
            "AB10 1AB",
            "SO14 7DW",
            "JE2 3AB",
            "GY1 1AA",
            "IM1 1AA",
            "ZE1 0AA",
            "BT1 5GS",
            "SE1P 5LX",
            "NW1W 8JR",
        ),
    ],
)
def test_homes_of_every_form_of_district_are_homes(written: str) -> None:
    assert home_postcode(written) == written


@pytest.mark.parametrize("written", ["10001234567", "010001234567", " 10001234567 ", "10001234567.0", "10001234567.00"])
def test_a_uprn_is_written_without_padding(written: str) -> None:
    assert normal_uprn(written) == "10001234567"


@pytest.mark.holds("A73")
@pytest.mark.parametrize(
    "written",
    [
        "0",
        "000000000000",
        "999999999999",
        "111111",
        "123456789012",
        "",
        "-",
        "N/A",
        "1.5",
        "1" * 13,
        "1e10",
        "123456",
        "100000000000",
    ],
)
def test_a_uprn_that_stands_for_none_is_none(written: str) -> None:
    assert normal_uprn(written) is None


def test_the_short_uprns_of_one_city_are_issued() -> None:
    assert normal_uprn("7") == "7"


def test_an_institution_is_named_by_postcode_or_uprn() -> None:
    assert institution_key("ze7 1qb") == "ZE71QB"
    assert institution_key("0999000000017") == "999000000017"
    assert institution_key("ZZ99 3VZ") is None


@pytest.mark.parametrize(
    "text",
    ["ZE7 1QB", "at ze71qb, Harbour Row", "(ZE7-1QB)", "Z\uff257 1QB", "ZE7 1\u200bQB", "first ZZ99 3VZ, then ZE7 1QB"],
)
def test_a_postcode_is_found_in_a_text(text: str) -> None:
    assert holds_postcode(text)


@pytest.mark.parametrize("text", ["", "ZZ99 3VZ", "case AB12345CD", "form P45 1AC", "on 7 September", "ref XZE7 1QBX"])
def test_a_text_without_a_home_has_none(text: str) -> None:
    assert not holds_postcode(text)


@given(text=st.text(max_size=30))
def test_any_text_gets_an_answer_that_stays(text: str) -> None:
    for read in (home_postcode, normal_uprn):
        once = read(text)
        assert once is None or read(once) == once
