"""Where a request came from, believing a forwarding header only from proxies that are ours."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def source_address(*, remote: str, forwarded_for: str, trusted: Iterable[str]) -> Address | None:
    """Return the caller's address; ``None`` when it cannot be told, which no allow-list lets in.

    ``forwarded_for`` counts only when ``remote`` is a trusted proxy, and then it is read from the right: the first hop
    no trusted proxy owns is the caller. What stands left of it was written by the caller and means nothing.
    """
    networks = _networks(trusted)
    caller = parse_address(remote)
    for hop in reversed(forwarded_for.split(",")):
        if caller is None or not _is_in(caller, networks):
            return caller
        if hop.strip():
            caller = parse_address(hop)
    return caller


def is_allowed(caller: Address | None, allowed: Iterable[str]) -> bool:
    """Tell whether the caller is on the list of addresses and networks; an empty list lets everybody in."""
    entries = list(allowed)
    return not entries or (caller is not None and _is_in(caller, _networks(entries)))


def parse_address(text: str) -> Address | None:
    """Read an address; an IPv4 one in IPv6 clothes comes back as IPv4, anything else as ``None``."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def parse_network(text: str) -> Network:
    """Read ``10.0.0.0/8`` or a single address; raises ``ValueError``."""
    return ip_network(text.strip(), strict=False)


def _networks(entries: Iterable[str]) -> list[Network]:
    """An entry that is no network matches nobody: the lists fail closed."""
    found = []
    for entry in entries:
        try:
            found.append(parse_network(entry))
        except ValueError:
            continue
    return found


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)
