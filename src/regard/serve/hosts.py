"""The hosts that a service answers for."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from socket import gethostname

from regard.errors import ArgumentError, shown

#: This machine, by the names that only it has.
LOOPBACK = ("localhost", "127.0.0.0/8", "::1")
_REMEMBERED = 64
_ANY_ADDRESS = ("0.0.0.0/0", "::/0")

_NAME = re.compile(r"(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
# A name or an address, maybe a port; an address of IPv6 stands in brackets.
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[^\[\]:/@\s]+))(?::\d*)?")


class AllowedHosts:
    """The hosts that a service answers for, whatever the port.

    Args:
        hosts: Names (``example.org``), all names below one (``*.example.org``),
            addresses or networks of them (``10.1.0.0/16``); ``*`` allows all.

    Raises:
        ArgumentError: One is no host, or there is none.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        if isinstance(hosts, str) or not hosts:
            raise ArgumentError(
                "The service would answer for no host.",
                expected="a list of hosts, or of '*' alone for any",
                received=shown(hosts),
            )
        self._any = "*" in hosts
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        for host in hosts:
            self._add(host)
        # Most requests are for the same one.
        self._has = lru_cache(_REMEMBERED)(self._match)

    def match(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        """Whether a request with these headers is for one of them."""
        if self._any:
            return True
        named = [value for name, value in headers if name == b"host"]
        return len(named) == 1 and self._has(named[0])

    def _match(self, host: bytes) -> bool:
        found = _HOST.fullmatch(host.decode("latin-1").lower())
        if found is None:
            return False
        name = found["six"] or found["name"].removesuffix(".")
        address = _address(name)
        if address is not None:
            return any(address in network for network in self._networks)
        return any(one in self._names for one in (name, *_above(name)))

    def _add(self, host: str) -> None:
        if host == "*":
            return
        try:
            self._networks.append(ip_network(host.strip("[]"), strict=False))
        except ValueError:
            if not _NAME.fullmatch(host.lower()):
                raise ArgumentError(
                    f"{host!r} is no host.",
                    expected="a name as example.org, *.example.org for all below it, "
                    "an address, a network as 10.1.0.0/16, or * for any host; no port",
                ) from None
            self._names.add(host.lower())


def hosts_of(address: str, given: Sequence[str] = ()) -> tuple[str, ...]:
    """The hosts of a service that listens at an address of this machine.

    Args:
        address: The address or its name.
        given: Hosts that the user named. Without any, a service that listens at all
            addresses of this machine answers for its name, and for any address: a page
            of someone else has a name.
    """
    if given:
        return (*LOOPBACK, *given)
    listens = _address(address)
    if address and (listens is None or not listens.is_unspecified):
        return (*LOOPBACK, address)
    own = gethostname()
    names = (own,) if _NAME.fullmatch(own.lower()) else ()
    return (*LOOPBACK, *names, *_ANY_ADDRESS)


def _above(name: str) -> list[str]:
    """What allows all the names that a name is one of."""
    parts = name.split(".")
    return ["*." + ".".join(parts[start:]) for start in range(1, len(parts))]


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
