"""Addresses of the public Internet, read from the IANA registries alone and without any code of ours.

The most specific entry of a special-purpose address registry decides (RFC 6890, RFC 8190); what has none is reachable
where it is unicast, in IPv6 only within the one block from which global unicast addresses are given out (RFC 3587).
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBALLY_REACHABLE = {
    "192.0.0.9/32": True,  # Port Control Protocol anycast
    "192.0.0.10/32": True,  # TURN anycast
    "192.31.196.0/24": True,  # AS112-v4
    "192.52.193.0/24": True,  # AMT
    "192.175.48.0/24": True,  # direct delegation AS112 service
    "64:ff9b::/96": True,  # IPv4-IPv6 translation
    "2001:1::1/128": True,  # Port Control Protocol anycast
    "2001:1::2/128": True,  # TURN anycast
    "2001:1::3/128": True,  # DNS-SD service registration protocol anycast
    "2001:3::/32": True,  # AMT
    "2001:4:112::/48": True,  # AS112-v6
    "2001:20::/28": True,  # ORCHIDv2
    "2001:30::/28": True,  # drone remote identification
    "2620:4f:8000::/48": True,  # direct delegation AS112 service
    "0.0.0.0/8": False,
    "10.0.0.0/8": False,
    "100.64.0.0/10": False,
    "127.0.0.0/8": False,
    "169.254.0.0/16": False,
    "172.16.0.0/12": False,
    "192.0.0.0/24": False,
    "192.0.2.0/24": False,
    "192.88.99.0/24": False,  # 6to4 relay anycast, deprecated
    "192.168.0.0/16": False,
    "198.18.0.0/15": False,
    "198.51.100.0/24": False,
    "203.0.113.0/24": False,
    "224.0.0.0/4": False,  # of the registry of multicast addresses
    "240.0.0.0/4": False,
    "255.255.255.255/32": False,
    "::/128": False,
    "::1/128": False,
    "::ffff:0:0/96": False,
    "64:ff9b:1::/48": False,
    "100::/64": False,
    "100:0:0:1::/64": False,
    "2001::/23": False,
    "2001::/32": False,  # Teredo: not applicable, and so not said to be reachable
    "2001:2::/48": False,
    "2001:10::/28": False,
    "2001:db8::/32": False,
    "2002::/16": False,  # 6to4: not applicable
    "3fff::/20": False,
    "5f00::/16": False,
    "fc00::/7": False,
    "fe80::/10": False,
    "ff00::/8": False,  # of the registry of multicast addresses
}
REGISTRY: dict[Network, bool] = {ip_network(block): reachable for block, reachable in _GLOBALLY_REACHABLE.items()}
METADATA = frozenset(
    [
        IPv4Address("100.100.100.200"),
        IPv4Address("168.63.129.16"),
        IPv4Address("169.254.169.254"),
        IPv4Address("169.254.170.2"),
        IPv4Address("192.0.0.192"),
        IPv6Address("fd00:ec2::254"),
        IPv6Address("fd20:ce::254"),
    ]
)
_UNICAST = IPv6Network("2000::/3")


def is_reachable(address: Address) -> bool:
    """Tell whether an address is a public unicast one by the registries."""
    entries = [(block.prefixlen, reachable) for block, reachable in REGISTRY.items() if address in block]
    if entries:
        return max(entries)[1]
    return isinstance(address, IPv4Address) or address in _UNICAST


def carries_ipv4(address: Address) -> bool:
    """Tell whether an IPv6 address stands for or leads to an IPv4 one, by any of the ways that were standardised."""
    if isinstance(address, IPv4Address):
        return False
    groups = [(int(address) >> shift) & 0xFFFF for shift in range(112, -1, -16)]
    return (
        address.sixtofour is not None
        or address.teredo is not None
        or (groups[:6] == [0] * 6 and int(address) > 1)  # compatible, RFC 4291
        or groups[:6] == [0, 0, 0, 0, 0, 0xFFFF]  # mapped, RFC 4291
        or groups[:6] == [0, 0, 0, 0, 0xFFFF, 0]  # translated, RFC 2765
        or groups[:6] == [0x64, 0xFF9B, 0, 0, 0, 0]  # translated, RFC 6052
        or groups[:3] == [0x64, 0xFF9B, 1]  # translated, RFC 8215
        or (groups[5] == 0x5EFE and groups[4] in {0, 0x200})  # ISATAP, RFC 5214
    )
