"""Binance's USD-M futures under the contract: the same broker, an account that names contracts and no pairs.

Bodies follow https://developers.binance.com/docs/derivatives/usds-margined-futures.
"""

from collections.abc import Mapping
from decimal import Decimal

from aiohttp import web

from domain.broker import Verdict
from domain.orders import OrderType
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import Shown
from tests.brokers.contract.members.binance_market import Market
from tests.brokers.contract.members.binance_samples import DAY, SYMBOL, confirmed, error, stage_of, told

_STEP = Decimal("0.001")
BITCOIN = Contract("bitcoin", "BINANCE_UM", SYMBOL, "PERP", tick_size=Decimal("0.1"), multiplier=_STEP)
_ETHER = Contract("ether", "BINANCE_UM", "ETHUSDT", "PERP", lot_size=10, tick_size=Decimal("0.01"), multiplier=_STEP)
_V = Verdict
_HEAVY = "Too many requests; current limit is 2400 requests per minute. Please use the websocket for live updates."
_KEYLESS = "Invalid API-key, IP, or permissions for action, request ip: 10.0.0.1"
_ALGO = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
_RULES = "Futures Trading Quantitative Rules violated, only reduceOnly order is allowed, please try again later."
ERRORS = (
    error(401, -2015, _KEYLESS, _V.SESSION_LOST),
    error(429, -1003, _HEAVY, _V.RATE_LIMITED),
    error(418, -1003, "Way too many requests; IP banned until 1764442800000.", _V.RATE_LIMITED),
    error(429, -1015, "Too many new orders; current limit is 300 orders per TEN_SECONDS.", _V.RATE_LIMITED),
    error(400, -2018, "Balance is insufficient.", _V.REJECTED, is_margin=True),
    error(400, -2019, "Margin is insufficient.", _V.REJECTED, is_margin=True),
    error(400, -2027, "Exceeded the maximum allowable position at current leverage.", _V.REJECTED, is_margin=True),
    error(400, -2028, "Leverage is smaller than permitted: insufficient margin balance.", _V.REJECTED, is_margin=True),
    error(400, -1111, "Precision is over the maximum defined for this asset.", _V.REJECTED),
    error(400, -2013, "Order does not exist.", _V.REJECTED),
    error(400, -2021, "Order would immediately trigger.", _V.REJECTED),
    error(400, -2022, "ReduceOnly Order is rejected.", _V.REJECTED),
    error(400, -2025, "Reach max open order limit.", _V.REJECTED),
    error(400, -4003, "Quantity less than or equal to zero.", _V.REJECTED),
    error(400, -4005, "Quantity greater than max quantity.", _V.REJECTED),
    error(400, -4014, "Price not increased by tick size.", _V.REJECTED),
    error(400, -4016, "Limit price can't be higher than 96000.00.", _V.REJECTED),
    error(400, -4023, "Qty not increased by step size.", _V.REJECTED),
    error(400, -4061, "Order's position side does not match user's setting.", _V.REJECTED),
    error(400, -4120, _ALGO, _V.REJECTED),
    error(400, -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.", _V.REJECTED),
    error(400, -4164, "Order's notional must be no smaller than 100 (unless you choose reduce only).", _V.REJECTED),
    error(400, -4400, _RULES, _V.REJECTED),
    error(
        400, -5021, "Due to the order could not be filled immediately, the FOK order has been rejected.", _V.REJECTED
    ),
    error(400, -5027, "No need to modify the order.", _V.REJECTED),
    error(400, -5028, "Timestamp for this request is outside of the ME recvWindow.", _V.REJECTED),
    # An order with our id is there: whose answer was lost, the book tells.
    error(400, -4116, "ClientOrderId is duplicated.", _V.UNKNOWN),
    error(400, -5043, "A pending modification already exists for this order.", _V.UNKNOWN),
    error(400, -2010, "NEW_ORDER_REJECTED", _V.UNKNOWN),
    error(400, -4999, "Something nobody has seen before.", _V.UNKNOWN),
    error(400, -4014, "", _V.UNKNOWN),
    error(400, -1000, "An unknown error occured while processing the request.", _V.UNKNOWN),
    error(400, -1006, "An unexpected response was received from the message bus.", _V.UNKNOWN),
    error(408, -1007, "Timeout waiting for response from backend server. Send status unknown.", _V.UNKNOWN),
    error(503, 0, "Unknown error, please check your request or try again later.", _V.UNKNOWN),
    error(500, -4014, "Price not increased by tick size.", _V.UNKNOWN),
    error(200, -4014, "Price not increased by tick size.", _V.UNKNOWN),
    error(200, -2015, _KEYLESS, _V.UNKNOWN),
)
BOOK = {
    "e": "depthUpdate",
    "E": 1764442800100,
    "T": 1764442800099,
    "s": SYMBOL,
    "U": 390497796,
    "u": 390497878,
    "pu": 390497794,
    "b": [["91000.0", "1.500"], ["90999.9", "0.250"]],
    "a": [["91000.1", "0.025"]],
}
TICKER = {
    **DAY,
    "p": "100.00",
    "w": "91000.10",
    "c": "91000.10",
    "Q": "0.001",
    "o": "90900.00",
    "h": "92000.00",
    "l": "90000.00",
    "v": "12345.678",
    "q": "1123456789.00",
}
_DEPTH = "depth5@500ms"


def _filters(tick: Decimal, least: Decimal, step: Decimal) -> list[dict[str, object]]:
    sizes = {"minQty": str(least), "maxQty": "1000", "stepSize": str(step)}
    return [
        {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "4529764", "tickSize": str(tick)},
        {"filterType": "LOT_SIZE", **sizes},
        {"filterType": "MARKET_LOT_SIZE", **sizes},
        {"filterType": "MAX_NUM_ORDERS", "limit": 200},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
        {"filterType": "PERCENT_PRICE", "multiplierUp": "1.0500", "multiplierDown": "0.9500", "multiplierDecimal": "4"},
    ]


class Futures(Market):
    """Perpetual contracts in one-way mode; stops are a service beside it. A feed has a socket of books as well."""

    part = "UM"
    mark = "UM:"
    named_in = "contracts"
    first_client = 80_000_000
    stage = stage_of(
        BITCOIN,
        _ETHER,
        Contract("a thousand of it", "BINANCE_UM", "1000SATSUSDT", "PERP", tick_size=Decimal("0.0001")),
    )
    path = "/fapi/v1/exchangeInfo"
    foreign = (
        {"symbol": "BTCUSDC", "quoteAsset": "USDC", "marginAsset": "USDC"},
        {"symbol": "BTCUSDT_261225", "contractType": "CURRENT_QUARTER"},
        {"symbol": "TSLAUSDT", "baseAsset": "TSLA", "contractType": "TRADIFI_PERPETUAL"},
        {"symbol": "LUNAUSDT", "baseAsset": "LUNA", "status": "SETTLING"},
        {
            "symbol": "FINEUSDT",
            "baseAsset": "FINE",
            "filters": _filters(Decimal("0.000000001"), Decimal(1), Decimal(1)),
        },
        {"symbol": "BAREUSDT", "baseAsset": "BARE", "filters": []},
        {"symbol": "\u5e01\u5b89USDT", "baseAsset": "\u5e01\u5b89"},
    )
    digits = 3
    # A stop is shown that somebody else placed, before such orders were moved to a service of their own.
    types: Mapping[OrderType, str] = {OrderType.LIMIT: "LIMIT", OrderType.SL: "STOP"}
    receipt: Mapping[str, object] = {
        "status": "NEW",
        "price": "91000.0",
        "origQty": "0.001",
        "executedQty": "0.000",
        "positionSide": "BOTH",
    }
    ticker = TICKER
    broken = (
        told(TICKER, o="-1.00"),
        told(BOOK, _DEPTH, b=[["91000.0"]]),
        told(BOOK, _DEPTH, a=[["NaN", "1"]]),
        '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","p":"1.00","T":1}}',
    )
    errors = ERRORS
    changes = "changed thousands of times"

    async def greet(self, socket: web.WebSocketResponse) -> None:
        """The subscription is read and confirmed; the socket of books shows one, and says no more."""
        if any("@depth" in name for name in await confirmed(socket)):
            await socket.send_str(told(BOOK, _DEPTH))
            await socket.receive()
            raise ConnectionResetError("the feed has gone")

    def order(self, row: Shown, now: int) -> Mapping[str, object]:
        return {
            "avgPrice": "91000.00000" if row.filled else "0.00000",
            "cumQuote": self.amount(row.filled * 91000),
            "origType": self.types[row.order_type],
            "price": "91000.0",
            "reduceOnly": False,
            "positionSide": "BOTH",
            "stopPrice": "90000.0" if row.order_type is OrderType.SL else "0",
            "closePosition": False,
            "workingType": "CONTRACT_PRICE",
            "priceProtect": False,
            "priceMatch": "NONE",
            "goodTillDate": 0,
        }

    def entry(self, one: Contract) -> Mapping[str, object]:
        return {
            "pair": one.underlying,
            "contractType": "PERPETUAL",
            "marginAsset": "USDT",
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "orderTypes": ["LIMIT", "MARKET", "STOP"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
            "filters": _filters(one.tick_size, one.multiplier * one.lot_size, one.multiplier),
        }


MEMBER = Futures().member()
