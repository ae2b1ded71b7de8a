"""Claims are typed, bounded and named in refusals; times are checked alike for every type."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.trust.makers import NOW, NOW_S
from trust import claims
from trust.errors import Expired, LivesTooLong, MalformedClaims, NotYetValid, TooOld

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    "value", [None, 7, True, [], {}, "", "x" * 11, "a\nb", "a\x1b[2J", "a\u2028b", "a\u202eb", "\x85"]
)
def test_a_text_is_a_short_printable_one(value: object) -> None:
    with pytest.raises(MalformedClaims, match="'name'"):
        claims.require_str({"name": value}, "name", max_len=10)


def test_a_text_may_have_any_script() -> None:
    assert claims.require_str({"name": "Zoë 花"}, "name") == "Zoë 花"


def test_an_absent_claim_is_not_a_null_one() -> None:
    assert claims.optional_str({}, "name") is None
    assert claims.optional_object({}, "name") is None
    with pytest.raises(MalformedClaims):
        claims.optional_str({"name": None}, "name")
    with pytest.raises(MalformedClaims):
        claims.optional_object({"name": None}, "name")


@pytest.mark.parametrize("read", [claims.require_str, claims.require_int, claims.require_object])
def test_what_is_left_out_is_said_to_be_missing(read: Callable[[dict[str, object], str], object]) -> None:
    with pytest.raises(MalformedClaims) as refusal:
        read({}, "auth_time")
    assert refusal.value.detail == "'auth_time' is missing."


@pytest.mark.parametrize("value", [None, True, False, "1", 1.0, -1, 11, [1]])
def test_a_number_is_whole_and_within_bounds(value: object) -> None:
    with pytest.raises(MalformedClaims, match="'n'"):
        claims.require_int({"n": value}, "n", maximum=10)


@pytest.mark.parametrize("value", [None, "a", {}, [], ["a", "a"], ["a", 1], ["a"] * 4, ["a", ""]])
def test_a_list_of_texts_has_different_texts(value: object) -> None:
    with pytest.raises(MalformedClaims, match="'list'"):
        claims.require_str_list({"list": value}, "list", min_items=1, max_items=3)


def test_every_unknown_member_is_named_and_none_that_could_be_personal() -> None:
    with pytest.raises(MalformedClaims) as refusal:
        claims.refuse_unknown({"a": 1, "b": 1, "c": 1, "Jane Doe": 1, "AB518427C": 1}, ("a",), within="The body")
    hidden = "(a member whose name is not plain)"
    assert refusal.value.detail == f"The body must not have the members {hidden}, {hidden}, b, c."


def times(**changed: object) -> dict[str, object]:
    return {name: value for name, value in ({"iat": NOW_S, "exp": NOW_S + 60} | changed).items() if value != "absent"}


def test_good_times_are_given_as_utc() -> None:
    assert claims.check_times(times(), now=NOW, max_life=MINUTE) == claims.Times(iat=NOW, exp=NOW + MINUTE)


@pytest.mark.holds("A21")
@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("value", ["absent", None, True, "1", 1.5, -1, 253402300800, 2**60])
def test_a_time_that_is_missing_or_no_time_is_refused(name: str, value: object) -> None:
    with pytest.raises(MalformedClaims, match=name):
        claims.check_times(times(**{name: value}), now=NOW, max_life=MINUTE)


@pytest.mark.holds("A21")
@pytest.mark.parametrize("ahead", [61, 3600, 315_576_000])
def test_an_exp_in_the_far_future_is_refused(ahead: int) -> None:
    with pytest.raises(LivesTooLong):
        claims.check_times(times(exp=NOW_S + ahead), now=NOW, max_life=MINUTE)


def test_what_expires_now_has_expired() -> None:
    body = times(iat=NOW_S - 60, exp=NOW_S)
    with pytest.raises(Expired):
        claims.check_times(body, now=NOW, max_life=MINUTE)
    assert claims.check_times(body, now=NOW - timedelta(seconds=1), max_life=MINUTE).exp > NOW - MINUTE


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_clock_may_be_ten_seconds_ahead(name: str) -> None:
    assert claims.check_times(times(**{name: NOW_S + 10}), now=NOW, max_life=MINUTE).exp > NOW - MINUTE
    with pytest.raises(NotYetValid):
        claims.check_times(times(**{name: NOW_S + 11}), now=NOW, max_life=MINUTE)


@pytest.mark.parametrize("exp", [NOW_S, NOW_S - 1])
def test_exp_must_be_after_iat(exp: int) -> None:
    with pytest.raises(MalformedClaims, match="later"):
        claims.check_times(times(exp=exp), now=NOW, max_life=MINUTE)


def test_what_has_no_exp_has_a_greatest_age() -> None:
    assert claims.check_issued({"iat": NOW_S - 60}, now=NOW, max_age=MINUTE) == NOW - MINUTE
    with pytest.raises(TooOld):
        claims.check_issued({"iat": NOW_S - 61}, now=NOW, max_age=MINUTE)


def test_a_digest_is_sha_256_in_base64url() -> None:
    assert claims.digest(b"abc") == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"  # FIPS 180-4's example


def test_seconds_are_rounded_down_and_need_a_zone() -> None:
    assert claims.to_seconds(NOW + timedelta(milliseconds=999)) == NOW_S
    assert claims.from_seconds(NOW_S) == NOW
    with pytest.raises(ValueError, match="zone"):
        claims.to_seconds(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))
