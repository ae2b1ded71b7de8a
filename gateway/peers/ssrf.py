"""Addresses that may be connected to: the rules of the profile's section 5, without any I/O.

The list of what may be reached is closed. IPv4 is everything outside the blocks below; IPv6 is global unicast only,
less the blocks below. Both follow the IANA special-purpose address registries (RFC 6890) rather than
``ipaddress.is_global``, which in Python 3.11 takes several of these blocks for global.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from gateway.ports import TransportError

HTTPS_PORT = 443
MAX_URL = 2048
_HIGHEST_PORT = 65_535

_URL = re.compile(
    r"https://(?P<host>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?)",
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_TOP_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")

_IPV4_REFUSED = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network, and "unspecified"
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT; one cloud's metadata service is 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own wire server, in public space
        "169.254.0.0/16",  # link-local; most clouds' metadata service is 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; one cloud's metadata service is 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_IPV6_GLOBAL_UNICAST = IPv6Network("2000::/3")
_IPV6_REFUSED = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments: Teredo (embeds IPv4), benchmarking, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 (embeds IPv4)
        "3ffe::/16",  # returned test network
        "3fff::/20",  # documentation
    )
)
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})  # RFC 5214 section 6.1: an IPv4 address in the interface identifier

_LOOPBACK = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NEVER = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("168.63.129.16/32"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("100.100.100.200/32"),
    IPv4Network("192.0.0.192/32"),
    IPv4Network("224.0.0.0/3"),
    IPv6Network("::/128"),
    IPv6Network("fd00:ec2::254/128"),
    IPv6Network("fd20:ce::254/128"),
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
)
"""Metadata services, link-local, multicast and unspecified: refused even where private networks are allowed."""


Network = IPv4Network | IPv6Network


class AddressRefused(TransportError):
    """The name leads to an address that this node does not connect to."""


class UrlRefused(TransportError):
    """The URL is not one that this node fetches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAddress:
    """An exact numeric address and port."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsUrl:
    """An https URL that was read by one strict expression. ``port`` is 443 unless the URL states one."""

    host: str
    port: int
    target: str


def parse_url(url: str, *, with_port: bool) -> HttpsUrl:
    """Read an https URL with a named host and without user-info or fragment.

    A port is refused unless ``with_port``. A host written as an address in any notation is refused: its last label
    does not start with a letter. Raises :class:`UrlRefused`, which does not repeat the URL.
    """
    match = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if match is None:
        raise UrlRefused("only https URLs with a plain lower-case host name are fetched")
    labels = match["host"].split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or not _TOP_LABEL.fullmatch(labels[-1]):  # noqa: PLR2004 - a name with a dot
        raise UrlRefused("only https URLs with a full host name are fetched; numeric addresses are not")
    if match["port"] is not None and (not with_port or int(match["port"]) > _HIGHEST_PORT):
        raise UrlRefused("a port in the URL is not allowed here")
    target = match["target"]
    return HttpsUrl(
        host=match["host"],
        port=int(match["port"] or HTTPS_PORT),
        target=target if target.startswith("/") else f"/{target}",
    )


def parse_host_address(text: str) -> HostAddress:
    """Read ``address:port`` of a ``[hosts]`` entry; IPv6 stands in brackets. Raises :class:`AddressRefused`."""
    address, _, port = text.rpartition(":")
    address = address.removeprefix("[").removesuffix("]")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _HIGHEST_PORT:
        raise AddressRefused("a [hosts] entry is an exact address and port, such as 127.0.0.1:8443")
    check_internal(address)
    return HostAddress(address=address, port=int(port))


def check_public(address: str) -> None:
    """Refuse every address that is not a public unicast one. Raises :class:`AddressRefused`."""
    parsed = _parse(address)
    if isinstance(parsed, IPv4Address):
        refused = any(parsed in block for block in _IPV4_REFUSED)
    else:
        refused = (
            parsed not in _IPV6_GLOBAL_UNICAST
            or any(parsed in block for block in _IPV6_REFUSED)
            or _interface_prefix(parsed) in _ISATAP
        )
    if refused:
        raise AddressRefused(
            "the name leads to an address that is neither public nor in a network that [networks] gives it; "
            "nothing was connected to"
        )


def lies_within(address: str, networks: Sequence[Network]) -> bool:
    """Tell whether an address lies in one of a peer's own private networks (``[networks]``).

    Loopback lies in none of them, and what is refused even inside is refused here too. Raises :class:`AddressRefused`.
    """
    parsed = _parse(address)
    if not any(parsed in network for network in networks) or any(parsed in block for block in _LOOPBACK):
        return False
    check_internal(address)
    return True


def check_internal(address: str) -> None:
    """Refuse addresses that no configuration may name: metadata services, link-local, multicast, unspecified.

    An IPv6 address that carries an IPv4 one outside global unicast is refused whole, so that it cannot stand for one
    of these. Raises :class:`AddressRefused`.
    """
    parsed = _parse(address)
    refused = any(parsed in block for block in _NEVER if block.version == parsed.version)
    if isinstance(parsed, IPv6Address):
        refused = refused or _carries_ipv4(parsed)
    if refused:
        raise AddressRefused("the name leads to an address that is never connected to")


def _carries_ipv4(address: IPv6Address) -> bool:
    loopback_or_unspecified = int(address) <= 1
    return (
        (not loopback_or_unspecified and int(address) >> 32 in {0, 0xFFFF, 0xFFFF0000})  # compatible, mapped, SIIT
        or any(address in block for block in (IPv6Network("64:ff9b::/32"), *_IPV6_REFUSED))
        or _interface_prefix(address) in _ISATAP
    )


def _interface_prefix(address: IPv6Address) -> int:
    return (int(address) >> 32) & 0xFFFFFFFF


def _parse(address: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(address.partition("%")[0])
    except ValueError as malformed:
        raise AddressRefused("the name leads to something that is not a numeric address") from malformed
