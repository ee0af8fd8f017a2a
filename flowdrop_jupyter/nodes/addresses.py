"""Which network addresses a workflow may call."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

from .context import Network

Address: TypeAlias = IPv4Address | IPv6Address

_TRANSLATED: Final = tuple(IPv6Network(text) for text in ("64:ff9b::/96", "::/96"))
"""Networks whose addresses stand for the IPv4 address in their last four bytes."""

_LOCAL: Final = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
"""What ``allow_private`` opens."""

_METADATA: Final = frozenset(ip_address(text) for text in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
"""Where clouds give out credentials, outside of the link-local networks."""

_RESERVED: Final = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
"""What :mod:`ipaddress` takes for global, depending on its version, and is not."""

_PUBLIC_6: Final = ip_network("2000::/3")
"""The only part of IPv6 that is given out to the public; the rest is reserved or somebody's own."""


def is_allowed_address(text: str, network: Network) -> bool:
    """Tell whether the address may be called by its being public, opened or named.

    :param text: an address as a resolver gives it; what is none is refused.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    meant = _meant(address)
    if any(_names_address(entry, meant) for entry in network.allowed_hosts):
        return True
    if meant in _METADATA:
        return False
    if network.allow_private and any(meant in local for local in _LOCAL if local.version == meant.version):
        return True
    reserved = any(meant in net for net in _RESERVED if net.version == meant.version)
    if meant.version == 6 and meant not in _PUBLIC_6:
        return False
    return meant.is_global and not meant.is_multicast and not reserved


def names_host(entries: Iterable[str], host: str, port: int) -> bool:
    """Tell whether one of *entries* is this host by its name: ``name``, ``name:port``, ``*.suffix``."""
    wanted = _plain(host)
    for entry in entries:
        name = entry.strip()
        # Not an IPv6 address, whose colons are its own.
        if name.count(":") == 1:
            name, _, listed = name.partition(":")
            if listed != str(port):
                continue
        name = _plain(name)
        if name == wanted or (name.startswith("*.") and wanted.endswith(name[1:]) and wanted != name[2:]):
            return True
    return False


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _names_address(entry: str, address: Address) -> bool:
    try:
        network = ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return False
    return network.version == address.version and address in network


def _meant(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, if it does for one."""
    if not isinstance(address, IPv6Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.packed[:15] != bytes(15) and any(address in network for network in _TRANSLATED):
        return IPv4Address(address.packed[12:])
    return address
