"""Faults on demand: what is broken for whom, for how many calls, and how likely.

A fault is matched when a call reaches the point it spoils, so that ``count`` counts spoilt calls. Chances
are drawn from the simulator's seed: the same plan over the same calls breaks the same ones.
"""

import random
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec


class FaultKind(StrEnum):
    """What goes wrong."""

    DELAY = "delay"  # the reply waits ``ms`` (or between ``ms`` and ``max_ms``) before anything else
    ACCEPT_THEN_TIMEOUT = "accept_then_timeout"  # the order stands, the socket is never answered
    ACCEPT_THEN_RESET = "accept_then_reset"  # the order stands, the connection is reset
    NEVER_DELIVERED = "never_delivered"  # lost before the broker saw it; the connection is reset
    LATE_ACCEPT = "late_accept"  # reset at once, accepted ``seconds`` later
    SERVER_ERROR = "server_error"  # ``status`` (502); with ``accepted`` the order stands
    TOO_MANY_REQUESTS = "too_many_requests"  # 429, nothing done
    EMPTY_BODY = "empty_body"  # 200 without a body; the order stands
    HTML_BODY = "html_body"  # 200 with a proxy's page; the order stands
    BAD_JSON = "bad_json"  # 200 with half a JSON body; the order stands
    NO_ORDER_ID = "no_order_id"  # 200 and an empty data object; the order stands
    PLACED_BUT_400 = "placed_but_400"  # 400 "timed out", yet the order stands
    PLACED_THEN_REJECTED = "placed_then_rejected"  # an order id comes back, the exchange refuses afterwards
    TOKEN_DEATH = "token_death"  # noqa: S105 - every session of the client ends, and the call gets 403
    BOOK_LAG = "book_lag"  # books show the state of ``seconds`` ago
    EMPTY_BOOK = "empty_book"
    TRUNCATED_BOOK = "truncated_book"  # the oldest half only
    DROPPED_SOCKET = "dropped_socket"  # the client's sockets are cut when the next tick is due
    SILENT_SOCKET = "silent_socket"  # sockets stay open and carry nothing, for ``seconds`` or until cleared
    DUPLICATE_POSTBACK = "duplicate_postback"  # each sent ``copies`` times
    OUT_OF_ORDER_POSTBACK = "out_of_order_postback"  # held back until the next one has gone
    FORGED_POSTBACK = "forged_postback"  # a second one with a wrong checksum that claims another status


ORDER_FAULTS = frozenset(
    {
        FaultKind.ACCEPT_THEN_TIMEOUT,
        FaultKind.ACCEPT_THEN_RESET,
        FaultKind.NEVER_DELIVERED,
        FaultKind.LATE_ACCEPT,
        FaultKind.SERVER_ERROR,
        FaultKind.TOO_MANY_REQUESTS,
        FaultKind.EMPTY_BODY,
        FaultKind.HTML_BODY,
        FaultKind.BAD_JSON,
        FaultKind.NO_ORDER_ID,
        FaultKind.PLACED_BUT_400,
        FaultKind.PLACED_THEN_REJECTED,
        FaultKind.TOKEN_DEATH,
    }
)
"""Faults of an order call; one is drawn per call."""

READ_FAULTS = frozenset(
    {
        FaultKind.ACCEPT_THEN_TIMEOUT,
        FaultKind.ACCEPT_THEN_RESET,
        FaultKind.NEVER_DELIVERED,
        FaultKind.SERVER_ERROR,
        FaultKind.TOO_MANY_REQUESTS,
        FaultKind.EMPTY_BODY,
        FaultKind.HTML_BODY,
        FaultKind.BAD_JSON,
        FaultKind.TOKEN_DEATH,
    }
)
"""Faults of a read; the ones named after acceptance only spoil the reply."""

BOOK_FAULTS = frozenset({FaultKind.BOOK_LAG, FaultKind.EMPTY_BOOK, FaultKind.TRUNCATED_BOOK})
SOCKET_FAULTS = frozenset({FaultKind.DROPPED_SOCKET, FaultKind.SILENT_SOCKET})
POSTBACK_FAULTS = frozenset({FaultKind.DUPLICATE_POSTBACK, FaultKind.OUT_OF_ORDER_POSTBACK, FaultKind.FORGED_POSTBACK})
LATENCY_FAULTS = frozenset({FaultKind.DELAY})

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One entry of the plan; empty match fields match everything.

    ``endpoint`` is a pattern over the names a face gives its endpoints (``orders.place``, ``orders.*``,
    ``quote``); ``count`` is how many calls are left to spoil, ``None`` for no end.
    """

    kind: FaultKind
    client: str = ""
    endpoint: str = ""
    symbol: str = ""
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    probability: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    ms: Milliseconds = 0
    max_ms: Milliseconds = 0
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.0
    status: Annotated[int, msgspec.Meta(ge=500, le=599)] = 502
    accepted: bool = False
    copies: Annotated[int, msgspec.Meta(ge=2, le=20)] = 2
    id: int = 0
    fired: int = 0

    def matches(self, *, client: str, endpoint: str, symbol: str) -> bool:
        """Say whether a call falls under this fault."""
        return (
            self.client in ("", client)
            and self.symbol in ("", symbol)
            and (not self.endpoint or fnmatchcase(endpoint, self.endpoint))
        )


class FaultPlan:
    """The faults in force; ``spoilt`` counts by client the calls they spoilt, "" for what was nobody's own."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._faults: list[Fault] = []
        self._last_id = 0
        self.latency_ms = 0
        self.spoilt: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, fault: Fault) -> Fault:
        """Put a fault in force and return it with its id."""
        self._last_id += 1
        fault.id, fault.fired = self._last_id, 0
        self._faults.append(fault)
        return fault

    def clear(self, fault_id: int | None = None) -> int:
        """Lift one fault, or all; returns how many were lifted."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault_id is not None and fault.id != fault_id]
        return before - len(self._faults)

    def draw(
        self, kinds: frozenset[FaultKind], *, client: str = "", endpoint: str = "", symbol: str = ""
    ) -> Fault | None:
        """Return the first fault that spoils this call, and count it; ``None`` most of the time."""
        for fault in self._faults:
            hit = fault.kind in kinds and fault.matches(client=client, endpoint=endpoint, symbol=symbol)
            if hit and self._random.random() < fault.probability:
                self.spoilt[client] += 1
                return self._spend(fault)
        return None

    def delay_seconds(self, *, client: str, endpoint: str, symbol: str) -> float:
        """Return how long this call waits: the base latency and a matching delay."""
        fault = self.draw(LATENCY_FAULTS, client=client, endpoint=endpoint, symbol=symbol)
        if fault is None:
            return self.latency_ms / 1000
        return (self.latency_ms + self._random.uniform(fault.ms, max(fault.ms, fault.max_ms))) / 1000

    def _spend(self, fault: Fault) -> Fault:
        fault.fired += 1
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self._faults.remove(fault)
        return fault
