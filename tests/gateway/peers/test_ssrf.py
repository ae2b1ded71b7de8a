"""URLs and addresses that are allowed, and those that are not."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.peers.ssrf import (
    AddressRefused,
    UrlRefused,
    check_internal,
    check_public,
    parse_host_address,
    parse_url,
)
from gateway.ports import TransportError

PUBLIC = ["1.1.1.1", "151.101.0.81", "2606:4700:4700::1111", "2a00:1450:4009:81f::200e"]
FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:1.1.1.1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::a9fe:a9fe",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "3ffe::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "4000::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    check_public(address)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_every_other_address_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused):
        check_public(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.7.1", "fd12:3456::1", "1.1.1.1"])
def test_a_configuration_may_name_an_internal_address(address: str) -> None:
    check_internal(address)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
        "fe80::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "fd12::5efe:169.254.169.254",
    ],
)
def test_no_configuration_may_name_a_metadata_service(address: str) -> None:
    with pytest.raises(AddressRefused):
        check_internal(address)


def test_a_plain_url_is_read_as_written() -> None:
    url = parse_url("https://council.example/federation/v1/fetch?sub=https://police.example", with_port=False)
    assert (url.host, url.port) == ("council.example", 443)
    assert url.target == "/federation/v1/fetch?sub=https://police.example"
    assert parse_url("https://council.example", with_port=False).target == "/"


def test_a_case_systems_url_may_have_a_port() -> None:
    assert parse_url("https://registry.council.example:8443/api", with_port=True).port == 8443
    with pytest.raises(UrlRefused):
        parse_url("https://registry.council.example:65536/api", with_port=True)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (lambda: parse_url("https://" + text, with_port=True), lambda: parse_host_address(text)):
        with suppress(TransportError):
            read()


def test_an_exception_is_an_exact_address_and_port() -> None:
    assert parse_host_address("127.0.0.1:8443").port == 8443
    assert parse_host_address("[::1]:8443").address == "::1"
    for wrong in ("127.0.0.1", "council.example:8443", "127.0.0.1:0", "127.0.0.1:65536", "169.254.169.254:80"):
        with pytest.raises(AddressRefused):
            parse_host_address(wrong)
