"""The rules about addresses against an oracle that was written from the IANA registries and knows nothing of ours."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.peers.ssrf import AddressRefused, check_internal, check_public, lies_within
from tests.support.iana import METADATA, REGISTRY, Address, carries_ipv4, is_reachable

STRICTER = tuple(
    ip_network(block)
    for block in (
        "192.0.0.9/32",
        "192.0.0.10/32",
        "2001::/23",
        "3ffe::/16",
    )  # anycast services; a returned test network
)
"""What the registries call reachable and no agency's node has for an address."""


def _edges() -> list[Address]:
    """Return the first and last address of every registered block, and their neighbours outside."""
    numbers = {
        (block.version, int(edge) + step)
        for block in (*REGISTRY, *STRICTER)
        for edge, step in ((block[0], -1), (block[0], 0), (block[-1], 0), (block[-1], 1))
    }
    return [
        IPv4Address(number) if version == 4 else IPv6Address(number)
        for version, number in sorted(numbers)
        if 0 <= number < 2 ** (32 if version == 4 else 128)
    ]


EDGES = _edges()
IPV4 = st.integers(0, 2**32 - 1).map(IPv4Address)
INSIDE = st.sampled_from(list(REGISTRY)).flatmap(
    lambda block: st.integers(0, block.num_addresses - 1).map(lambda offset: block[offset])
)
EMBEDDINGS = {
    "mapped": lambda low: (0xFFFF << 32) | low,
    "compatible": lambda low: low,
    "translated": lambda low: (0xFFFF << 48) | low,
    "nat64": lambda low: (0x64FF9B << 96) | low,
    "local nat64": lambda low: (0x64FF9B0001 << 80) | low,
    "6to4": lambda low: (0x2002 << 112) | (low << 80) | 1,
    "teredo": lambda low: (0x20010000 << 96) | (low << 64) | (low ^ 0xFFFFFFFF),
    "isatap": lambda low: (0x26064700 << 96) | (0x5EFE << 32) | low,
    "isatap, global": lambda low: (0x26064700 << 96) | (0x02005EFE << 32) | low,
}
IPV6 = st.one_of(
    st.integers(0, 2**128 - 1).map(IPv6Address),
    st.integers(2**125, 2**126 - 1).map(IPv6Address),
    st.tuples(st.sampled_from(list(EMBEDDINGS.values())), st.integers(2, 2**32 - 1)).map(
        lambda pair: IPv6Address(pair[0](pair[1]))
    ),
)
ANY = st.one_of(IPV4, IPV6, INSIDE, st.sampled_from(EDGES), st.sampled_from(sorted(METADATA, key=str)))


def allowed(address: Address) -> bool:
    try:
        check_public(str(address))
    except AddressRefused:
        return False
    return True


def may_be_reached(address: Address) -> bool:
    return is_reachable(address) and not carries_ipv4(address) and address not in METADATA


@pytest.mark.holds("A34")
@settings(max_examples=1500)
@given(ANY)
def test_what_is_allowed_is_exactly_what_the_registries_give_to_the_public(address: Address) -> None:
    stricter = any(address in block for block in STRICTER)
    assert allowed(address) == (may_be_reached(address) and not stricter)


@pytest.mark.holds("A34")
def test_every_edge_of_every_registered_block_is_on_its_right_side() -> None:
    wrong = [
        str(address)
        for address in EDGES
        if allowed(address) != (may_be_reached(address) and not any(address in block for block in STRICTER))
    ]
    assert wrong == []


@pytest.mark.holds("A34")
@pytest.mark.parametrize("embedding", EMBEDDINGS)
@pytest.mark.parametrize("low", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "192.168.1.1", "1.1.1.1"])
def test_no_embedded_ipv4_address_is_allowed_public_or_not(embedding: str, low: str) -> None:
    assert not allowed(IPv6Address(EMBEDDINGS[embedding](int(IPv4Address(low)))))


# ---- a peer's own private networks


PRIVATE = [
    ip_network(block) for block in ("10.20.30.0/28", "100.64.7.0/24", "100.100.100.0/24", "fd12:3456:789a:1::/64")
]


@pytest.mark.parametrize("address", ["10.20.30.0", "10.20.30.15", "100.64.7.9", "fd12:3456:789a:1::5"])
def test_an_address_in_a_peers_own_network_is_its_own(address: str) -> None:
    assert lies_within(address, PRIVATE)


@pytest.mark.parametrize(
    "address",
    ["10.20.30.16", "10.20.29.255", "fd12:3456:789a:2::5", "1.1.1.1", "::ffff:10.20.30.1", "64:ff9b::a14:1e01"],
)
def test_an_address_beside_it_is_not(address: str) -> None:
    assert not lies_within(address, PRIVATE)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_loopback_is_in_no_network_under_any_setting(address: str) -> None:
    assert not lies_within(address, [ip_network("0.0.0.0/0"), ip_network("::/0")])


@pytest.mark.holds("A34")
@pytest.mark.parametrize(
    "address",
    [*map(str, sorted(METADATA, key=str)), "fe80::1", "169.254.7.7", "fd12:3456:789a:1:0:5efe:169.254.169.254"],
)
def test_a_metadata_service_is_refused_in_any_network(address: str) -> None:
    with pytest.raises(AddressRefused):
        lies_within(address, [ip_network("0.0.0.0/0"), ip_network("::/0")])


@given(ANY)
def test_what_no_configuration_may_name_is_not_public_either(address: Address) -> None:
    try:
        check_internal(str(address))
    except AddressRefused:
        assert not allowed(ip_address(str(address)))
