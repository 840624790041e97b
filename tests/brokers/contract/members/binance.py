"""Binance's spot market under the contract. Bodies follow https://developers.binance.com/docs/binance-spot-api-docs."""

from collections.abc import Mapping
from decimal import Decimal

from domain.broker import Verdict
from domain.orders import OrderStatus, OrderType
from tests.brokers.contract.contracts import Contract
from tests.brokers.contract.member import Shown, Status
from tests.brokers.contract.members.binance_market import Market
from tests.brokers.contract.members.binance_samples import DAY, SYMBOL, error, stage_of, told

BITCOIN = Contract("bitcoin", "BINANCE", SYMBOL, "SPOT", tick_size=Decimal("0.01"), multiplier=Decimal("0.00001"))
_ETHER = Contract(
    "ether", "BINANCE", "ETHUSDT", "SPOT", lot_size=10, tick_size=Decimal("0.01"), multiplier=Decimal("0.0001")
)
_V = Verdict
_KEYLESS = "Invalid API-key, IP, or permissions for action."
_HEAVY = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
_BANNED = "Way too much request weight used; IP banned until 1764442800000."
_HASTY = "Too many new orders; current limit is 50 orders per 10 SECOND."
_LOST = "An unexpected response was received from the message bus. Execution status unknown."
ERRORS = (
    error(401, -2015, _KEYLESS, _V.SESSION_LOST),
    error(400, -2015, "Invalid API-key, IP, or permissions for action, request ip: 10.0.0.1", _V.SESSION_LOST),
    error(429, -1003, _HEAVY, _V.RATE_LIMITED),
    error(418, -1003, _BANNED, _V.RATE_LIMITED),
    error(429, -1015, _HASTY, _V.RATE_LIMITED),
    error(400, -2010, "Account has insufficient balance for requested action.", _V.REJECTED, is_margin=True),
    error(400, -2010, "Market is closed.", _V.REJECTED),
    error(400, -2010, "Order would trigger immediately.", _V.REJECTED),
    error(400, -2010, "This action is disabled on this account.", _V.REJECTED),
    error(400, -2010, "This symbol is not supported for this account.", _V.REJECTED),
    error(400, -1013, "Filter failure: LOT_SIZE", _V.REJECTED),
    error(400, -1013, "Filter failure: PRICE_FILTER", _V.REJECTED),
    error(400, -1102, "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.", _V.REJECTED),
    error(400, -1111, "Parameter 'quantity' has too much precision.", _V.REJECTED),
    error(400, -2022, "Order cancel-replace failed.", _V.REJECTED),
    # An order with our id is there: whose answer was lost, the book tells.
    error(400, -2010, "Duplicate order sent.", _V.UNKNOWN),
    error(400, -2010, "Something nobody has seen before.", _V.UNKNOWN),
    error(400, -2010, "", _V.UNKNOWN),
    error(409, -2021, "Order cancel-replace partially failed.", _V.UNKNOWN),
    error(400, -1000, "An unknown error occurred while processing the request.", _V.UNKNOWN),
    error(400, -1006, _LOST, _V.UNKNOWN),
    error(400, -1007, "Timeout waiting for response from backend server. Send status unknown.", _V.UNKNOWN),
    error(400, -1008, "Server is currently overloaded with other requests.", _V.UNKNOWN),
    error(500, -1013, "Filter failure: LOT_SIZE", _V.UNKNOWN),
    error(200, -1013, "Filter failure: LOT_SIZE", _V.UNKNOWN),
    error(200, -2015, _KEYLESS, _V.UNKNOWN),
)
TICKER = {
    **DAY,
    "p": "100.00000000",
    "w": "91000.10000000",
    "x": "90900.00000000",
    "c": "91000.01000000",
    "Q": "0.00100000",
    "b": "91000.00000000",
    "B": "1.50000000",
    "a": "91000.01000000",
    "A": "0.25000000",
    "o": "90900.00000000",
    "h": "92000.00000000",
    "l": "90000.00000000",
    "v": "12345.67890000",
    "q": "1123456789.00000000",
}


def _filters(tick: Decimal, least: Decimal, step: Decimal) -> list[dict[str, object]]:
    return [
        {"filterType": "PRICE_FILTER", "minPrice": f"{tick:.8f}", "maxPrice": "1000000", "tickSize": f"{tick:.8f}"},
        {"filterType": "LOT_SIZE", "minQty": f"{least:.8f}", "maxQty": "9000.00000000", "stepSize": f"{step:.8f}"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000", "applyMinToMarket": True, "avgPriceMins": 5},
    ]


class Spot(Market):
    """Pairs, traded by stops as well; an order is changed by another in its place."""

    named_in = "pairs"
    first_client = 70_000_000
    stage = stage_of(
        BITCOIN,
        _ETHER,
        Contract("a thousand of it", "BINANCE", "1000SATSUSDT", "SPOT", tick_size=Decimal("0.0001")),
        Contract("tiny", "BINANCE", "PEPEUSDT", "SPOT", tick_size=Decimal("0.00000001")),
    )
    path = "/api/v3/exchangeInfo"
    foreign = (
        {"symbol": "ETHBTC", "baseAsset": "ETH", "quoteAsset": "BTC"},
        {"symbol": "LUNAUSDT", "baseAsset": "LUNA", "status": "BREAK"},
        {
            "symbol": "FINEUSDT",
            "baseAsset": "FINE",
            "filters": _filters(Decimal("0.01"), Decimal(1), Decimal("0.0000001")),
        },
        {"symbol": "BAREUSDT", "baseAsset": "BARE", "filters": []},
    )
    digits = 8
    types: Mapping[OrderType, str] = {OrderType.LIMIT: "LIMIT", OrderType.SL: "STOP_LOSS_LIMIT"}
    receipt: Mapping[str, object] = {"orderListId": -1, "transactTime": 1764442800000}
    ticker = TICKER
    broken = (
        told(TICKER, b="-1.00000000"),
        '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","s":"BTCUSDT","p":"1.00000000","T":1}}',
    )
    errors = ERRORS
    statuses = (Status("PENDING_NEW", OrderStatus.OPEN),)
    changes = "replaced as often as one likes"

    def order(self, row: Shown, now: int) -> Mapping[str, object]:
        is_stop = row.order_type is OrderType.SL
        return {
            "orderListId": -1,
            "price": "91000.00000000",
            "cummulativeQuoteQty": self.amount(row.filled * 91000),
            "stopPrice": "90000.00000000" if is_stop else "0.00000000",
            "icebergQty": "0.00000000",
            "isWorking": not is_stop,
            "origQuoteOrderQty": "0.00000000",
            "workingTime": -1 if is_stop else now,
        }

    def entry(self, one: Contract) -> Mapping[str, object]:
        return {
            "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"],
            "isSpotTradingAllowed": True,
            "filters": _filters(one.tick_size, one.multiplier * one.lot_size, one.multiplier),
        }


MEMBER = Spot().member()
