"""Exemptions of the configuration from the rule of public addresses: in parts, and in plain sentences.

``hearthgate doctor`` prints every sentence, so that no exception is forgotten once it is made.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from config.settings import AnchorSettings, HostException, NetworkException, NodeSettings, ProxySettings
from gateway.peers.ssrf import AddressRefused, HostAddress, Network, parse_host_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """One exception: the table of the configuration that makes it, and what it comes to, with the reason given."""

    table: str
    sentence: str


def exemptions(settings: NodeSettings | AnchorSettings) -> tuple[Exemption, ...]:
    """Say every exception that the configuration makes to the rules about where this process connects to."""
    return (*_hosts(settings.hosts), *_networks(settings.networks), *_proxy(settings.proxy))


def _hosts(hosts: Mapping[str, HostException]) -> Iterator[Exemption]:
    for name, exception in hosts.items():
        sentence = f"{name} is reached at {exception.address} and nowhere else. Reason given: {exception.reason}"
        yield Exemption(table="[hosts]", sentence=sentence)


def _networks(networks: Mapping[str, NetworkException]) -> Iterator[Exemption]:
    for name, exception in networks.items():
        places = ", ".join(exception.networks)
        sentence = f"{name} may also lead to private addresses in {places}. Reason given: {exception.reason}"
        yield Exemption(table="[networks]", sentence=sentence)


def _proxy(proxy: ProxySettings | None) -> Iterator[Exemption]:
    if proxy is not None:
        credentials = ", which knows this node by a password" if proxy.credentials else ""
        sentence = f"public addresses are reached through {proxy.address}{credentials}. Reason given: {proxy.reason}"
        yield Exemption(table="[proxy]", sentence=sentence)


def host_addresses(hosts: Mapping[str, HostException]) -> dict[str, HostAddress]:
    """Return the exact addresses of ``[hosts]``. Raises :class:`AddressRefused` for one that no exception reaches."""
    return {name: _exact(exception.address, f"[hosts] {name}") for name, exception in hosts.items()}


def private_networks(networks: Mapping[str, NetworkException]) -> dict[str, tuple[Network, ...]]:
    """Return the networks of ``[networks]`` by host name."""
    return {name: tuple(ip_network(each) for each in exception.networks) for name, exception in networks.items()}


def proxy_address(proxy: ProxySettings) -> HostAddress:
    """Return where the proxy of ``[proxy]`` is. Raises :class:`AddressRefused` where none may be."""
    return _exact(proxy.address, "[proxy] address")


def _exact(address: str, place: str) -> HostAddress:
    try:
        return parse_host_address(address)
    except AddressRefused as refused:
        raise AddressRefused(f"{place}: {refused}; correct or remove the entry") from refused
