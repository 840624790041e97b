"""Kotak's words for ours."""

from domain.orders import OrderType, Product, Side

SEGMENTS = {"NSE": "nse_cm", "BSE": "bse_cm", "NFO": "nse_fo", "BFO": "bse_fo", "MCX": "mcx_fo"}
EXCHANGES = {segment: exchange for exchange, segment in SEGMENTS.items()}

SIDES = {Side.BUY: "B", Side.SELL: "S"}
PRODUCTS = {Product.CNC: "CNC", Product.NRML: "NRML", Product.MIS: "MIS"}
ORDER_TYPES = {OrderType.LIMIT: "L", OrderType.MARKET: "MKT", OrderType.SL: "SL"}

SIDE_WORDS = {code: word for word, code in SIDES.items()}
PRODUCT_WORDS = {code: word.value for word, code in PRODUCTS.items()}
TYPE_WORDS = {code: word for word, code in ORDER_TYPES.items()} | {"LMT": OrderType.LIMIT, "SL-M": OrderType.SL_M}
"""How books and sockets write them: samples have L, MKT and LMT."""

INDICES = {
    "NIFTY": "Nifty 50",
    "BANKNIFTY": "Nifty Bank",
    "FINNIFTY": "Nifty Fin Service",
    "MIDCPNIFTY": "NIFTY MID SELECT",
    "SENSEX": "SENSEX",
    "BANKEX": "BANKEX",
}
"""The indices somebody trades on: their symbols in the masters, and the names that prices go by."""
