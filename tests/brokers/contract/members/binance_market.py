"""A market of Binance's under the contract: one broker, one key and the same shapes; a member says the rest."""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import orjson
from aiohttp import web

from brokers.binance.spec import SPEC
from brokers.catalog import simulated_endpoint
from domain.broker import Endpoint
from domain.orders import OrderRequest, OrderStatus, OrderType
from tests.brokers.contract.bench import Bench
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import FeedSample, File, Member, Sample, Shown, Status
from tests.brokers.contract.members.binance_samples import (
    ERRORS,
    STATUSES,
    STRANGERS,
    SYMBOL,
    UNUSABLE,
    confirmed,
    listing,
    told,
)
from tests.brokers.contract.stage import Stage


def endpoint(base: str) -> Endpoint:
    return simulated_endpoint("binance", base)


def register(name: str) -> Mapping[str, object]:
    return {"client": name, "broker": "binance", "api_key": f"key{name}", "api_secret": f"secret{name}"}


async def renew(bench: Bench, name: str) -> None:
    """The owner lets the key live again."""
    await bench.control("clients", {"clients": [register(name)]})


class Market(ABC):
    """One market.

    ``mark`` begins the names of its orders, ``named_in`` is the credential that names its symbols, ``first_client`` the
    number its clients count from. ``path`` is where its master is, ``foreign`` how entries of it differ that nobody
    here can trade. ``digits`` are those of its amounts, ``types`` its words for types of orders, ``receipt`` what its
    answer to a place says beside the order's names. ``ticker`` is a message of its socket, ``broken`` are some that
    carry no tick; ``errors`` and ``statuses`` are those the other does not have.
    """

    part = ""
    mark = ""
    named_in: str
    first_client: int
    stage: Stage
    path: str
    foreign: Sequence[Mapping[str, object]]
    digits: int
    types: Mapping[OrderType, str]
    receipt: Mapping[str, object]
    ticker: Mapping[str, object]
    broken: Sequence[str]
    errors: Sequence[Sample]
    statuses: Sequence[Status] = ()
    changes: str

    @abstractmethod
    def order(self, row: Shown, now: int) -> Mapping[str, object]:
        """What an order's row says beside what both markets do."""

    @abstractmethod
    def entry(self, one: Contract) -> Mapping[str, object]:
        """What a contract's entry in the master says beside what both markets do."""

    async def greet(self, socket: web.WebSocketResponse) -> None:
        """The subscription is read and confirmed."""
        await confirmed(socket)

    def fields(self, name: str) -> Mapping[str, str]:
        return {"api_key": f"key{name}", "api_secret": f"secret{name}", self.named_in: SYMBOL}

    def book(self, rows: Sequence[Shown]) -> bytes:
        return orjson.dumps([self._order(row) for row in rows])

    def amount(self, units: int) -> str:
        return format(units * self.stage.step, f".{self.digits}f")

    def placed(self, order_id: str) -> bytes:
        return self._acknowledged(28, order_id, SYMBOL)

    def taken(self, order_id: str, wish: OrderRequest) -> bytes:
        return self._acknowledged(int(order_id), wish.client_order_id, wish.symbol)

    def master(self, contracts: Sequence[Contract]) -> Mapping[str, File]:
        symbols = [self._listed(one) for one in contracts]
        # What nobody here can trade is in the real file too: left out without a word, or with one.
        symbols += [{**self._listed(self.stage.sample), **change} for change in self.foreign]
        return {path: listing(entry) for path, entry in STRANGERS.items()} | {self.path: listing(*symbols)}

    def member(self) -> Member:
        return Member(
            spec=SPEC,
            part=self.part,
            endpoint=endpoint,
            register=register,
            fields=self.fields,
            code=None,
            browse=None,
            denied=(),
            errors=(*ERRORS, *self.errors),
            statuses=(*STATUSES, *self.statuses),
            book=self.book,
            placed=self.placed,
            master=self.master,
            symbols={one.name: one.underlying for one in self.stage.contracts},
            greet=self.greet,
            feed=FeedSample(whole=told(self.ticker), ticks=1, broken=(*self._broken(), *self.broken)),
            unusable=UNUSABLE,
            reasons={
                211: f"an order may be {self.changes}; the SPEC's limit is our own caution",
                308: "an order the book would refuse is refused in the answer: none has an id first",
            },
            stage=self.stage,
            taken=self.taken,
            order_id=lambda _, wish: f"{self.mark}{wish.symbol}:{wish.client_order_id}",
            client_name=lambda number: str(self.first_client + number),
            session_endpoint="account",
            renew=renew,
            public_data=True,
            unfilled=OrderStatus.EXPIRED,
        )

    def _order(self, row: Shown) -> Mapping[str, object]:
        now = int(time.time() * 1000)
        return {
            "symbol": SYMBOL,
            "orderId": int(row.order_id),
            "clientOrderId": row.tag,
            "origQty": self.amount(row.quantity),
            "executedQty": self.amount(row.filled),
            "status": row.status,
            "timeInForce": "GTC",
            "type": self.types[row.order_type],
            "side": "BUY",
            "time": now,
            "updateTime": now,
            "selfTradePreventionMode": "NONE",
            **self.order(row, now),
        }

    def _acknowledged(self, number: int, client_order_id: str, symbol: str) -> bytes:
        names = {"symbol": symbol, "orderId": number, "clientOrderId": client_order_id}
        return orjson.dumps({**names, **self.receipt})

    def _listed(self, one: Contract) -> Mapping[str, object]:
        coin = one.underlying.removesuffix("USDT")
        named = {"symbol": one.underlying, "baseAsset": coin, "quoteAsset": "USDT"}
        return {**named, "status": "TRADING", **self.entry(one)}

    def _broken(self) -> Sequence[bytes | str]:
        return (
            "",
            b"\x00",
            "not JSON",
            "[]",
            '{"stream":"btcusdt@ticker"}',
            '{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","s":"BTCUSDT"}}',
            *(told(self.ticker, c=price) for price in ("1e5x", 91000.01, "NaN")),
            '{"error":{"code":2,"msg":"Invalid request"},"id":1}',
        )
