"""One document has one spelling, also where the key's holder signs another one."""

import json
from itertools import count
from typing import Any

import pytest

from tests.trust.jose_examples import CLAIMS, GOOD, MINE, TYP, opened, with_header
from tests.trust.makers import b64, compact, header
from trust.errors import (
    BadSignature,
    ForbiddenAlgorithm,
    ForbiddenHeader,
    MalformedClaims,
    MalformedJson,
    MalformedToken,
    TrustError,
    UnknownKey,
)

PLAIN = json.dumps(header(MINE, TYP)).encode()
HEADER, PAYLOAD, SIGNATURE = GOOD.split(b".")


def signed_as(encoded_header: bytes, encoded_payload: bytes) -> bytes:
    """Sign two segments as they are."""
    signing_input = encoded_header + b"." + encoded_payload
    return signing_input + b"." + b64(MINE.sign(signing_input))


def padded_to(document: bytes, rest: int) -> bytes:
    """Add spaces until so many bytes are left over by base64's groups of three."""
    return document + b" " * ((rest - len(document)) % 3)


def respelt(document: bytes) -> list[bytes]:
    """Give other encodings that a lenient decoder reads as the same document."""
    plain = b64(document)
    half = len(plain) // 2
    one_over, two_over = b64(padded_to(document, 1)), b64(padded_to(document, 2))
    return [
        one_over + b"==",
        two_over + b"=",
        one_over[:-1] + bytes([one_over[-1] + 1]),
        two_over[:-1] + bytes([two_over[-1] + 1]),
        b" " + plain,
        plain + b"\n",
        plain[:half] + b"\r\n" + plain[half:],
        plain[:half] + b"?" + plain[half:],
        plain[:half] + b"####" + plain[half:],
        plain + b"\0",
        plain[:half] + b"%" + plain[half:].hex().encode(),
    ]


def test_segments_signed_as_they_are_open() -> None:
    assert opened(signed_as(b64(PLAIN), PAYLOAD)).claims == CLAIMS
    for rest in (0, 1, 2):
        assert opened(signed_as(b64(padded_to(PLAIN, rest)), PAYLOAD)).claims == CLAIMS


@pytest.mark.parametrize("encoded", respelt(PLAIN))
def test_another_encoding_of_the_header_is_refused_though_signed(encoded: bytes) -> None:
    with pytest.raises(MalformedToken):
        opened(signed_as(encoded, PAYLOAD))


@pytest.mark.parametrize("encoded", respelt(json.dumps(CLAIMS).encode()))
def test_another_encoding_of_the_payload_is_refused_though_signed(encoded: bytes) -> None:
    with pytest.raises(MalformedToken):
        opened(signed_as(HEADER, encoded))


def test_the_standard_alphabet_is_another_encoding() -> None:
    document = json.dumps({"iss": "???>>>???>>>"}).encode()
    plain = b64(document)
    assert opened(signed_as(HEADER, plain)).claims == {"iss": "???>>>???>>>"}
    for ours, theirs in ((b"_", b"/"), (b"-", b"+")):
        assert ours in plain
        with pytest.raises(MalformedToken):
            opened(signed_as(HEADER, plain.replace(ours, theirs)))


@pytest.mark.parametrize(
    "document",
    [
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.decode().encode("utf-16"),
        PLAIN + b"\0",
        PLAIN + b"{}",
        PLAIN + PLAIN,
        b"[" + PLAIN + b"]",
        json.dumps(PLAIN.decode()).encode(),
        PLAIN[:-1] + b",}",
        PLAIN + b"// none",
        PLAIN.replace(b'"', b"'"),
        PLAIN[:-1] + b',"\\u0061lg":"none"}',
        PLAIN[:-1] + b',"\\u0061lg":"ES256"}',
        b'{"\\u0061lg":"none",' + PLAIN[1:],
        PLAIN[:-1] + b',"k\\u0069d":"other"}',
    ],
)
def test_a_header_that_two_parsers_read_differently_is_refused_though_signed(document: bytes) -> None:
    with pytest.raises(MalformedJson):
        opened(signed_as(b64(document), PAYLOAD))


def test_an_escaped_name_is_the_name_itself() -> None:
    assert opened(signed_as(b64(PLAIN.replace(b'"alg"', b'"\\u0061lg"')), PAYLOAD)).claims == CLAIMS
    escaped: list[tuple[bytes, bytes, type[TrustError]]] = [
        (b'"ES256"', b'"\\u006eone"', ForbiddenAlgorithm),
        (b"}", b',"jk\\u0075":"https://evil.example"}', ForbiddenHeader),
        (b"}", b',"cr\\u0069t":["exp"]}', ForbiddenHeader),
        (b'"alg"', b'"alg\\u0000"', ForbiddenAlgorithm),
        (b'"alg"', b'"ALG"', ForbiddenAlgorithm),
    ]
    for old, new, refusal in escaped:
        with pytest.raises(refusal):
            opened(signed_as(b64(PLAIN.replace(old, new)), PAYLOAD))


def test_no_other_serialization_is_a_token() -> None:
    protected, payload, signature = (each.decode() for each in GOOD.split(b"."))
    flattened: dict[str, Any] = {"protected": protected, "payload": payload, "signature": signature}
    general = {"payload": payload, "signatures": [{"protected": protected, "signature": signature}] * 2}
    for written in (
        flattened,
        general,
        {**flattened, "header": {"x": "a.b.c"}},
        {**flattened, "header": {"alg": "none"}},
    ):
        with pytest.raises(MalformedToken):
            opened(json.dumps(written).encode())
    for raw in (b'"' + GOOD + b'"', GOOD + b"~", GOOD + b"~WyJhIl0~", b"Bearer " + GOOD, GOOD + b"," + GOOD):
        with pytest.raises(MalformedToken):
            opened(raw)


def test_a_payload_is_neither_left_out_nor_sent_as_it_is() -> None:
    """RFC 7515 appendix F and RFC 7797."""
    with pytest.raises(BadSignature):
        opened(HEADER + b".." + SIGNATURE)
    bare = json.dumps(header(MINE, TYP, b64=False, crit=["b64"])).encode()
    for payload in (b"plain text", json.dumps(CLAIMS).encode().replace(b".", b"")):
        with pytest.raises(ForbiddenHeader):
            opened(signed_as(b64(bare), payload))


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/etc/passwd",
        "x' OR '1'='1",
        "x' UNION SELECT 'key'; --",
        "https://evil.example/key",
        "$(id)",
        "|id",
        MINE.kid + "\0",
        MINE.kid + " ",
        MINE.kid.lower(),
        "0",
    ],
    ids=count(),  # the key's own id differs in each process
)
def test_a_key_id_is_compared_and_nothing_else(kid: str) -> None:
    with pytest.raises((UnknownKey, MalformedClaims)):
        opened(with_header(kid=kid))


def test_what_the_header_says_is_the_signers_own_word() -> None:
    """The same payload under the header of another document by the same key is not signed."""
    other = compact(header(MINE, TYP, cty="JWT"), CLAIMS, MINE).split(b".")
    with pytest.raises(BadSignature):
        opened(b".".join([other[0], PAYLOAD, SIGNATURE]))
