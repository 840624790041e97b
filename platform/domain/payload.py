"""The strict reader of a TradingView webhook's body.

A body is JSON (an object) or text: one word (``buy``), or ``key=value`` / ``key: value`` pairs separated by
newlines, semicolons or commas. Field names, any case, first match wins:

- ``action`` or ``side``: buy, long, sell, short, exit, close, flat, cover, entry
- ``market_position`` and ``prev_market_position``: long, short, flat; the position wins over the action
- ``symbol`` or ``ticker``; ``price`` or ``close``; ``alert_id``
- ``timenow``, ``timestamp``, ``ts`` or ``time``: ISO with an offset, epoch seconds or milliseconds
- ``quantity``, ``qty``, ``contracts``, ``lots``: checked and never used, a strategy sizes by its map

Everything else is kept in ``raw`` and means nothing. Facts: TradingView support 43000529348, 43000531021.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from domain.prices import FINEST_PRICE

MAX_BODY = 8 * 1024
MAX_AGE = timedelta(seconds=60)
MAX_AHEAD = timedelta(seconds=5)
MAX_QUANTITY = 10_000_000
MIN_PRICE, MAX_PRICE = FINEST_PRICE, Decimal(10**9)
MAX_DEPTH = 10


class PayloadCode(StrEnum):
    """Why a body was refused."""

    EMPTY_BODY = "EMPTY_BODY"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    UNSUPPORTED_TYPE = "UNSUPPORTED_TYPE"
    NOT_UTF8 = "NOT_UTF8"
    BAD_CHARACTER = "BAD_CHARACTER"
    BAD_JSON = "BAD_JSON"
    BAD_TEXT = "BAD_TEXT"
    NOT_AN_OBJECT = "NOT_AN_OBJECT"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    BAD_NUMBER = "BAD_NUMBER"
    UNRESOLVED_PLACEHOLDER = "UNRESOLVED_PLACEHOLDER"
    NO_ACTION = "NO_ACTION"
    UNKNOWN_ACTION = "UNKNOWN_ACTION"
    CONFLICT = "CONFLICT"
    POSITION_UNCHANGED = "POSITION_UNCHANGED"
    BAD_SYMBOL = "BAD_SYMBOL"
    BAD_PRICE = "BAD_PRICE"
    BAD_QUANTITY = "BAD_QUANTITY"
    BAD_ALERT_ID = "BAD_ALERT_ID"
    BAD_TIME = "BAD_TIME"
    STALE = "STALE"
    FUTURE = "FUTURE"


class PayloadError(ValueError):
    """The body is refused: ``code`` for machines, ``message`` for the person who wrote the alert."""

    def __init__(self, code: PayloadCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Action(StrEnum):
    """What an alert asks for; what BUY and SELL mean is the strategy's to say."""

    BUY = "BUY"
    SELL = "SELL"
    EXIT = "EXIT"
    ENTRY = "ENTRY"


@dataclass(frozen=True, slots=True)
class Alert:
    """A body that was understood.

    ``symbol`` and ``alert_id`` are empty, ``price`` and ``time`` ``None`` when absent. ``raw`` holds the
    fields as sent, fit for storing as JSON: numbers with a fraction as text, secrets masked.
    """

    action: Action
    symbol: str
    price: Decimal | None
    time: datetime | None
    alert_id: str
    raw: dict[str, object] = field(compare=False)

    @property
    def is_unique(self) -> bool:
        """Tell whether a second, different alert would differ in text: it carries an id or a time."""
        return bool(self.alert_id) or self.time is not None


_ACTIONS = {
    "buy": Action.BUY,
    "long": Action.BUY,
    "sell": Action.SELL,
    "short": Action.SELL,
    "exit": Action.EXIT,
    "close": Action.EXIT,
    "flat": Action.EXIT,
    "cover": Action.EXIT,
    "entry": Action.ENTRY,
}
_POSITIONS = {"long": Action.BUY, "short": Action.SELL, "flat": Action.EXIT}
_COMPATIBLE = {
    Action.BUY: {Action.BUY, Action.ENTRY},
    Action.SELL: {Action.SELL, Action.ENTRY},
    Action.EXIT: {Action.BUY, Action.SELL, Action.EXIT},  # either order may close a position
}
_ACTION_FIELDS = ("action", "side")
_TIME_FIELDS = ("timenow", "timestamp", "ts", "time")  # TradingView's ``time`` is the bar's, the last resort
_QUANTITY_FIELDS = ("quantity", "qty", "contracts", "lots")
_SECRET_FIELDS = frozenset({"secret", "token", "password", "passphrase", "apikey", "api_key", "key"})
_PAIR = re.compile(r"\s*(?P<key>[A-Za-z_][A-Za-z0-9_.]*)\s*[=:]\s*(?P<value>.*?)\s*", re.ASCII)
_WORD = re.compile(r"[A-Za-z]+", re.ASCII)
_CHARSET = re.compile(r"charset\s*=\s*\"?([a-z0-9_-]+)")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SYMBOL = re.compile(r"[A-Z0-9:&_!.-]{1,64}")
_ALERT_ID = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?")
_ISO = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})"
)
_EPOCH = re.compile(r"(?P<seconds>[0-9]{10})(?P<milliseconds>[0-9]{3})?(?:\.[0-9]{1,9})?")
_INTEGER = re.compile(r"[0-9]{1,8}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_NOT_NUMBERS = frozenset({"nan", "inf", "-inf", "infinity", "-infinity"})


def parse_alert(body: bytes, content_type: str) -> Alert:
    """Read a webhook body; raises ``PayloadError``. Age is judged apart, by ``check_age``."""
    fields = _fields(_text(body), _media_type(content_type))
    for name in _QUANTITY_FIELDS:
        _check_quantity(name, fields.get(name))
    return Alert(
        action=_action(fields),
        symbol=_symbol(_first(fields, ("symbol", "ticker"))),
        price=_price(_first(fields, ("price", "close"))),
        time=_time(_first(fields, _TIME_FIELDS)),
        alert_id=_alert_id(fields.get("alert_id")),
        raw=_masked(fields),
    )


def check_age(alert: Alert, *, now: datetime, max_age: timedelta = MAX_AGE) -> None:
    """Refuse an alert more than ``max_age`` old or more than 5 s ahead; one without a time passes."""
    if alert.time is None:
        return
    if now - alert.time > max_age:
        raise PayloadError(
            PayloadCode.STALE,
            f"{alert.time.isoformat()} is over {max_age.total_seconds():g} s ago; send the timenow placeholder",
        )
    if alert.time - now > MAX_AHEAD:
        raise PayloadError(PayloadCode.FUTURE, f"{alert.time.isoformat()} is yet to come")


def dedupe_key(alert: Alert, body: bytes) -> str:
    """Return what makes a resent alert the same one: its ``alert_id``, else the body's SHA-256.

    64 characters at most. Where ``alert.is_unique`` is false, every such alert of a strategy has this same
    key: the caller bounds it in time.
    """
    return alert.alert_id or hashlib.sha256(body).hexdigest()


def _media_type(content_type: str) -> str:
    media, _, parameters = content_type.lower().partition(";")
    if media.strip() not in ("application/json", "text/plain"):
        raise PayloadError(PayloadCode.UNSUPPORTED_TYPE, "send application/json or text/plain")
    charset = _CHARSET.search(parameters)
    if charset and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        raise PayloadError(PayloadCode.NOT_UTF8, f"send UTF-8, not {charset[1]}")
    return media.strip()


def _text(body: bytes) -> str:
    if len(body) > MAX_BODY:
        raise PayloadError(PayloadCode.BODY_TOO_LARGE, f"{len(body)} bytes, at most {MAX_BODY} are read")
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise PayloadError(PayloadCode.NOT_UTF8, f"byte {error.start} is not UTF-8") from error
    if not text:
        raise PayloadError(PayloadCode.EMPTY_BODY, "the body is empty")
    if "{{" in text:
        raise PayloadError(PayloadCode.UNRESOLVED_PLACEHOLDER, "a {{placeholder}} was not replaced")
    return text


def _fields(text: str, media: str) -> dict[str, object]:
    pairs = _json_pairs(text) if media == "application/json" or text[0] in "{[" else _text_pairs(text)
    fields = {name.strip().lower(): value for name, value in pairs.items()}
    if len(fields) != len(pairs):
        raise PayloadError(PayloadCode.DUPLICATE_KEY, "a field name appears twice in different spelling")
    for name, value in fields.items():
        if isinstance(value, str) and value.strip().lower() == "nan":
            raise PayloadError(PayloadCode.BAD_NUMBER, f"{name} is not a number")
    return fields


def _json_pairs(text: str) -> dict[str, object]:
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=_finite,
            parse_int=_integer,
            parse_constant=_refuse_constant,
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise PayloadError(PayloadCode.BAD_JSON, f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise PayloadError(PayloadCode.NOT_AN_OBJECT, "the JSON must be an object of fields")
    _check_storable(value, depth=0)
    return value


def _text_pairs(text: str) -> dict[str, object]:
    if "\x00" in text:
        raise PayloadError(PayloadCode.BAD_CHARACTER, "the body has a NUL character")
    if _WORD.fullmatch(text):
        return {"action": text}
    matches = [(piece, _PAIR.fullmatch(piece)) for piece in re.split(r"[\r\n;,]", text) if piece.strip()]
    for piece, match in matches:
        if match is None:
            raise PayloadError(PayloadCode.BAD_TEXT, f"{piece.strip()[:40]!r} is not a word or key=value")
    return _unique([(match["key"], match["value"]) for _, match in matches if match])


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise PayloadError(PayloadCode.DUPLICATE_KEY, "a field name appears twice")
    return fields


def _finite(text: str) -> Decimal:
    if len(text) > 40 or not math.isfinite(float(text)):
        raise PayloadError(PayloadCode.BAD_NUMBER, f"{text[:40]} is out of range")
    return Decimal(text)


def _integer(text: str) -> int:
    if len(text) > 18:
        raise PayloadError(PayloadCode.BAD_NUMBER, f"{text[:40]} is out of range")
    return int(text)


def _refuse_constant(text: str) -> object:
    raise PayloadError(PayloadCode.BAD_NUMBER, f"{text} is not a number")


def _check_storable(value: object, *, depth: int) -> None:
    """Refuse what no database stores (NUL, lone surrogates: JSON escapes smuggle them in) and deep nests."""
    if depth > MAX_DEPTH:
        raise PayloadError(PayloadCode.BAD_JSON, f"fields are nested over {MAX_DEPTH} deep")
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise PayloadError(PayloadCode.BAD_CHARACTER, "a text has a NUL or half a character")
    if isinstance(value, dict | list):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            _check_storable(item, depth=depth + 1)


def _masked(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: "***" if name.lower() in _SECRET_FIELDS else _storable(value) for name, value in fields.items()}


def _storable(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return _masked(value)
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _first(fields: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((fields[name] for name in names if fields.get(name) not in (None, "")), None)


def _action(fields: Mapping[str, object]) -> Action:
    said = {_word(fields[name], _ACTIONS) for name in _ACTION_FIELDS if fields.get(name) not in (None, "")}
    if len(said) > 1:
        raise PayloadError(PayloadCode.CONFLICT, "action and side disagree")
    action = next(iter(said), None)
    wanted = _position(fields)
    if wanted and action and action not in _COMPATIBLE[wanted]:
        raise PayloadError(PayloadCode.CONFLICT, f"{action} does not lead to the market position given")
    decided = wanted or action
    if decided is None:
        raise PayloadError(PayloadCode.NO_ACTION, "say what to do: action or market_position")
    return decided


def _position(fields: Mapping[str, object]) -> Action | None:
    current, previous = fields.get("market_position"), fields.get("prev_market_position")
    if current in (None, ""):
        return None
    wanted = _word(current, _POSITIONS)
    if previous not in (None, "") and _word(previous, _POSITIONS) is wanted:
        raise PayloadError(PayloadCode.POSITION_UNCHANGED, f"the position was {current} and stays {current}")
    return wanted


def _word(value: object, words: Mapping[str, Action]) -> Action:
    word = value.strip() if isinstance(value, str) else ""
    if word.lower() not in words:
        raise PayloadError(PayloadCode.UNKNOWN_ACTION, f"{str(value)[:40]!r} is none of {', '.join(sorted(words))}")
    return words[word.lower()]


def _symbol(value: object) -> str:
    if value is None:
        return ""
    symbol = value.strip() if isinstance(value, str) else " "
    if not symbol.isascii() or not _SYMBOL.fullmatch(symbol.upper()):
        raise PayloadError(PayloadCode.BAD_SYMBOL, f"{str(value)[:40]!r} is not a symbol")
    return symbol.upper()


def _price(value: object) -> Decimal | None:
    if value is None:
        return None
    price = _decimal(value, PayloadCode.BAD_PRICE)
    if not MIN_PRICE <= price <= MAX_PRICE:
        raise PayloadError(PayloadCode.BAD_PRICE, f"{str(value)[:40]} is not a price")
    return price


def _decimal(value: object, code: PayloadCode) -> Decimal:
    text = str(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    if text.lower() in _NOT_NUMBERS:
        raise PayloadError(PayloadCode.BAD_NUMBER, f"{text} is not a number")
    if isinstance(value, str) and not _NUMBER.fullmatch(text):
        raise PayloadError(code, f"{text[:40]!r} is not a plain number")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise PayloadError(code, f"{str(value)[:40]!r} is not a number") from error


def _check_quantity(name: str, value: object) -> None:
    if value in (None, ""):
        return
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _INTEGER.fullmatch(text) or not 1 <= int(text) <= MAX_QUANTITY:
        raise PayloadError(PayloadCode.BAD_QUANTITY, f"{name} must be a whole number from 1 to {MAX_QUANTITY}")


def _alert_id(value: object) -> str:
    if value in (None, ""):
        return ""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ALERT_ID.fullmatch(text):
        raise PayloadError(PayloadCode.BAD_ALERT_ID, "alert_id must be 1 to 64 plain characters")
    return text


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    text = str(value).strip() if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else ""
    if match := _EPOCH.fullmatch(text):
        whole = datetime.fromtimestamp(int(match["seconds"]), tz=UTC)
        return whole + timedelta(milliseconds=int(match["milliseconds"] or 0))
    if _ISO.fullmatch(text):
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except ValueError as error:
            raise PayloadError(PayloadCode.BAD_TIME, f"{text} is not a moment: {error}") from error
    raise PayloadError(PayloadCode.BAD_TIME, f"{text[:40]!r} is not ISO with an offset nor an epoch")
