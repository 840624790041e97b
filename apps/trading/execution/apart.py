"""What one account brings that cannot be booked stays its own trouble: the others' is booked without it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from django.db.utils import DatabaseError, OperationalError

T = TypeVar("T")

UNBOOKABLE = (DatabaseError, ArithmeticError, LookupError, TypeError, ValueError)
"""What a row that means nothing raises when it is booked: too long, too large, twice, or not a number at all."""


async def each_apart(
    book: Callable[[list[T]], Awaitable[None]],
    items: Sequence[T],
    *,
    broke: Callable[[T, Exception], Awaitable[None]],
) -> None:
    """Book all at once; where that fails, one by one, and tell ``broke`` of those that cannot be.

    A database that is not there is everybody's trouble, and raised.
    """
    try:
        await book(list(items))
    except OperationalError:
        raise
    except UNBOOKABLE as error:
        if len(items) == 1:
            await broke(items[0], error)
            return
        for item in items:
            await each_apart(book, [item], broke=broke)
