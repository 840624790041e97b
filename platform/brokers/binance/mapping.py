"""The spot market's rows in our words. Pure. A malformed row is refused by name, never guessed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from brokers.binance.ids import SPOT_MARK, order_id
from brokers.binance.rows import BookRow, FillRow, Market, counted
from brokers.binance.spec import SPOT
from domain.orders import BrokerFill, BrokerOrder, OrderType, Product

_MARKET = Market(
    exchange=SPOT,
    mark=SPOT_MARK,
    product=Product.CNC,
    types={
        "LIMIT": OrderType.LIMIT,
        "LIMIT_MAKER": OrderType.LIMIT,
        "MARKET": OrderType.MARKET,
        "STOP_LOSS": OrderType.SL_M,
        "STOP_LOSS_LIMIT": OrderType.SL,
        "TAKE_PROFIT": OrderType.SL_M,
        "TAKE_PROFIT_LIMIT": OrderType.SL,
    },
)
_CENT_OF_A_CENT = Decimal("0.00000001")


class OrderRow(BookRow, kw_only=True):
    """A row of ``openOrders`` and ``allOrders``; ``isWorking`` is false for a stop that waits."""

    cummulativeQuoteQty: Decimal
    isWorking: bool = True


class TradeRow(FillRow, kw_only=True):
    """A row of ``myTrades``."""

    commission: Decimal
    commissionAsset: str
    isBuyer: bool


def orders_of(rows: Iterable[OrderRow], steps: Mapping[str, Decimal]) -> list[BrokerOrder]:
    """Return one order per name: what a modify replaced is one with what replaced it. Raises ``MalformedRow``."""
    named: dict[str, list[OrderRow]] = {}
    for row in rows:
        named.setdefault(order_id(row.symbol, row.clientOrderId, row.orderId), []).append(row)
    return [_one(sorted(same, key=lambda row: row.orderId), steps) for same in named.values()]


def _one(rows: Sequence[OrderRow], steps: Mapping[str, Decimal]) -> BrokerOrder:
    """Return the latest of the orders of one name, with what those it replaced had filled."""
    *before, order = (order_of(row, steps[row.symbol]) for row in rows)
    earlier = sum(one.filled_quantity for one in before)
    if not earlier:
        return order
    filled = earlier + order.filled_quantity
    worth = sum((one.filled_quantity * one.average_price for one in (*before, order)), Decimal(0))
    quantity = earlier + order.quantity
    return replace(order, quantity=quantity, filled_quantity=filled, average_price=worth / filled)


def order_of(row: OrderRow, step: Decimal) -> BrokerOrder:
    """Return the order a row shows, in units; raises ``MalformedRow``."""
    quantity, filled = counted(row, step, "cummulativeQuoteQty")
    return _MARKET.order(
        row,
        name=order_id(row.symbol, row.clientOrderId, row.orderId),
        quantity=quantity,
        filled=filled,
        average_price=_average(row.cummulativeQuoteQty, row.executedQty),
        is_working=row.isWorking,
    )


def fill_of(row: TradeRow, step: Decimal, names: Mapping[int, str]) -> BrokerFill:
    """Return the execution a row shows; ``names`` are the orders' by Binance's number. Raises ``MalformedRow``."""
    return _MARKET.fill(row, step, names, side="BUY" if row.isBuyer else "SELL")


def cost_of(trades: Sequence[TradeRow], *, held: Decimal, base: str, within: Decimal) -> Decimal | None:
    """Return the average price of what is held; ``None`` where the executions do not add up to it, give or take
    ``within``."""
    quantity, worth = Decimal(0), Decimal(0)
    for trade in trades:
        fee = trade.commission if trade.commissionAsset == base else Decimal(0)
        if trade.isBuyer:
            quantity, worth = quantity + trade.qty - fee, worth + trade.qty * trade.price
            continue
        left = quantity - trade.qty - fee
        worth = worth * left / quantity if quantity > 0 and left > 0 else Decimal(0)
        quantity = left
    explained = quantity > 0 and abs(quantity - held) < within
    return (worth / quantity).quantize(_CENT_OF_A_CENT) if explained else None


def _average(worth: Decimal, amount: Decimal) -> Decimal:
    return (worth / amount).quantize(_CENT_OF_A_CENT) if amount > 0 else Decimal(0)
