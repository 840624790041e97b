"""Codes in plain words, with the class that colours them and what to do about it."""

from dataclasses import dataclass

from apps.broker_accounts.models import ModeReason
from apps.markets.models import Instrument
from apps.trading.models import SkipReason
from apps.trading.wording import status_text
from domain.order_changes import RequestStatus
from domain.orders import ExitReason, OrderStatus, TradeStatus


@dataclass(frozen=True, slots=True)
class Words:
    """A state as people read it; ``tone`` is a class name of the stylesheet, or empty."""

    text: str
    tone: str = ""


_ORDER_TONES: dict[OrderStatus, str] = {
    OrderStatus.PENDING: "tag-busy",
    OrderStatus.SUBMITTED: "tag-busy",
    OrderStatus.UNKNOWN: "tag-warn",
    OrderStatus.PARKED: "tag-warn",
    OrderStatus.OPEN: "tag-busy",
    OrderStatus.TRIGGER_PENDING: "tag-busy",
    OrderStatus.PARTIALLY_FILLED: "tag-busy",
    OrderStatus.FILLED: "tag-good",
    OrderStatus.REJECTED: "tag-bad",
    OrderStatus.DENIED: "tag-bad",
    OrderStatus.ABORTED: "tag-bad",
}

TRADE_WORDS: dict[TradeStatus, Words] = {
    TradeStatus.PENDING: Words("Waiting to enter", "tag-busy"),
    TradeStatus.ENTERING: Words("Entering", "tag-busy"),
    TradeStatus.OPEN: Words("Open", "tag-good"),
    TradeStatus.EXITING: Words("Exiting", "tag-warn"),
    TradeStatus.CLOSED: Words("Closed"),
    TradeStatus.ENTRY_FAILED: Words("Not entered", "tag-bad"),
    TradeStatus.EXTERNAL: Words("Changed outside", "tag-warn"),
    TradeStatus.HANDED_OVER: Words("Handed over to you", "tag-warn"),
}

CLOSE_WORDS: dict[ExitReason, str] = {
    ExitReason.KILL_SWITCH: "Kill switch",
    ExitReason.MANUAL: "Squared off by hand",
    ExitReason.SQUARE_OFF: "Square-off time",
    ExitReason.DAY_LOSS: "Day loss limit",
    ExitReason.DAY_TARGET: "Day target",
    ExitReason.STOP_LOSS: "Stop-loss",
    ExitReason.TRADE_STOP: "Stop of the whole trade",
    ExitReason.TARGET: "Target",
    ExitReason.TRADE_TARGET: "Target of the whole trade",
    ExitReason.TRAIL: "Trailing stop",
    ExitReason.SIGNAL: "Exit signal",
    ExitReason.ENTRY_INCOMPLETE: "Entry was incomplete",
    ExitReason.EXTERNAL: "Closed outside the platform",
}

REQUEST_WORDS: dict[RequestStatus, Words] = {
    RequestStatus.WAITING: Words("Change queued", "tag-busy"),
    RequestStatus.SENT: Words("Change sent", "tag-busy"),
    RequestStatus.UNKNOWN: Words("Checking whether the change was taken", "tag-warn"),
    RequestStatus.DONE: Words("Changed by hand", "tag-good"),
    RequestStatus.REFUSED: Words("Not changed", "tag-bad"),
    RequestStatus.LOST: Words("Not changed: it never arrived", "tag-bad"),
    RequestStatus.OVERTAKEN: Words("Not changed: overtaken", "tag-bad"),
}

MODE_WORDS: dict[ModeReason, str] = {
    ModeReason.CHOSEN: "as you chose",
    ModeReason.NO_SESSION: "forced: no broker session today",
    ModeReason.SESSION_LOST: "forced: the broker session was lost",
    ModeReason.OPERATOR: "set by your operator",
}

# Code or a word of the broker's text, lower case -> what it means and what helps.
_REASONS: tuple[tuple[str, str], ...] = (
    ("margin", "Not enough funds for this order. Add funds or lower the lot multiplier."),
    ("insufficient", "Not enough funds for this order. Add funds or lower the lot multiplier."),
    ("circuit", "The price is outside the exchange's band for today."),
    ("band", "The price is outside the exchange's band for today."),
    ("freeze", "The quantity is above what the exchange takes in one order."),
    ("session", "The broker session has ended. Reconnect the account."),
    ("token", "The broker session has ended. Reconnect the account."),
    ("rate", "The broker asked for fewer orders a second. It is tried again."),
    ("halt", "Entries were halted when this order was due."),
    ("lease", "The process that owned the order stopped before it was sent."),
    ("expired", "The order's time ran out before it could be sent."),
    ("cancel_sent", "The platform asked the broker to cancel it."),
    ("cancelled_by_hand", "It was cancelled by hand before it was sent."),
    ("closed", "The market was closed."),
    ("tick", "The price was not a multiple of the contract's tick."),
    ("lot", "The quantity was not a whole number of lots."),
    ("stale", "There was no fresh price to trade on."),
)


def order_words(status: str) -> Words:
    """Return an order's state in words."""
    return Words(status_text(status), _ORDER_TONES.get(OrderStatus(status), ""))


def request_words(status: str) -> Words:
    """Return what became of a change somebody asked for, in words."""
    return REQUEST_WORDS[RequestStatus(status)]


def trade_words(status: str) -> Words:
    """Return a trade's state in words."""
    return TRADE_WORDS[TradeStatus(status)]


def close_words(reason: str) -> str:
    """Return why a trade was left; empty while it is open."""
    return CLOSE_WORDS[ExitReason(reason)] if reason else ""


def mode_words(reason: str) -> str:
    """Return why an account is in its mode."""
    return MODE_WORDS[ModeReason(reason)]


def reason_words(code: str, text: str) -> str:
    """Return an order's reason in plain words; empty when there is none, a hint to ask when it is not known."""
    if not code and not text:
        return ""
    known = {reason.value: reason.label for reason in SkipReason}
    if code in known:
        return str(known[code])
    heard = f"{code} {text}".lower()
    for word, meaning in _REASONS:
        if word in heard:
            return meaning
    return "The broker gave this reason:" if text else "No reason was given."


def contract_words(instrument: Instrument) -> tuple[str, str]:
    """Return a contract as people say it, and its expiry and exchange: "NIFTY 24800 CE", "23 Nov · NFO"."""
    expiry = f"{instrument.expiry:%d %b} · " if instrument.expiry else ""
    detail = f"{expiry}{instrument.exchange.replace('_INDEX', '')}"
    if instrument.strike is not None:
        return f"{instrument.underlying} {instrument.strike.normalize():f} {instrument.right}", detail
    return (f"{instrument.underlying} FUT" if instrument.expiry else instrument.symbol), detail
