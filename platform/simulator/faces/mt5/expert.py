"""The expert advisor of the bridge, played against the simulated terminal: it polls whoever it was attached for.

Written from the bridge's page, not from the server's code.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import orjson

from simulator.faces.mt5.ring import Json, Ring

PATIENCE = 5.0
AGAIN = 0.1
"""Seconds between two attempts to reach somebody who does not answer."""

DEAL, PENDING = 1, 5
SEND_FAILED = 4756
HEDGING = 2
_HELLO = ("currency", "leverage", "margin_mode", "trade_allowed", "server", "login")
_SUMS = ("balance", "equity", "margin", "margin_free")
_TICK = ("time_msc", "bid", "ask", "last")
_BAR = ("time", "open", "high", "low", "close", "tick_volume")
_SYMBOL = (
    *("name", "digits", "point", "trade_tick_size", "trade_tick_value", "trade_contract_size"),
    *("volume_min", "volume_max", "volume_step", "trade_stops_level", "trade_freeze_level"),
    *("filling_mode", "trade_exemode", "trade_mode", "currency_profit"),
)
_RESULT = ("retcode", "deal", "order", "volume", "price", "bid", "ask", "comment", "request_id", "retcode_external")
_EMPTY: Mapping[str, Any] = dict.fromkeys(_RESULT, 0) | {"comment": "", "last_error": 0, "refusal": ""}


class Attachment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a person types in when the expert advisor is put on a chart; ``patience``: seconds for the trade server."""

    login: str
    password: str
    url: str
    token: str
    patience: float = PATIENCE


class Replaced(Exception):
    """Another terminal took the session, or the token is not in force: this one must not trade."""


class NoAnswer(Exception):
    """The other side did not answer, or not what was asked for."""


class Expert:
    """One terminal's expert advisor. ``terminal`` is where the terminal's own functions are, ``ring`` a file.

    ``silence`` says for how many seconds it is to say nothing before its next poll.
    """

    def __init__(
        self, attached: Attachment, *, terminal: str, ring: Path, silence: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._attached = attached
        self._silence = silence
        self._terminal = terminal
        self._ring = Ring(ring)
        self._session, self._mark, self._seq, self._asked_at = "", 0, 0, 0.0
        self._pause, self._must_sync, self._wanted = 0.5, False, list[str]()
        self._seen: tuple[str, str] = ("", "")
        self._books: Json = {"orders": []}

    async def run(self) -> None:
        """Poll until another terminal takes the session, or for good."""
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    await (self._poll(http) if self._session else self._hello(http))
                except Replaced:
                    return
                except (NoAnswer, LookupError, TypeError):  # nothing came, or what makes no sense
                    await asyncio.sleep(AGAIN)

    async def _hello(self, http: aiohttp.ClientSession) -> None:
        account, symbols = await self._ask(http, "account_info"), await self._ask(http, "symbols_get")
        body = {
            "protocol": 1,
            "instance": self._ring.instance,
            "ea_version": "simulated",
            "build": 4000,
            **{name: account[name] for name in _HELLO},
            "symbols": [{name: row[name] for name in _SYMBOL} for row in symbols],
        }
        await self._say(http, "hello", body)

    async def _poll(self, http: aiohttp.ClientSession) -> None:
        await asyncio.sleep(self._silence())
        answer = await self._say(http, "poll", await self._look(http))
        for command in answer["commands"]:
            await self._carry_out(http, command)
        if not (answer["commands"] or self._must_sync):
            await asyncio.sleep(self._pause)

    async def _look(self, http: aiohttp.ClientSession) -> Json:
        """Look at everything at once, and say it, with the mark that was the last one before."""
        mark = self._mark
        books, account = await self._ask(http, "books"), await self._ask(http, "account_info")
        self._books = books
        ticks = await self._ask(http, "ticks", symbols=self._wanted) if self._wanted else {}
        seen = (_hash(books["orders"], books["deals"]), _hash(books["positions"]))
        hashes = {"orders_hash": seen[0], "positions_hash": seen[1]}
        if self._seen[0] and seen != self._seen:
            await self._tell(http, books)
        self._seen = seen
        return {
            "session": self._session,
            "mark": mark,
            "trade_allowed": account["trade_allowed"],
            "account": {name: account[name] for name in _SUMS},
            "ticks": [{"symbol": name, **{key: row[key] for key in _TICK}} for name, row in ticks.items()],
            **hashes,
            **({"sync": self._sync(books, hashes)} if self._must_sync else {}),
        }

    def _sync(self, books: Json, hashes: Json) -> Json:
        orders = [{**row, "cmd_id": self._ring.command_of(row["ticket"])} for row in books["orders"]]
        rows = {"orders": orders, "deals": books["deals"], "positions": books["positions"]}
        totals = {f"{name}_total": len(found) for name, found in rows.items()}
        return {"history_from_msc": 0, **hashes, **totals, **rows}

    async def _tell(self, http: aiohttp.ClientSession, books: Json) -> None:
        """Tell that something changed, as ``OnTradeTransaction`` would."""
        numbers = ("type", "deal", "order", "order_type", "order_state", "deal_type", "price", "price_sl", "price_tp")
        latest = (books["orders"] or [{"ticket": 0, "symbol": ""}])[-1]
        event: Json = dict.fromkeys((*numbers, "volume", "position", "position_by"), 0)
        event |= {"session": self._session, "order": latest["ticket"], "symbol": latest["symbol"]}
        await self._say(http, "event", event)

    async def _carry_out(self, http: aiohttp.ClientSession, command: Json) -> None:
        cmd_id, request = command["cmd_id"], command["request"]
        if command["type"] == "copy_rates":
            await self._say(
                http, "bars", {"session": self._session, "cmd_id": cmd_id, **await self._bars(http, request)}
            )
            return
        answer = self._ring.answer_to(cmd_id)
        if answer is None and cmd_id in self._ring:
            self._books = await self._ask(http, "books")
            # Begun with, and if the books do not tell what became of it, nothing does: never again.
            answer = self._looked_up(request) or _unknown()
        if answer is None:
            answer = self._looked_up(request) or await self._sent(http, command)
        await self._say(http, "result", {"session": self._session, "cmd_id": cmd_id, **answer})

    async def _sent(self, http: aiohttp.ClientSession, command: Json) -> Json:
        """Send a request that was never begun with, if it still may be."""
        cmd_id, request = command["cmd_id"], command["request"]
        request, refusal = await self._as_it_stands(http, request)
        if asyncio.get_running_loop().time() >= self._asked_at + command["expires_ms"] / 1000:
            refusal = "EXPIRED"
        if refusal:
            return {**_EMPTY, "refusal": refusal}
        self._ring.begin(cmd_id)
        try:
            said = await self._ask(http, "order_send", **request)
            answer = {**_EMPTY, **{name: said[name] for name in _RESULT}}
        except (NoAnswer, TypeError, KeyError):
            return _unknown()
        self._ring.finish(cmd_id, answer, places=request["action"] in (DEAL, PENDING))
        return answer

    async def _as_it_stands(self, http: aiohttp.ClientSession, request: Json) -> tuple[Json, str]:
        """Make a limit that is at or through the market the deal it stands for; returns why not, where it cannot go."""
        request = {**request}
        through, closes, kind = request.pop("through", False), request.get("position"), int(request.get("type", 0))
        reduces = request.pop("reduce_only", False)
        if request["action"] not in (DEAL, PENDING):
            return request, ""
        try:
            if reduces and not await self._may_reduce(http, request):
                return request, "NOTHING_TO_REDUCE"
            symbol = await self._ask(http, "symbol_info", symbol=request["symbol"])
        except NoAnswer:
            return request, "NOT_CONNECTED"
        if symbol is None:
            return request, "UNKNOWN_SYMBOL"
        buys = kind % 2 == 0
        market = symbol["ask"] if buys else symbol["bid"]
        if request["action"] == DEAL:
            return {**request, "price": market}, ""
        between = (request["price"] - market) * (1 if buys else -1)
        if through and between >= 0:
            deviation = int(between / symbol["point"] + 1e-6)
            return {**request, "action": DEAL, "type": 0 if buys else 1, "price": market, "deviation": deviation}, ""
        return request, "NEEDS_DEAL" if closes else ""

    async def _may_reduce(self, http: aiohttp.ClientSession, request: Json) -> bool:
        """Say whether what an exit takes from is open: on a hedging account the ticket it names, of its own magic."""
        account, positions = await self._ask(http, "account_info"), await self._ask(http, "positions_get")
        ticket, magic = request.get("position", 0), request.get("magic")
        if account["margin_mode"] == HEDGING:
            positions = [row for row in positions if (row["ticket"], row["magic"]) == (ticket, magic)]
        sides = (request["symbol"], 1 - int(request["type"]) % 2)
        held = sum(row["volume"] for row in positions if (row["symbol"], row["type"]) == sides)
        return bool(held + 1e-9 >= request["volume"])

    def _looked_up(self, request: Json) -> Json | None:
        """Return the answer of an order that is there already, by its magic number and comment."""
        marks = (request.get("magic"), request.get("comment"))
        found = [row for row in self._books["orders"] if marks[1] and (row["magic"], row["comment"]) == marks]
        return {**_EMPTY, "retcode": 10008, "order": found[0]["ticket"]} if found else None

    async def _bars(self, http: aiohttp.ClientSession, request: Json) -> Json:
        try:
            rows = await self._ask(http, "copy_rates_range", patience=PATIENCE * 2, **request)
        except NoAnswer:
            return {"last_error": 4401, "bars": []}
        return {"last_error": 0, "bars": [{name: row[name] for name in _BAR} for row in rows]}

    async def _ask(self, http: aiohttp.ClientSession, function: str, *, patience: float = 0.0, **arguments: Any) -> Any:
        """Call one of the terminal's functions; raises ``NoAnswer``."""
        body = {"login": self._attached.login, "password": self._attached.password, "arguments": arguments}
        patience = patience or self._attached.patience
        said = await _posted(http, f"{self._terminal}/{function}", orjson.dumps(body), {}, patience=patience)
        if not isinstance(said, dict) or "result" not in said:
            raise NoAnswer(function)
        return said["result"]

    async def _say(self, http: aiohttp.ClientSession, call: str, body: Json) -> Json:
        """Call the bridge and take note of its answer; raises ``NoAnswer`` and ``Replaced``."""
        self._seq, self._asked_at = self._seq + 1, asyncio.get_running_loop().time()
        headers = {"Authorization": f"Bearer {self._attached.token}", "X-Seq": str(self._seq)}
        answer = await _posted(
            http, f"{self._attached.url}/mt5/v1/{call}", orjson.dumps(body), headers, patience=PATIENCE
        )
        code = answer.get("code", "") if isinstance(answer, dict) else ""
        if code in ("REPLACED", "UNAUTHORISED"):
            raise Replaced(code)
        if code == "NO_SESSION":
            self._session = ""
        if code or not isinstance(answer, dict) or "mark" not in answer:
            raise NoAnswer(code or call)
        self._session, self._mark = answer["session"], answer["mark"]
        self._pause, self._wanted = answer["poll_ms"] / 1000, answer["subscribe"]
        self._must_sync = answer["resync"] if call in ("hello", "poll") else self._must_sync
        return answer


async def _posted(
    http: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str], *, patience: float
) -> Any:
    """Post JSON and return the JSON that comes back, whatever its status; raises ``NoAnswer``."""
    timeout, headers = aiohttp.ClientTimeout(total=patience), {"Content-Type": "application/json", **headers}
    try:
        async with http.post(url, data=body, headers=headers, timeout=timeout) as answer:
            return orjson.loads(await answer.read())
    except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
        raise NoAnswer(url) from error


def _unknown() -> Json:
    """Return the answer of a request nobody can account for: no return code proves anything."""
    return {**_EMPTY, "last_error": SEND_FAILED}


def _hash(*lists: Sequence[Json]) -> str:
    return hashlib.blake2b(orjson.dumps(lists), digest_size=8).hexdigest()
