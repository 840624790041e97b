"""The connection a process holds to its client's broker: what becomes of each call, and what its caller is told."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from brokers.zerodha.spec import SPEC
from domain.broker import BrokerSpec, BrokerUnavailable, Outcome, RateLimited, SessionLost, Verdict
from domain.invariants.broker_side import Answer, Call
from domain.orders import (
    WORKING,
    BrokerFill,
    BrokerOrder,
    BrokerPosition,
    Funds,
    OrderChange,
    OrderRequest,
    OrderStatus,
)
from tests.model.fates import LATE, Fate, Reading
from tests.model.house import House

HTTP_TIMEOUT = 7.0
"""After this many seconds a caller stops waiting for an answer."""


class Wires:
    """The process at this end of a line: whether it still runs, and how it waits."""

    def check(self) -> None:
        """Raise when the process is dead: nothing of it reaches the wire any more."""
        raise NotImplementedError

    def wait(self, seconds: float) -> "asyncio.Future[None]":
        """Return what is done once so many seconds of the model's time have passed."""
        raise NotImplementedError

    def saw(self, tag: str) -> None:
        """Look at what is committed of an order at the moment it arrives."""
        raise NotImplementedError


GONE = Outcome(Verdict.UNKNOWN, code="TIMEOUT", message="no answer")
DEAD = Outcome(Verdict.SESSION_LOST, code="TokenException", message="Incorrect `api_key` or `access_token`.")


@dataclass
class Line:
    """One signed-in connection of one process to a house; implements ``domain.broker.Broker``."""

    house: House
    process: Wires
    token: int
    spec: BrokerSpec = SPEC

    def _is_dead(self) -> bool:
        self.process.check()
        return not self.house.token_is_alive or self.token != self.house.token

    async def place(self, request: OrderRequest) -> Outcome:
        """One order request."""
        house = self.house
        self.process.check()
        self.process.saw(request.client_order_id)
        fate = house.place.popleft() if house.place else None
        what = {
            "tag": request.client_order_id,
            "exchange": request.exchange,
            "symbol": request.symbol,
            "side": request.side.value,
            "quantity": request.quantity,
        }
        if fate is Fate.LOST:
            house.arrived(Call.PLACE, Answer.DROPPED, **what)  # type: ignore[arg-type]
            return GONE
        if self._is_dead():
            house.arrived(Call.PLACE, Answer.REFUSED, **what)  # type: ignore[arg-type]
            return DEAD
        if fate in (Fate.REFUSED, Fate.LIMITED):
            house.arrived(Call.PLACE, Answer.REFUSED, **what)  # type: ignore[arg-type]
            return _REFUSALS[fate]
        house.arrived(Call.PLACE, Answer.ACCEPTED, **what)  # type: ignore[arg-type]
        if fate in LATE:
            house.street.later(LATE[fate], lambda: _accept(house, request))
            return replace(GONE, code="400" if fate is Fate.SAID_400 else "RESET")
        order_id = house.accept(request) if fate is not Fate.REJECTED_LATER else _refused_later(house, request)
        return await self._answer(fate, order_id)

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """One price change."""
        return await self._change(
            Call.MODIFY, self.house.modify, broker_order_id, lambda: self.house.reprice(broker_order_id, change)
        )

    async def cancel(self, broker_order_id: str) -> Outcome:
        """One cancel."""
        return await self._change(
            Call.CANCEL,
            self.house.cancel,
            broker_order_id,
            lambda: self.house.finish(broker_order_id, OrderStatus.CANCELLED),
        )

    async def _change(self, call: Call, fates: deque[Fate], order_id: str, do: Callable[[], None]) -> Outcome:
        house = self.house
        self.process.check()
        fate = fates.popleft() if fates else None
        if fate is Fate.LOST:
            house.arrived(call, Answer.DROPPED, order_id=order_id)
            return GONE
        if self._is_dead():
            house.arrived(call, Answer.REFUSED, order_id=order_id)
            return DEAD
        if fate is Fate.RACED:
            house.fill(order_id, house.order(order_id).quantity)
        if fate in (Fate.REFUSED, Fate.LIMITED) or house.order(order_id).status not in WORKING:
            house.arrived(call, Answer.REFUSED, order_id=order_id)
            return _REFUSALS.get(fate, _REFUSALS[Fate.REFUSED])
        house.arrived(call, Answer.ACCEPTED, order_id=order_id)
        if fate is Fate.LINGERING:
            house.street.later(2.0, do)
            return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)
        do()
        return await self._answer(fate, order_id)

    async def _answer(self, fate: Fate | None, order_id: str) -> Outcome:
        if fate is Fate.MUTE:
            await self.process.wait(HTTP_TIMEOUT)
            return GONE
        if fate is Fate.NO_ID:
            return replace(GONE, code="NO_ID")
        if fate is Fate.SLOW:
            await self.process.wait(3.0)
        return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        """The order book, as bad as it is this time."""
        if self._is_dead():
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        reading = self.house.reads.popleft() if self.house.reads else None
        if reading is Reading.DOWN:
            raise BrokerUnavailable("502", "Bad gateway")
        if reading is Reading.LIMITED:
            raise RateLimited("429", "Too many requests")
        shown = self.house.shown_orders()
        if reading is Reading.EMPTY:
            return []
        return shown[: len(shown) // 2] if reading is Reading.TRUNCATED else shown

    async def trade_book(self) -> Sequence[BrokerFill]:
        """The trade book."""
        if self._is_dead():
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        return self.house.shown_fills()

    async def positions(self) -> Sequence[BrokerPosition]:
        """The positions."""
        if self._is_dead():
            raise SessionLost("TokenException", "Incorrect `api_key` or `access_token`.")
        return self.house.shown_positions()

    async def funds(self) -> Funds:
        """More money than any test spends."""
        self.process.check()
        return Funds(available=Decimal(10_000_000), used=Decimal(0), total=Decimal(10_000_000))

    async def aclose(self) -> None:
        """Nothing is held open."""


def _accept(house: House, request: OrderRequest) -> None:
    house.accept(request)


def _refused_later(house: House, request: OrderRequest) -> str:
    """An order id comes back; the exchange says no half a second later."""
    before, house.fills_at_once = house.fills_at_once, 0
    order_id = house.accept(request)
    house.fills_at_once = before
    house.street.later(0.5, lambda: house.finish(order_id, OrderStatus.REJECTED, "16283 : price out of range"))
    return order_id


_REFUSALS: dict[Fate | None, Outcome] = {
    Fate.REFUSED: Outcome(Verdict.REJECTED, code="MarginException", message="Insufficient funds"),
    Fate.LIMITED: Outcome(Verdict.RATE_LIMITED, code="429", message="Too many requests"),
}
