"""Forms of single values in the configuration: addresses, names, networks, identifiers."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from trust.claims import IGNORABLE
from trust.errors import TrustError
from trust.exchange.addresses import institution_key
from trust.identifiers import TELEPHONE, parse_code, parse_entity_id, parse_own_entity_id, parse_slug

_BIND = re.compile(r"(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):[1-9]\d{0,4}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_STORE = re.compile(r"(?:sqlite:///|postgresql(?:\+psycopg)?://).+")
_PASSWORD = re.compile(r"postgresql[^/]*//[^/@]*:[^/@]*@|postgresql.*[?&]password=", re.DOTALL)
_HIGHEST_PORT = 65_535
_PRIVATE = tuple(
    ip_network(block) for block in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
"""Where a private network can lie: RFC 1918, the shared space of RFC 6598, and unique local IPv6 (RFC 4193)."""
_WIDEST = {4: 24, 6: 64}
"""The shortest prefix of an exception: one subnet, which in IPv6 is a /64 (RFC 4291 section 2.5.4). What is wider holds
other people's machines, this agency's own among them."""


def _bind(text: str) -> str:
    if not _BIND.fullmatch(text) or int(text.rpartition(":")[2]) > _HIGHEST_PORT:
        raise ValueError("write an address and a port, such as 127.0.0.1:8443")
    return text


def parse_host(text: str) -> str:
    """Accept a lower-case host name with a dot; raise ValueError."""
    if not _HOST.fullmatch(text):
        raise ValueError("write a lower-case host name with a dot, such as council.example")
    return text


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError as malformed:
        raise ValueError("write a network such as 10.20.30.0/28, with no bit set beyond its prefix") from malformed
    if not any(_lies_in(network, block) for block in _PRIVATE):
        raise ValueError(
            "only private networks need an exception: within 10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16 "
            "or fc00::/7"
        )
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(
            f"write the peer's own subnet, /{_WIDEST[network.version]} or smaller; a wider one holds others as well"
        )
    return text


def _lies_in(network: IPv4Network | IPv6Network, block: IPv4Network | IPv6Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(block, IPv4Network) and network.subnet_of(block)
    return isinstance(block, IPv6Network) and network.subnet_of(block)


def _read_by(parse: Callable[[str], str]) -> AfterValidator:
    """Return a validator that parses with a parser of `trust` and reports its error."""

    def read(text: str) -> str:
        try:
            return parse(text)
        except TrustError as error:
            raise ValueError(error.detail) from error

    return AfterValidator(read)


def _visible(text: str) -> str:
    if IGNORABLE.search(text):
        raise ValueError("leave out characters that show nothing, such as a soft hyphen or a zero-width space")
    return text


def _store_url(text: str) -> str:
    if not _STORE.fullmatch(text):
        raise ValueError("write sqlite:///FILE or postgresql://...")
    if _PASSWORD.match(text):
        raise ValueError("a password does not belong here; name a file that holds it: postgresql://...?passfile=FILE")
    return text


def _institution(text: str) -> str:
    key = institution_key(text)
    if key is None:
        raise ValueError("write a postcode such as LS9 7TF, or a UPRN")
    return key


Bind = Annotated[str, AfterValidator(_bind)]
HostName = Annotated[str, AfterValidator(parse_host)]
PrivateNetwork = Annotated[str, AfterValidator(_network)]
Entity = Annotated[str, _read_by(parse_entity_id)]
OwnEntity = Annotated[str, _read_by(parse_own_entity_id)]
Slug = Annotated[str, _read_by(parse_slug)]
Code = Annotated[str, _read_by(parse_code)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
Label = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_visible)]
Reason = Annotated[str, Field(min_length=8, max_length=200), AfterValidator(_visible)]
Phone = Annotated[str, Field(pattern=f"^{TELEPHONE.pattern}$")]
Institution = Annotated[str, AfterValidator(_institution)]
MarkType = Annotated[str, Field(min_length=1, max_length=256)]
