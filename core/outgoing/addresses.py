"""Which addresses of the network may be spoken to on behalf of a user: those of the public internet alone.

Python's `is_global` follows the registries of IANA (https://www.iana.org/assignments/iana-ipv4-special-registry/ and
…/iana-ipv6-special-registry/), each release as they were then. What one or the other leaves open is closed here:
multicast, IPv6 that carries an IPv4 address, IPv6 outside global unicast (2000::/3), what is set aside for protocols
and documents, and a cloud's metadata service at a public address.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
"""Where resolvers of networks without IPv4 put it (RFC 6052): the last 32 bits are the address."""
_CLOSED: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    # The metadata service of Azure.
    IPv4Network("168.63.129.16/32"),
    # Teredo and other protocols, then 6to4, whose addresses carry others.
    IPv6Network("2001::/23"),
    IPv6Network("2002::/16"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a list as `127.0.0.0/8, ::1`; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def is_listed(address: Address, allow: tuple[Network, ...]) -> bool:
    """Whether an address, as it is or as the IPv4 address that it carries, lies in one of the networks."""
    inner = _inner(address)
    return any(address in network or (inner is not None and inner in network) for network in allow)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    closed = address.is_multicast or address.is_reserved or any(address in network for network in _CLOSED)
    return address.is_global and not closed


def parse(text: str) -> Address:
    """Return an address as a resolver writes it; raises ValueError, also for one with a zone (`fe80::1%eth0`)."""
    if "%" in text:
        raise ValueError("an address with a zone is this host's own affair")
    return ip_address(text)


def _inner(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
