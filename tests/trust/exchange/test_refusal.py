"""A refusal reads the same for every kind of exchange."""

from typing import Any

import pytest
from hypothesis import given

from tests.trust.exchange.strategies import changed, objects
from trust.errors import TrustError
from trust.exchange.refusal import Refusal, build_refusal_body, is_refusal, parse_refusal_body

REFUSAL = Refusal(code="unsupported_version", reason="Not spoken here.", remedy="Send 1.", supported_versions=(1, 2))


@pytest.mark.parametrize("refusal", [REFUSAL, Refusal(code="no_agreement", reason="None.", remedy="Sign one.")])
def test_a_refusal_is_read_back_as_it_was_written(refusal: Refusal) -> None:
    body = build_refusal_body(refusal)
    assert is_refusal(body)
    assert parse_refusal_body(body) == refusal


@given(body=objects("status", "reason", "supported_versions") | changed(build_refusal_body(REFUSAL)))
def test_any_body_gives_a_refusal_or_is_refused(body: dict[str, Any]) -> None:
    is_refusal(body)
    try:
        parse_refusal_body(body)
    except TrustError:
        return
