"""Every name has one accepted spelling."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trust.errors import MalformedClaims, TrustError
from trust.identifiers import (
    ServiceRef,
    parse_code,
    parse_endpoint,
    parse_entity_id,
    parse_service_ref,
    parse_slug,
)

COUNCIL = parse_entity_id("https://council.example")


@pytest.mark.parametrize(
    "text",
    [
        "https://council.example",
        "https://node.council.example",
        "https://council.example:8443",
        "https://council.example:4430",
        "https://xn--bcher-kva.example",
        "https://a1-b.example/federation/v1.0",
    ],
)
def test_a_plain_https_address_is_an_entity(text: str) -> None:
    assert parse_entity_id(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "http://council.example",
        "https://council",
        "https://localhost",
        "https://council.example/",
        "https://council.example//a",
        "https://council.example/../a",
        "https://council.example/a/.",
        "https://council.example/%61",
        "https://council.example?x",
        "https://council.example#x",
        "https://user@council.example",
        "https://user:pw@council.example",
        "https://COUNCIL.example",
        "HTTPS://council.example",
        "https://council.example.",
        "https://-council.example",
        "https://council-.example",
        "https://council..example",
        "https://127.0.0.1",
        "https://0x7f.1",
        "https://2130706433",
        "https://council.123",
        "https://[::1]",
        "https://council.example:443",
        "https://council.example:0",
        "https://council.example:65536",
        "https://council.example:08443",
        "https://council.example:",
        "https://council.example\n",
        "https://council.example\\@evil.example",
        "https://cou_ncil.example",
        "https://bücher.example",
        "https://council.exampl\u212a",
        " https://council.example",
        "https://" + "a." * 130 + "example",
        "",
    ],
)
def test_anything_that_another_parser_might_read_otherwise_is_not(text: str) -> None:
    with pytest.raises(MalformedClaims):
        parse_entity_id(text)


@pytest.mark.parametrize("text", ["money-advice", "a", "team1"])
def test_a_slug_is_lower_case_words(text: str) -> None:
    assert parse_slug(text) == text


@pytest.mark.parametrize("text", ["", "Money", "money--advice", "-a", "a-", "a.b", "a_b", "a b", "é", "a" * 65, "a\n"])
def test_nothing_else_is_a_slug(text: str) -> None:
    with pytest.raises(MalformedClaims):
        parse_slug(text)


def test_a_code_may_have_dots() -> None:
    assert parse_code("involvement.query") == "involvement.query"
    for text in ("involvement..query", ".a", "a.", "A.b", "a" * 65):
        with pytest.raises(MalformedClaims):
            parse_code(text)


def test_a_service_is_written_and_read_in_one_way() -> None:
    service = ServiceRef(entity=COUNCIL, service=parse_slug("money-advice"))
    assert str(service) == "https://council.example#money-advice"
    assert parse_service_ref(str(service)) == service
    for text in ("https://council.example", "https://council.example#", "https://council.example#a#b"):
        with pytest.raises(MalformedClaims):
            parse_service_ref(text)


def test_an_endpoint_at_the_entitys_own_host_is_accepted() -> None:
    assert parse_endpoint("https://council.example/peer/messages", entity=COUNCIL)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/peer/messages",
        "https://council.example.evil.example/x",
        "https://evil.example/council.example",
        "https://council.example:8443/x",
        "https://council.example@evil.example/x",
        "http://council.example/x",
        "https://council.example/x?y=https://evil.example",
        "https://sub.council.example/x",
    ],
)
def test_an_endpoint_elsewhere_is_refused(text: str) -> None:
    with pytest.raises(MalformedClaims):
        parse_endpoint(text, entity=COUNCIL)


@given(st.text(max_size=60))
def test_any_text_gives_a_name_or_a_refusal(text: str) -> None:
    for parse in (parse_entity_id, parse_slug, parse_code, parse_service_ref):
        with suppress(TrustError):
            parse(text)
