"""One market update, in units fixed at ingest."""

import msgspec


class Tick(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A market update of one instrument.

    Prices are integers of ``domain.prices.PRICE_SCALE`` to the rupee; ``bid`` and ``ask`` are 0 where the source shows
    none. Quantities, ``volume`` and ``open_interest`` are units (never lots). Times are epoch milliseconds:
    ``exchange_at`` as the exchange stamped it (0 when absent), ``received_at`` when the feed worker read it.
    """

    instrument_id: int
    last_price: int
    bid: int = 0
    ask: int = 0
    bid_quantity: int = 0
    ask_quantity: int = 0
    volume: int = 0
    open_interest: int = 0
    close: int = 0
    exchange_at: int = 0
    received_at: int = 0
