"""Bodies decoded into what they must be, or ``BrokerUnavailable`` with the broker's name."""

from typing import TypeVar

import msgspec

from domain.broker import BrokerUnavailable

_T = TypeVar("_T")


def decoded(data: bytes | msgspec.Raw, kind: type[_T], *, broker: str, what: str, strict: bool = True) -> _T:
    """Return JSON as ``kind``; raises ``BrokerUnavailable`` with code ``MALFORMED``.

    ``strict=False`` reads numbers in strings as well.
    """
    try:
        return msgspec.json.decode(data, type=kind, strict=strict)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise malformed(broker, what, error) from error


def malformed(broker: str, what: str, detail: object) -> BrokerUnavailable:
    """Return the error of an answer that is not what was asked for."""
    return BrokerUnavailable("MALFORMED", f"{broker} {what}: {detail}")
