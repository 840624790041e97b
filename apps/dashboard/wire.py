"""The socket's messages as JSON: money and prices as plain decimal text, times as epoch milliseconds. See LIVE.md."""

import time
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import orjson

from apps.dashboard.marks import Line
from apps.dashboard.services.board import AccountLine, Board, LegLine, OrderLine, TradeLine

_PAISA = Decimal("0.01")


def paise_text(paise: int | None) -> str | None:
    """Return paise as rupees: -12345 is "-123.45"."""
    if paise is None:
        return None
    if -100 < paise < 100:
        return f"{'-' if paise < 0 else ''}0.{abs(paise):02d}"
    digits = str(paise)
    return f"{digits[:-2]}.{digits[-2:]}"


def money(amount: Decimal | None) -> str | None:
    """Return rupees with two decimals, rounded half-up."""
    return None if amount is None else str(amount.quantize(_PAISA, rounding=ROUND_HALF_UP))


def priced(price: Decimal | None, decimals: int) -> str | None:
    """Return a price with the contract's decimals, an average rounded half-up to them."""
    if price is None:
        return None
    return f"{price.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP):f}"


def milliseconds(at: datetime | None) -> int | None:
    """Return an instant as epoch milliseconds."""
    return None if at is None else int(at.timestamp() * 1000)


def now_ms() -> int:
    """Return the wall clock as epoch milliseconds."""
    return time.time_ns() // 1_000_000


def dump(message: Mapping[str, Any]) -> str:
    """Return a message's text."""
    return orjson.dumps(message).decode()


def board_message(board: Board) -> dict[str, Any]:
    """Return the parts of a snapshot that only the database knows."""
    return {
        "accounts": [_account(account) for account in board.accounts],
        "trades": [_trade(trade) for trade in board.trades],
        "orders": [_order(order) for order in board.orders],
        "watchlist": [
            {"id": item.id, "instrument": item.instrument_id, "symbol": item.symbol} for item in board.watchlist
        ],
        "totals": {
            total.key: {"charges": money(total.charges), "trades": total.trades, "open_trades": total.open_trades}
            for total in board.totals
        },
    }


def marked(lines: Mapping[str, Line], prices: Mapping[int, int]) -> dict[str, str | None]:
    """Return every figure that moves, as text by key."""
    return {key: paise_text(line.paise(prices)) for key, line in lines.items()}


def _account(account: AccountLine) -> dict[str, Any]:
    return {
        "id": account.id,
        "label": account.label,
        "broker": account.broker,
        "unit": account.unit,
        "mode": account.mode,
        "mode_reason": account.mode_reason,
        "funds": money(account.funds),
        "halts": [{"scope": halt.scope, "reason_code": halt.code, "reason": halt.why} for halt in account.halts],
        "session_seconds": None if account.session_seconds is None else int(account.session_seconds),
    }


def _trade(trade: TradeLine) -> dict[str, Any]:
    return {
        "id": trade.id,
        "account": trade.account_id,
        "strategy": trade.strategy,
        "mode": trade.mode,
        "status": trade.status,
        "pnl": money(trade.pnl),
        "unit": trade.unit,
        "charges": money(trade.charges),
        "opened_at": milliseconds(trade.opened_at),
        "closed_at": milliseconds(trade.closed_at),
        "checking": [check.order_id for check in trade.checks],
        "legs": [_leg(leg) for leg in trade.legs],
    }


def _leg(leg: LegLine) -> dict[str, Any]:
    return {
        "id": leg.id,
        "instrument": leg.instrument_id,
        "symbol": leg.symbol,
        "side": leg.side,
        "quantity": leg.quantity,
        "open_quantity": leg.open_quantity,
        "entry_price": priced(leg.entry_price, leg.decimals),
        "exit_price": priced(leg.exit_price, leg.decimals),
        "last_price": priced(leg.mark.price, leg.decimals),
        "pnl": money(leg.pnl),
        "stop_price": priced(leg.stop_price, leg.decimals),
        "target_price": priced(leg.target_price, leg.decimals),
    }


def _order(order: OrderLine) -> dict[str, Any]:
    return {
        "id": order.id,
        "account": order.account_id,
        "trade": order.trade_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": order.quantity,
        "filled_quantity": order.filled_quantity,
        "average_price": priced(order.average_price, order.decimals),
        "status": order.status,
        "text": order.words.text,
        "checking_since": milliseconds(order.checking_since),
        "reason": order.reason,
        "client_order_id": order.client_order_id,
        "broker_order_id": order.broker_order_id,
    }
