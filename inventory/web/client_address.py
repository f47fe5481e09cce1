"""The address of the client, under which its requests are counted."""

from bisect import bisect_right
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, collapse_addresses, ip_address, ip_network
from typing import Any

_HOPS_AT_MOST = 16
_KNOWN_AT_MOST = 4096
_SHORT = 200
_PREFIX = 64


class ClientAddress:
    """Finds the client of a request; behind trusted proxies, from ``X-Forwarded-For``.

    Each proxy appends the address of its client. So the list is read from its end, as long as the writer of an entry
    is trusted; anyone may have made up the entries before that.
    """

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        """:param trusted_proxies: networks, as in ``10.0.0.0/8``."""
        self._trusted = Networks(trusted_proxies)
        self._known: dict[tuple[str, str], str] = {}

    def __call__(self, environ: dict[str, Any]) -> str:
        """Return the client as text: an IPv4 address, or the /64 of an IPv6 one, which is what one client gets."""
        peer: str = environ.get("REMOTE_ADDR") or ""
        forwarded: str = environ.get("HTTP_X_FORWARDED_FOR", "") if self._trusted else ""
        known = self._known.get((peer, forwarded))
        return known if known is not None else self._find(peer, forwarded)

    def _find(self, peer: str, forwarded: str) -> str:
        address = _parsed(peer)
        # A Unix socket has no address: all its clients count as one.
        found = peer if address is None else _network(self._behind(address, forwarded))
        if len(forwarded) <= _SHORT:
            if len(self._known) >= _KNOWN_AT_MOST:
                self._known.clear()
            self._known[peer, forwarded] = found
        return found

    def _behind(self, address: IPv4Address | IPv6Address, forwarded: str) -> IPv4Address | IPv6Address:
        for entry in reversed(forwarded.rsplit(",", _HOPS_AT_MOST)[-_HOPS_AT_MOST:]):
            if address not in self._trusted:
                return address
            before = _parsed(entry.strip())
            if before is None:
                return address
            address = before
        return address


class Networks:
    """A set of networks. One search tells whether an address is in one of them, however many there are."""

    def __init__(self, networks: Sequence[str]) -> None:
        """:param networks: as in ``10.0.0.0/8``."""
        self._ranges: dict[int, tuple[list[int], list[int]]] = {}
        parsed = [ip_network(network) for network in networks]
        for version in (4, 6):
            # Without overlaps, so that only the last range that begins before an address can contain it.
            merged = sorted(collapse_addresses([one for one in parsed if one.version == version]))  # type: ignore[type-var]
            firsts, lasts = ([int(network[place]) for network in merged] for place in (0, -1))
            self._ranges[version] = (firsts, lasts)
        self._any = bool(parsed)

    def __bool__(self) -> bool:
        return self._any

    def __contains__(self, address: IPv4Address | IPv6Address) -> bool:
        firsts, lasts = self._ranges[address.version]
        place = bisect_right(firsts, int(address)) - 1
        return place >= 0 and int(address) <= lasts[place]


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address, also with a port, as some proxies write it; an IPv4-mapped IPv6 address is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (isinstance(address, IPv6Address) and address.ipv4_mapped) or address


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ip_network((int(address), _PREFIX), strict=False))
