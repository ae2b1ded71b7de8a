"""A token request is read in one way, or refused; no bytes do anything else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.oauth import forms
from gateway.oauth.errors import InvalidRequest
from gateway.oauth.forms import TokenCall

SENTENCES = {
    "The body is not a form of name=value pairs joined by '&', 16 at most.",
    "A parameter comes more than once.",
    "The parameter grant_type is missing.",
}
ENDPOINT = "https://council.example/oauth/v1/token"


def call(body: bytes, *, content_type: str = forms.CONTENT_TYPE, query: bytes = b"") -> TokenCall:
    return TokenCall(
        content_type=content_type, body=body, query=query, dpop=None, credentials=False, now=datetime.now(UTC)
    )


def test_parameters_are_decoded_once_and_empty_ones_count_as_absent() -> None:
    request = forms.read(ENDPOINT, call(b"grant_type=client_credentials&scope=&a=%26+%2525"))
    assert request.form == {"grant_type": "client_credentials", "a": "& %25"}
    assert request.payload.scope is None
    assert request.args == {}
    assert request.uri == ENDPOINT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"scope=x",
        b"grant_type",
        b"grant_type=",
        b"grant_type=a&&b=c",
        b"grant_type=a;b=c&d",
        b"grant_type=%ff",
        b"grant_type=\xc3\xa9",
        b"grant_type=a&grant_type=a",
        b"grant_type=a&grant%5Ftype=b",
        b"grant_type=a" + b"".join(b"&p%d=1" % n for n in range(16)),
        b'{"grant_type":"client_credentials"}',
    ],
)
def test_what_is_not_one_clear_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        forms.read(ENDPOINT, call(body))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    said = ""
    try:
        assert all(forms.read(ENDPOINT, call(body)).form.values())
    except InvalidRequest as refused:
        said = refused.description
    assert said in {"", *SENTENCES}
