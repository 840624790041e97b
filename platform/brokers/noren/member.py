"""What differs between the brokers of the family."""

from dataclasses import dataclass

from domain.broker import BrokerSpec, Endpoint


@dataclass(frozen=True, slots=True)
class Member:
    """One broker of the family.

    The endpoint's ``rest_url`` ends in the folder of the calls, its ``master_url`` in that of the ``masters``, the
    files that list derivatives. ``pace_seconds`` lies between reads that come in long rows.
    """

    spec: BrokerSpec
    endpoint: Endpoint
    masters: tuple[str, ...]
    pace_seconds: float

    @property
    def slug(self) -> str:
        """The broker's name in texts and logs."""
        return self.spec.slug
