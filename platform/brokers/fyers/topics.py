"""Instruments under the market socket's names, which serve as our tokens: ``sf|nse_fo|54452``, ``if|nse_cm|Nifty 50``.

A contract's follows from its fyToken: exchange and segment (2 digits each), expiry (6), then the exchange's own token.
An index is known to the socket by a name of its own.
"""

from brokers.rows import MalformedRow

CONTRACT, INDEX = "sf", "if"
"""Kinds of topics: touchlines of contracts, and of indices."""

_SEGMENTS = {
    "1010": "nse_cm",
    "1011": "nse_fo",
    "1012": "cde_fo",
    "1020": "nse_com",
    "1120": "mcx_fo",
    "1210": "bse_cm",
    "1211": "bse_fo",
    "1212": "bcs_fo",
}
_CASH = {"NSE": "nse_cm", "BSE": "bse_cm"}
_INDEX = "-INDEX"
_INDEX_NAMES = {
    "NSE:NIFTY50-INDEX": "Nifty 50",
    "NSE:NIFTYBANK-INDEX": "Nifty Bank",
    "NSE:FINNIFTY-INDEX": "Nifty Fin Service",
    "NSE:MIDCPNIFTY-INDEX": "NIFTY MID SELECT",
    "NSE:NIFTYNXT50-INDEX": "Nifty Next 50",
    "NSE:INDIAVIX-INDEX": "India VIX",
    "BSE:SENSEX-INDEX": "SENSEX",
    "BSE:BANKEX-INDEX": "BANKEX",
    "BSE:SNSX50-INDEX": "SNSX50",
}
_SEGMENT_END, _TOKEN_START = 4, 10


def topic_of(symbol: str, fy_token: str) -> str:
    """Return the token of a symbol like ``NSE:NIFTY26NOVFUT``; raises ``MalformedRow``."""
    if is_index(symbol):
        prefix, _, name = symbol.partition(":")
        if prefix not in _CASH:
            raise MalformedRow(f"symbol {symbol!r} is of an unknown exchange")
        return f"{INDEX}|{_CASH[prefix]}|{_INDEX_NAMES.get(symbol, name.removesuffix(_INDEX))}"
    segment, number = _SEGMENTS.get(fy_token[:_SEGMENT_END]), fy_token[_TOKEN_START:]
    if segment is None or not (number.isascii() and number.isdigit()):
        raise MalformedRow(f"fyToken {fy_token!r} is not known")
    return f"{CONTRACT}|{segment}|{number}"


def is_index(symbol: str) -> bool:
    """Say whether a symbol is an index's."""
    return symbol.endswith(_INDEX)


def is_topic(text: str) -> bool:
    """Say whether a text can be a topic: printable, short enough for its length to be one byte."""
    kind, _, rest = text.partition("|")
    segment, _, name = rest.partition("|")
    known = kind in (CONTRACT, INDEX) and segment in _SEGMENTS.values()
    return known and bool(name) and text.isascii() and text.isprintable() and len(text) < 256
