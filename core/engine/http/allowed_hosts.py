"""Which names this server goes by: a web page may make its own name point here (DNS rebinding)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class AllowedHosts:
    """`bound`: the address that the server listens on. `names`: others it is reached by, from other computers."""

    bound: str = "127.0.0.1"
    names: Sequence[str] = ()

    def allow(self, header: str) -> bool:
        """Whether the header `Host` names this server. Not only loopback: any address does, since no page's name is one."""
        name = header[1:].partition("]")[0] if header.startswith("[") else header.partition(":")[0]
        name = name.lower()
        if name in LOOPBACK_NAMES or name in (one.lower() for one in self.names):
            return True
        return not is_loopback(self.bound) and (name == self.bound.lower() or _is_address(name))


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach a server bound to `host`."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
