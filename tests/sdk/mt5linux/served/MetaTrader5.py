"""The vendor's Python module of a terminal, in front of the simulated one: what ``rpyc_classic.py`` serves to mt5linux.

It has the vendor's names and shapes and decides nothing: each function asks the terminal of the simulated exchange
(``MT5_TERMINAL``) and wraps what comes back. An outcome of ``None`` has its reason in ``last_error()``.
"""

import json
import os
import urllib.error
import urllib.request
from collections import namedtuple
from datetime import UTC, datetime

import numpy

_RATES = [
    ("time", "<i8"),
    ("open", "<f8"),
    ("high", "<f8"),
    ("low", "<f8"),
    ("close", "<f8"),
    ("tick_volume", "<u8"),
    ("spread", "<i4"),
    ("real_volume", "<u8"),
]
_session = {"login": "", "password": ""}
_error = (1, "Success")
_shapes = {}


def initialize(path="", login=0, password="", server="", timeout=60000, portable=False):
    """Sign in to the terminal; False where it does not let us."""
    _session.update(login=str(login), password=password)
    return _ask("account_info") is not None


def login(login, password="", server="", timeout=60000):
    """Sign in as somebody else."""
    return initialize(login=login, password=password)


def shutdown():
    """Sign out."""
    _session.update(login="", password="")


def version():
    """Version, build and date of the terminal."""
    return (500, 4000, "20 Nov 2026")


def last_error():
    """The reason of the last ``None``."""
    return _error


def account_info():
    return _row("AccountInfo", _ask("account_info"))


def terminal_info():
    return _row("TerminalInfo", {"connected": True, "trade_allowed": True, "build": 4000, "name": "Simulated"})


def symbols_total():
    return len(_ask("symbols_get") or ())


def symbols_get(group=""):
    return _rows("SymbolInfo", _ask("symbols_get"))


def symbol_info(symbol):
    return _row("SymbolInfo", _ask("symbol_info", symbol=symbol))


def symbol_info_tick(symbol):
    return _row("Tick", (_ask("ticks", symbols=[symbol]) or {}).get(symbol))


def symbol_select(symbol, enable=True):
    return symbol_info(symbol) is not None


def copy_rates_range(symbol, timeframe, date_from, date_to):
    span = {"from": int(date_from.timestamp()), "to": int(date_to.timestamp())}
    rows = _ask("copy_rates_range", symbol=symbol, timeframe=timeframe, **span)
    if rows is None:
        return None
    return numpy.array([tuple(row[name] for name, _ in _RATES) for row in rows], dtype=_RATES)


def orders_total():
    return len(_ask("orders_get") or ())


def orders_get(symbol=None, group=None, ticket=None):
    return _rows("TradeOrder", _ask("orders_get", symbol=symbol, ticket=ticket))


def positions_total():
    return len(_ask("positions_get") or ())


def positions_get(symbol=None, group=None, ticket=None):
    return _rows("TradePosition", _ask("positions_get", symbol=symbol, ticket=ticket))


def history_orders_get(date_from=None, date_to=None, group=None, ticket=None, position=None):
    return _rows("TradeOrder", _history("history_orders_get", date_from, date_to, ticket, position))


def history_orders_total(date_from, date_to):
    return len(_history("history_orders_get", date_from, date_to, None, None) or ())


def history_deals_get(date_from=None, date_to=None, group=None, ticket=None, position=None):
    return _rows("TradeDeal", _history("history_deals_get", date_from, date_to, ticket, position))


def history_deals_total(date_from, date_to):
    return len(_history("history_deals_get", date_from, date_to, None, None) or ())


def order_check(request):
    return _row("OrderCheckResult", _ask("order_check", **request))


def order_send(request):
    return _row("OrderSendResult", _ask("order_send", **request))


def _history(function, date_from, date_to, ticket, position):
    since, until = (_msc(at) for at in (date_from, date_to))
    return _ask(function, since_msc=since, until_msc=until, ticket=ticket, position=position)


def _msc(at):
    if at is None:
        return None
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, tz=UTC)
    return int(moment.timestamp() * 1000)


def _ask(function, **arguments):
    """Call the terminal; ``None`` where it has an error for us."""
    global _error
    body = json.dumps({**_session, "arguments": arguments}).encode()
    request = urllib.request.Request(f"{os.environ['MT5_TERMINAL']}/{function}", data=body)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            _error = (1, "Success")
            return json.loads(answer.read())["result"]
    except urllib.error.HTTPError as error:
        number, text = json.loads(error.read())["last_error"]
        _error = (number, text)
        return None


def _rows(name, rows):
    return None if rows is None else tuple(_row(name, row) for row in rows)


def _row(name, row):
    if row is None:
        return None
    fields = tuple(row)
    shape = _shapes.setdefault((name, fields), namedtuple(name, fields))
    return shape(**row)
