"""Fyers' numbers and names for what we have words for, both ways."""

from domain.orders import OrderType, Product, Side, Validity

SIDES = {Side.BUY: 1, Side.SELL: -1}
ORDER_TYPES = {OrderType.LIMIT: 1, OrderType.MARKET: 2, OrderType.SL_M: 3, OrderType.SL: 4}
PRODUCTS = {Product.CNC: "CNC", Product.MIS: "INTRADAY", Product.NRML: "MARGIN"}
VALIDITIES = {Validity.DAY: "DAY", Validity.IOC: "IOC"}

VENUES = {
    ("NSE", 10): "NSE",
    ("NSE", 11): "NFO",
    ("NSE", 12): "CDS",
    ("NSE", 20): "NCO",
    ("BSE", 10): "BSE",
    ("BSE", 11): "BFO",
    ("BSE", 12): "BCD",
    ("MCX", 20): "MCX",
}
"""(exchange, segment) to our exchange; NSE's commodities are not traded here, but may be in a client's own books."""

TAG_OURS = "1:"
"""What Fyers puts before a tag a client gave; before its own it puts ``2:``."""

UNTAGGED = "Untagged"
