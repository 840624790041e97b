"""Names and limits of Zerodha's Kite Connect v3 (https://kite.trade/docs/connect/v3/)."""

from datetime import time

from domain.broker import BrokerSpec, Endpoint, RateLimits

SPEC = BrokerSpec(
    slug="zerodha",
    name="Zerodha Kite",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX"}),
    tag_length=20,
    quantity_in_lots=frozenset({"MCX", "CDS", "BCD"}),
    limits=RateLimits(orders=10, reads=10, quotes=1),
    max_modifications=25,
    token_expires_at=time(6, 0),
    # An order was once seen 83 s late in the book: a resend waits well past that.
    resend_wait_seconds=120,
    feed_symbols_per_socket=3000,
    feed_sockets=3,
    quote_batch=500,
    # MARKET and SL-M exist, but since April 2026 only with a market protection; the platform sends limits.
    supports_market=False,
    credential_fields=("api_key", "api_secret"),
)

ENDPOINT = Endpoint(
    rest_url="https://api.kite.trade",
    socket_url="wss://ws.kite.trade",
    login_url="https://kite.zerodha.com",
)
