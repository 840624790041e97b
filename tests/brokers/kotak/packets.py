"""SFeed's packets, packed as the documentation lays them out, field by field."""

from struct import pack

from domain.prices import PRICE_SCALE

PAISA = PRICE_SCALE // 100


def header(length: int, code: int, exchange: int, level: int) -> bytes:
    return pack("<HHbBBBB", length, code, exchange, level, 0, 7, 0)


def picture(
    *,
    token: int = 54452,
    exchange: int = 2,
    level: int = 4,
    last: int = 4210,
    traded_at: int = 1_790_000_000,
    updated_at: int = 1_790_000_001,
    bids: tuple[tuple[int, int], ...] = ((650, 4205),),
    asks: tuple[tuple[int, int], ...] = ((1300, 4215),),
) -> bytes:
    rows = b"".join(pack("<qii", quantity, price, 3) for quantity, price in (*bids, *asks))
    body = pack(
        "<IqqqqqIIIIIqIIIIhiIdiIIIIIBI",
        *(token, 111, 222, 123_500, traded_at, updated_at, 4100, 4000, 4300, 3900, last, 65, 4150, 0),
        *(len(bids), len(asks), 1, 525, 98_765, 1.5e9, 210, 8000, 5, 9000, 100, 65, 2, 1),
    )
    return header(9 + len(body) + len(rows), 7208, exchange, level) + body + rows


def index(name: bytes = b"Nifty 50", *, value: int = 2_420_010) -> bytes:
    body = pack("<IiiiiiQiiidBi21s", 26000, 1, 2_400_000, 3, 2, value, 1_790_000_002, 4, 5, 83, 0.0, 2, 1, name)
    return header(9 + len(body), 7207, 1, 1) + body
