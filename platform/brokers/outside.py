"""What lies outside our own network: the only place a client may have calls sent to."""

import socket
from ipaddress import ip_address

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


def is_outside(address: str) -> bool:
    """Whether an IP address is a public one; raises ``ValueError`` for what is no address."""
    return ip_address(address).is_global


class OutsideResolver(AbstractResolver):
    """Resolves names to public addresses alone, at every connection: what a name meant when it was written down, its
    owner may have changed since."""

    def __init__(self) -> None:
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of a name; raises ``OSError`` where there is none."""
        found = await self._resolver.resolve(host, port, family)
        public = [one for one in found if is_outside(one["host"])]
        if not public:
            raise OSError(None, f"{host} is not outside our network")
        return public

    async def close(self) -> None:
        """Let the resolver go."""
        await self._resolver.close()
