"""Routes to a host: the places that may be connected to, each of them checked.

To another node:

1. a name in ``[hosts]`` leads to its exact address and port, and nowhere else;
2. any other is resolved, and **every** address found must be a public one or lie in that very peer's own private
   networks (``[networks]``), or none is connected to;
3. what is public is reached through the proxy where there is one, what is private directly: a proxy stands between the
   agency and the public network.

To one of the agency's own case systems, always directly: the exact address, or any address that is not refused even
inside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.peers.resolver import Resolver
from gateway.peers.ssrf import HostAddress, Network, check_internal, check_public, lies_within
from gateway.peers.tunnel import Proxy


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A checked place, and the proxy on the way to it where one is."""

    target: HostAddress
    proxy: Proxy | None = None


FindRoutes = Callable[[str, int, float], Sequence[Route]]
"""Give the ways to a host and port by a deadline on the monotonic clock. Raises :class:`TransportError`."""


RoutePolicy = Callable[[str, HostAddress], Route]
"""Check an address that a name resolved to, and give the way to it. Raises :class:`AddressRefused`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRouter:
    """:data:`FindRoutes` by ``hosts``, else by the ``policy`` for each address that a name resolves to.

    Raises :class:`AddressRefused` for an exact address that no configuration may name.
    """

    hosts: Mapping[str, HostAddress]
    resolver: Resolver
    policy: RoutePolicy

    def __post_init__(self) -> None:
        for exact in self.hosts.values():
            check_internal(exact.address)

    def __call__(self, host: str, port: int, deadline: float) -> Sequence[Route]:
        """Return the ways to a host, all of them checked before the first is taken. Raises :class:`TransportError`."""
        exact = self.hosts.get(host)
        if exact is not None:
            return (Route(target=exact),)
        addresses = self.resolver.addresses(host, port, deadline=deadline)
        return [self.policy(host, HostAddress(address=address, port=port)) for address in addresses]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerRoutePolicy:
    """The :data:`RoutePolicy` to another node. Raises :class:`AddressRefused` for a proxy where none may be."""

    networks: Mapping[str, Sequence[Network]]
    proxy: Proxy | None

    def __post_init__(self) -> None:
        if self.proxy is not None:
            check_internal(self.proxy.place.address)

    def __call__(self, host: str, target: HostAddress) -> Route:
        """Return the way to an address of ``host``."""
        if lies_within(target.address, self.networks.get(host, ())):
            return Route(target=target)
        check_public(target.address)
        return Route(target=target, proxy=self.proxy)


def case_system_route(_host: str, target: HostAddress) -> Route:
    """Return the :data:`RoutePolicy` to an address of one of the agency's own systems."""
    check_internal(target.address)
    return Route(target=target)
