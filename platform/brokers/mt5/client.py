"""Order entry and books of one account behind the bridge."""

import asyncio
import secrets
from collections.abc import Awaitable, Sequence
from datetime import timedelta

from brokers.mt5 import orders, portfolio
from brokers.mt5.answers import order_outcome
from brokers.mt5.desk import Counterpart
from brokers.mt5.facts import HEDGING
from brokers.mt5.protocol import Kind, OrderRow, PositionRow
from brokers.mt5.room import AlreadyPosted, Command, RoomUnavailable, Terminal
from brokers.mt5.spec import SPEC
from domain.broker import NOTHING_AT_BROKER, BrokerError, BrokerSpec, Outcome, SessionLost, Verdict
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest

EXECUTED_WITHIN = 0.6
"""Of the time an order call has left, the part in which the terminal may begin with it: the rest is for its answer."""

LOOKED_UP_WITHIN = 0.4
"""Of the time an order call may take, the part in which a book that shows nothing to reduce may be looked at again."""


class Mt5Broker:
    """One account. A command is left once, under the order's own tag, and is never left again."""

    spec: BrokerSpec = SPEC

    def __init__(self, account: Counterpart) -> None:
        self._account = account

    async def place(self, request: OrderRequest) -> Outcome:
        """Leave the order for the terminal and wait for its answer; never raises."""
        return await self._once(request.client_order_id, self._placing(request))

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Change a resting order's prices; never raises. Its volume cannot be changed."""
        changing = self._changing(broker_order_id, change)
        return await self._once(secrets.token_hex(16), changing, expected_id=broker_order_id)

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel a resting order; never raises."""
        cancelling = self._cancelling(broker_order_id)
        return await self._once(secrets.token_hex(16), cancelling, expected_id=broker_order_id)

    async def order_book(self) -> Sequence[BrokerOrder]:
        """Return open orders and those of the last day, oldest first; raises ``BrokerError``."""
        return await portfolio.order_book(self._account)

    async def trade_book(self) -> Sequence[BrokerFill]:
        """Return the last day's executions; raises ``BrokerError``."""
        return await portfolio.trade_book(self._account)

    async def positions(self) -> Sequence[BrokerPosition]:
        """Return net positions; raises ``BrokerError``."""
        return await portfolio.positions(self._account)

    async def funds(self) -> Funds:
        """Return the account's money; raises ``BrokerError``."""
        return await portfolio.funds(self._account)

    async def aclose(self) -> None:
        """Nothing is held open: the room belongs to whoever handed it over."""

    async def _placing(self, request: OrderRequest) -> bytes:
        terminal = await self._account.known()
        symbols = self._account.symbols(terminal)
        if not request.reduce_only or terminal.hello.margin_mode != HEDGING:
            return orders.place_request(request, symbols)
        found = orders.reduction_of(request, _positions(terminal), symbols)
        if found is None:  # a book of a moment ago may lack what has just been opened
            terminal = await self._account.fresh(within=self._account.timeout * LOOKED_UP_WITHIN)
            found = orders.reduction_of(request, _positions(terminal), symbols)
        if found is None:
            raise BrokerError(NOTHING_AT_BROKER, f"{SPEC.slug}: no position of ours in {request.symbol} to reduce")
        return orders.place_request(request, symbols, reduction=found)

    async def _changing(self, broker_order_id: str, change: OrderChange) -> bytes:
        terminal = await self._account.known()
        shown = _shown(terminal, broker_order_id)
        return orders.modify_request(broker_order_id, change, shown, self._account.symbols(terminal))

    async def _cancelling(self, broker_order_id: str) -> bytes:
        await self._account.known()
        return orders.cancel_request(broker_order_id)

    async def _once(self, cmd_id: str, building: Awaitable[bytes], *, expected_id: str = "") -> Outcome:
        until = asyncio.get_running_loop().time() + self._account.timeout
        try:
            request = await building
        except ValueError as error:
            return Outcome(Verdict.REJECTED, code="INVALID", message=str(error))
        except SessionLost as error:
            return Outcome(Verdict.SESSION_LOST, code=error.code, message=error.message)
        except BrokerError as error:  # nothing was left for the terminal
            return Outcome(Verdict.REJECTED, code=error.code, message=error.message)
        try:
            return await self._carried_out(cmd_id, request, until=until, expected_id=expected_id)
        except AlreadyPosted:
            return Outcome(Verdict.UNKNOWN, code="POSTED", message=f"{SPEC.slug}: {cmd_id} was left there before")
        except RoomUnavailable as error:
            return Outcome(Verdict.UNKNOWN, code="ROOM", message=f"{SPEC.slug}: {error}")

    async def _carried_out(self, cmd_id: str, request: bytes, *, until: float, expected_id: str) -> Outcome:
        """Wait for an answer as long as the order call has left; without one only a command nobody was told of is
        proved undone."""
        room, loop = self._account.room, asyncio.get_running_loop()
        lifetime = timedelta(seconds=(until - loop.time()) * EXECUTED_WITHIN)
        command = Command(cmd_id, Kind.ORDER_SEND, request, lifetime)
        await room.post(command)
        while (left := until - loop.time()) > 0:
            answer = await room.answer(command.cmd_id)
            if answer is not None:
                return order_outcome(answer, expected_id=expected_id)
            await room.changed(within=left)
        if await room.withdraw(command.cmd_id):
            text = f"{SPEC.slug}: the terminal did not come for the order in time"
            return Outcome(Verdict.REJECTED, code="NOT_FETCHED", message=text)
        text = f"{SPEC.slug}: the terminal took the order and has not said what became of it"
        return Outcome(Verdict.UNKNOWN, code="NO_ANSWER", message=text)


def _positions(terminal: Terminal) -> Sequence[PositionRow]:
    return terminal.sync.positions if terminal.sync is not None else ()


def _shown(terminal: Terminal, broker_order_id: str) -> OrderRow | None:
    rows = terminal.sync.orders if terminal.sync is not None else ()
    return next((row for row in rows if str(row.ticket) == broker_order_id), None)
