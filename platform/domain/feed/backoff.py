"""How long to wait before the next try."""

SHORTEST_SECONDS = 0.25
LONGEST_SECONDS = 15.0


def delay(failures: int, *, chance: float) -> float:
    """Return the wait after the n-th failure in a row (1 is the first); ``chance`` in [0, 1) spreads callers.

    Doubles from a quarter of a second to fifteen, then each wait is taken from the upper half of its span.
    """
    span: float = min(LONGEST_SECONDS, SHORTEST_SECONDS * 2.0 ** min(failures - 1, 16))
    return span * (0.5 + chance / 2)
