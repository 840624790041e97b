"""The account of a broker reached over HTTP: orders go out once, books come back whole or not at all.

A broker's folder hands it two of its modules as they are: ``orders``, what is sent (``OrderCalls``), and ``portfolio``,
what is read (``Books``). What only some brokers have, a subclass adds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from brokers.adapter import Account
from brokers.lots import LotSizeOf, SentLots
from brokers.orders import checked_order_id
from brokers.transport import BOOK_BODY_LIMIT, ORDER_BODY_LIMIT, Wire, WireAnswer, WireFailure, WireRequest
from domain.broker import BrokerError, BrokerSpec, Outcome, SessionLost, Verdict
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds, OrderChange, OrderRequest

_Access = TypeVar("_Access")
_Access_contra = TypeVar("_Access_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class RestAccount(Generic[_Access]):
    """One account to ask about: ``access`` addresses and signs its requests, ``wire`` sends them."""

    spec: BrokerSpec
    wire: Wire
    access: _Access
    lot_size_of: LotSizeOf

    @classmethod
    def of(cls, spec: BrokerSpec, account: Account, access: _Access) -> "RestAccount[_Access]":
        """Return what a maker was handed, its wire not yet open."""
        return cls(spec=spec, wire=account.wire(), access=access, lot_size_of=account.lot_size_of)

    async def read(self, request: WireRequest, *, limit: int = BOOK_BODY_LIMIT) -> WireAnswer:
        """Send a read once; raises ``BrokerUnavailable`` where no whole answer came."""
        return await self.wire.read(request, broker=self.spec.slug, limit=limit)

    def order_id(self, text: str) -> str:
        """Return the id a read names; raises ``BrokerError`` with code ``INVALID`` for one that cannot be."""
        try:
            return checked_order_id(self.spec, text)
        except ValueError as error:
            raise BrokerError("INVALID", f"{self.spec.slug}: {error}") from error


class OrderCalls(Protocol[_Access_contra]):
    """A broker's ``orders`` module: requests, not yet sent.

    Raises ``ValueError`` for what the broker cannot take, ``SessionLost`` where what is kept is no session.
    """

    def place_request(self, access: _Access_contra, request: OrderRequest, /) -> WireRequest: ...
    def modify_request(self, access: _Access_contra, broker_order_id: str, change: OrderChange, /) -> WireRequest: ...
    def cancel_request(self, access: _Access_contra, broker_order_id: str, /) -> WireRequest: ...


class OrderAnswers(Protocol):
    """A broker's ``order_outcome``: what an answer to an order call proves. Never raises.

    ``expected_id`` is the order a modify or cancel named: an answer about another order proves nothing.
    """

    def __call__(self, answer: WireAnswer, /, *, expected_id: str) -> Outcome: ...


class Books(Protocol[_Access]):
    """A broker's ``portfolio`` module: complete and whole, or a ``BrokerError``; "no data" is an empty book."""

    async def order_book(self, account: RestAccount[_Access], /) -> Sequence[BrokerOrder]: ...
    async def trade_book(self, account: RestAccount[_Access], /) -> Sequence[BrokerFill]: ...
    async def positions(self, account: RestAccount[_Access], /) -> Sequence[BrokerPosition]: ...
    async def funds(self, account: RestAccount[_Access], /) -> Funds: ...


class RestBroker(Generic[_Access]):
    """Order entry and books of one account."""

    def __init__(
        self,
        account: RestAccount[_Access],
        *,
        orders: OrderCalls[_Access],
        outcome: OrderAnswers,
        books: Books[_Access],
    ) -> None:
        self.spec: BrokerSpec = account.spec
        self._lots = SentLots(account.lot_size_of)
        self.account = replace(account, lot_size_of=self._lots)
        self._orders = orders
        self.outcome = outcome
        self._books = books

    async def place(self, request: OrderRequest) -> Outcome:
        """Place once; never raises. What the broker could not take is REJECTED with code ``INVALID``, unsent."""
        self._lots.note(request)
        return await self._once(lambda: self._orders.place_request(self.account.access, request))

    async def modify(self, broker_order_id: str, change: OrderChange) -> Outcome:
        """Modify once; never raises."""
        return await self._once(
            lambda: self._orders.modify_request(self.account.access, broker_order_id, change),
            expected_id=broker_order_id,
        )

    async def cancel(self, broker_order_id: str) -> Outcome:
        """Cancel once; never raises."""
        return await self._once(
            lambda: self._orders.cancel_request(self.account.access, broker_order_id), expected_id=broker_order_id
        )

    async def order_book(self) -> Sequence[BrokerOrder]:
        """Return today's orders, oldest first; raises ``BrokerError``."""
        return await self._books.order_book(self.account)

    async def trade_book(self) -> Sequence[BrokerFill]:
        """Return today's executions; raises ``BrokerError``."""
        return await self._books.trade_book(self.account)

    async def positions(self) -> Sequence[BrokerPosition]:
        """Return net positions, closed ones with quantity 0 included; raises ``BrokerError``."""
        return await self._books.positions(self.account)

    async def funds(self) -> Funds:
        """Return the rupees of all segments together; raises ``BrokerError``."""
        return await self._books.funds(self.account)

    async def aclose(self) -> None:
        """Close the account's HTTP session."""
        await self.account.wire.aclose()

    async def judged(self, answer: WireAnswer, *, expected_id: str) -> Outcome:
        """Return what the answer to an order call proves; never raises. A broker that asks back answers here."""
        return self.outcome(answer, expected_id=expected_id)

    async def sent(self, request: WireRequest) -> WireAnswer | Outcome:
        """Send an order call once; an ``Outcome`` where no whole answer came."""
        try:
            return await self.account.wire.send(request, limit=ORDER_BODY_LIMIT)
        except WireFailure as failure:
            return Outcome(Verdict.UNKNOWN, code=failure.code, message=failure.message)

    async def _once(self, build: Callable[[], WireRequest], *, expected_id: str = "") -> Outcome:
        try:
            request = build()
        except ValueError as error:
            return Outcome(Verdict.REJECTED, code="INVALID", message=str(error))
        except SessionLost as error:
            return Outcome(Verdict.SESSION_LOST, code=error.code, message=error.message)
        answer = await self.sent(request)
        return answer if isinstance(answer, Outcome) else await self.judged(answer, expected_id=expected_id)
