"""Call limits per user, counted in calendar seconds and minutes: orders 10 and 40, everything else 40 and 200."""

from enum import StrEnum

from simulator.faces.calls import FaceError
from simulator.faces.limits import Excess, Window
from simulator.faces.noren.wire import refusal


class Bucket(StrEnum):
    """Which limit a call counts against, as the refusal calls it."""

    ORDER = "Order"
    OTHER = "Request"


WINDOWS: dict[str, tuple[Window, ...]] = {
    Bucket.ORDER: (Window(10, 1, "second"), Window(40, 60, "minute")),
    Bucket.OTHER: (Window(40, 1, "second"), Window(200, 60, "minute")),
}


def too_many(excess: Excess) -> FaceError:
    """Return the refusal of a call too many, in the OMS's own spelling."""
    window = excess.window
    text = f"{excess.bucket} Recieved {excess.calls} in a current {window.name} exceeds Limit {window.calls} for user"
    return refusal(f"Invalid Input : {text}")
