"""IBKR's call limits, per user name: https://ibkrcampus.com/campus/ibkr-api-page/cpapi-v1/#pacing-limitations"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from simulator.faces.limits import Window


class Bucket(StrEnum):
    """What is counted together."""

    OTHER = "other"
    ORDER = "order"
    ORDERS = "orders"
    TRADES = "trades"
    ACCOUNTS = "accounts"
    SNAPSHOT = "snapshot"
    TICKLE = "tickle"
    VALIDATE = "validate"


WINDOWS: Mapping[str, Sequence[Window]] = {
    Bucket.OTHER: (Window(50, 1, sliding=True),),
    Bucket.ORDER: (Window(50, 1, sliding=True),),
    Bucket.ORDERS: (Window(1, 5, sliding=True),),
    Bucket.TRADES: (Window(1, 5, sliding=True),),
    Bucket.ACCOUNTS: (Window(1, 5, sliding=True),),
    Bucket.SNAPSHOT: (Window(10, 1, sliding=True),),
    Bucket.TICKLE: (Window(1, 1, sliding=True),),
    Bucket.VALIDATE: (Window(1, 60, sliding=True),),
}
