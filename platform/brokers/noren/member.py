"""What differs between the brokers of the family."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.broker import BrokerSpec, Endpoint


@dataclass(frozen=True, slots=True)
class Member:
    """One broker of the family.

    ``api`` and ``socket`` are folders on the endpoint's hosts, the latter with its last slash. ``token_url`` exchanges
    a one-use code, ``master_url`` is the folder of the ``masters``, the files that list derivatives. ``pace_seconds``
    lies between reads that come in long rows.
    """

    spec: BrokerSpec
    endpoint: Endpoint
    api: str
    socket: str
    token_url: str
    master_url: str
    masters: tuple[str, ...]
    pace_seconds: float

    @property
    def slug(self) -> str:
        """The broker's name in texts and logs."""
        return self.spec.slug

    def own(self, url: str, endpoint: Endpoint) -> str:
        """Return one of the member's addresses; an account pointed elsewhere finds its path there."""
        if endpoint.rest_url == self.endpoint.rest_url:
            return url
        return f"{endpoint.rest_url.rstrip('/')}{urlsplit(url).path}"
