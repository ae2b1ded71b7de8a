"""The search finds every spelling that reading takes for one identifier, with separators at any place."""

from contextlib import closing

import pysqlite3.dbapi2 as sqlite
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sources.spellings import family_name_spellings, identifier_spellings, whole_number, with_its_zero
from adapters.sources.terms import SqliteTerms, like
from trust.exchange.check_digits import nhs_number_ok
from trust.exchange.person_identifiers import normal_identifier, normal_pnc_id

SEPARATORS = st.text(
    "\t\n\r -./'_\\\u00a0\u2007\u2009\u200b\u200c\u200d\u2011\u2013\u202f\u2060\u3000\ufeff", max_size=3
)


def plain_form(held: object) -> object:
    statement = f"SELECT {SqliteTerms().plain_form('held')} FROM (SELECT ? AS held)"  # noqa: S608 - our own expression
    with closing(sqlite.connect(":memory:")) as connection:
        (form,) = connection.execute(statement, [held]).fetchone()
    return form


@given(st.from_regex(r"[0-9]{10}|[A-Z][0-9]{12}|[A-Za-z]{2}[0-9]{6}[A-D]", fullmatch=True), st.data())
def test_any_separators_are_taken_out(number: str, data: st.DataObject) -> None:
    held = "".join(data.draw(SEPARATORS) + char for char in number) + data.draw(SEPARATORS)
    if normal_identifier(held) == number.upper():
        assert plain_form(held) == number.upper()


@pytest.mark.parametrize("held", [9434765919, 9434765919.0, "9434765919.0", "9434765919.0000", "9434765919"])
def test_a_number_is_its_digits(held: object) -> None:
    assert plain_form(held) in identifier_spellings("nhs_number", "9434765919")


@pytest.mark.parametrize("held", ["0105201006", 105201006, 105201006.0, "105201006", "105 201 006", "105201006.00"])
def test_a_number_may_have_lost_its_zero(held: object) -> None:
    assert plain_form(held) in identifier_spellings("nhs_number", "0105201006")


@given(st.from_regex(r"[0-9]{1,11}", fullmatch=True))
def test_a_zero_is_put_back_where_the_check_digit_holds_and_nowhere_else(number: str) -> None:
    whole = with_its_zero(number)
    assert whole == number or (whole == f"0{number}" and nhs_number_ok(whole))
    if not number.startswith("0"):
        assert number in identifier_spellings("nhs_number", whole)
        assert with_its_zero(whole) == whole


@pytest.mark.parametrize("keyed", ["123456789", "321098765", "901234567"])
def test_a_run_of_nine_digits_gets_no_zero(keyed: str) -> None:
    assert nhs_number_ok(f"0{keyed}")
    assert with_its_zero(keyed) == keyed


@given(st.from_regex(r"(19[5-9][0-9]|20[0-2][0-9])/[0-9]{7}[A-Z]", fullmatch=True))
def test_a_pnc_id_is_found_in_every_form_that_is_read_as_it(value: str) -> None:
    year, rest = value.split("/")
    serial = rest[:-1].lstrip("0") or "0"
    for held in (value, f"{year[2:]}/{rest}", f"{year}/{serial}{rest[-1]}", f"{year[2:]}/{serial}{rest[-1]}"):
        if normal_pnc_id(held, this_year=2026) == value:
            assert plain_form(held) in identifier_spellings("pnc_id", value)


def test_lists_of_spellings_are_bounded() -> None:
    assert len(family_name_spellings("O'Hara-Smith-O'Neill")) <= 64
    assert len(identifier_spellings("nhs_number", "0105201006")) <= 10


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("-7", -7),
        ("0", 0),
        ("07", None),
        ("7.0", None),
        ("", None),
        ("9" * 19, None),
        ("\u0667", None),
        ("--7", None),
    ],
)
def test_a_number_is_one_only_in_its_own_form(text: str, number: int | None) -> None:
    assert whole_number(text) == number


@given(st.text(max_size=5), st.text(max_size=5))
def test_a_pattern_finds_what_begins_with_it(beginning: str, rest: str) -> None:
    with closing(sqlite.connect(":memory:")) as connection:
        held = beginning + rest
        if "\0" not in held and held.isprintable():
            (found,) = connection.execute("SELECT ? LIKE ? ESCAPE '!'", [held, like(beginning)]).fetchone()
            assert found
