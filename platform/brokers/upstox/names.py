"""Upstox's words and ours. Pure. https://upstox.com/developer/api-documentation/appendix/

A contract is named by its ``instrument_key`` (``NSE_FO|43919``) alone: the trading symbols of its master, of its books
and of its quotes differ from each other.
"""

import re

from domain.broker import BrokerError
from domain.instruments import Exchange
from domain.orders import Product

SEGMENTS = {
    "NSE_EQ": Exchange.NSE.value,
    "BSE_EQ": Exchange.BSE.value,
    "NSE_FO": Exchange.NFO.value,
    "BSE_FO": Exchange.BFO.value,
    "MCX_FO": Exchange.MCX.value,
    "NCD_FO": Exchange.CDS.value,
    "BCD_FO": Exchange.BCD.value,
    "NSE_INDEX": Exchange.NSE_INDEX.value,
    "BSE_INDEX": Exchange.BSE_INDEX.value,
}
"""What Upstox calls an exchange's part, and our word for it."""

_KEY = re.compile(r"([A-Z]{3}_[A-Z]{2,5})\|[A-Za-z0-9 .:&/()%+_-]{1,60}")
_CASH = frozenset({"NSE", "BSE"})
_INTRADAY, _DELIVERY = "I", "D"


def exchange_of(key: str) -> str:
    """Return the exchange an instrument key names; "" for what is no key."""
    found = _KEY.fullmatch(key)
    return SEGMENTS.get(found[1], "") if found else ""


def checked_key(key: str, exchange: str) -> str:
    """Return the key; raises ``ValueError`` for one that does not name a contract of the exchange."""
    if exchange_of(key) != exchange:
        raise ValueError(f"{key!r} is not an instrument key of {exchange}")
    return key


def feed_key(key: str, broker: str) -> str:
    """Return the key; raises ``BrokerError`` with code ``TOKEN`` for what is none."""
    if not exchange_of(key):
        raise BrokerError("TOKEN", f"{broker} socket: {key!r} is not an instrument key")
    return key


def wire_product(product: Product) -> str:
    """Return Upstox's word: what is carried is ``D``, in cash and in derivatives alike."""
    return _INTRADAY if product is Product.MIS else _DELIVERY


def our_product(text: str, exchange: str) -> str:
    """Return our word for a product; what we have no word for (MTF, CO) stays as it is."""
    if text == _INTRADAY:
        return Product.MIS.value
    if text == _DELIVERY:
        return (Product.CNC if exchange in _CASH else Product.NRML).value
    return text
