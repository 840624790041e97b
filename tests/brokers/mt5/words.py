"""What terminals say: bodies by field, each test changes what it is about."""

from typing import Any

import orjson

SYMBOL: dict[str, Any] = {
    "name": "XAUUSD",
    "digits": 2,
    "point": 0.01,
    "trade_tick_size": 0.01,
    "trade_tick_value": 1.0,
    "trade_contract_size": 100.0,
    "volume_min": 0.01,
    "volume_max": 50.0,
    "volume_step": 0.01,
    "trade_stops_level": 0,
    "trade_freeze_level": 0,
    "filling_mode": 2,
    "trade_exemode": 1,
    "trade_mode": 4,
    "currency_profit": "USD",
}
HELLO: dict[str, Any] = {
    "protocol": 1,
    "instance": "ring1",
    "ea_version": "1.00",
    "build": 4000,
    "login": 5001,
    "server": "Demo",
    "currency": "USD",
    "leverage": 100,
    "margin_mode": 0,
    "trade_allowed": True,
    "symbols": [SYMBOL],
}
ORDER: dict[str, Any] = {
    "ticket": 11,
    "symbol": "XAUUSD",
    "type": 2,
    "state": 1,
    "magic": 7,
    "position_id": 0,
    "volume_initial": 0.03,
    "volume_current": 0.03,
    "price_open": 4000.0,
    "price_stoplimit": 0.0,
    "time_setup_msc": 1764442800000,
    "time_done_msc": 0,
    "comment": "TAG1",
    "cmd_id": "",
}
DEAL: dict[str, Any] = {
    "ticket": 21,
    "order": 11,
    "symbol": "XAUUSD",
    "type": 0,
    "entry": 0,
    "magic": 7,
    "position_id": 11,
    "volume": 0.02,
    "price": 4000.5,
    "commission": -0.07,
    "swap": 0.0,
    "profit": 0.0,
    "time_msc": 1764442801000,
    "comment": "TAG1",
}
POSITION: dict[str, Any] = {
    "ticket": 11,
    "symbol": "XAUUSD",
    "type": 0,
    "magic": 7,
    "volume": 0.02,
    "price_open": 4000.5,
    "price_current": 4001.0,
    "profit": 1.0,
    "time_msc": 1764442801000,
    "comment": "TAG1",
}


def hello(**changes: Any) -> bytes:
    return orjson.dumps(HELLO | changes)


def sync(
    orders: list[Any] | None = None, deals: list[Any] | None = None, positions: list[Any] | None = None
) -> dict[str, Any]:
    lists = {"orders": orders or [], "deals": deals or [], "positions": positions or []}
    totals = {f"{name}_total": len(rows) for name, rows in lists.items()}
    return {"orders_hash": "o1", "positions_hash": "p1", "history_from_msc": 0, **totals, **lists}


def poll(session: str, mark: int, **changes: Any) -> bytes:
    body = {
        "session": session,
        "mark": mark,
        "trade_allowed": True,
        "account": {"balance": 1000.0, "equity": 1000.0, "margin": 100.0, "margin_free": 900.0},
        "ticks": [],
        "positions_hash": "p1",
        "orders_hash": "o1",
    }
    return orjson.dumps(body | changes)


def result(session: str, cmd_id: str, retcode: int = 10009, **changes: Any) -> bytes:
    body = {
        "session": session,
        "cmd_id": cmd_id,
        "retcode": retcode,
        "deal": 0,
        "order": 11,
        "volume": 0.03,
        "price": 4000.0,
        "bid": 4000.1,
        "ask": 4000.4,
        "comment": "",
        "request_id": 1,
        "retcode_external": 0,
        "last_error": 0,
    }
    return orjson.dumps(body | changes)


def event(session: str) -> bytes:
    numbers = ("type", "deal", "order", "order_type", "order_state", "deal_type", "price", "price_sl", "price_tp")
    body = dict.fromkeys((*numbers, "volume", "position", "position_by"), 0)
    return orjson.dumps(body | {"session": session, "symbol": "XAUUSD"})


def bars(session: str, cmd_id: str, *rows: dict[str, Any]) -> bytes:
    return orjson.dumps({"session": session, "cmd_id": cmd_id, "last_error": 0, "bars": rows})
