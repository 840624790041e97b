"""Names and limits of the paper broker: a book of our own, so its limits are ours."""

from domain.broker import BrokerSpec, Endpoint, RateLimits

SPEC = BrokerSpec(
    slug="paper",
    name="Paper",
    exchanges=frozenset({"NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX", "BINANCE", "BINANCE_UM", "MT5"}),
    tag_length=20,
    tag_field="client_order_id",
    tag_shown_as="client_order_id",
    quantity_in_lots=frozenset(),
    limits=RateLimits(orders=100, reads=100, quotes=100),
    max_modifications=25,
    token_expires_at=None,
    # An order is in the book before place() returns: a tag that is absent was never accepted.
    resend_wait_seconds=5,
    feed_symbols_per_socket=0,
    feed_sockets=0,
    quote_batch=0,
    supports_market=True,
)

ENDPOINT = Endpoint(rest_url="", socket_url="")
