"""Paper order calls: decide on the book as it stands, save, and decide anew where somebody else was first."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from brokers.paper.book import BookChange, BookUnavailable, PaperBook, PaperState, StaleBook
from brokers.paper.engine import Step
from brokers.paper.market import PricesUnavailable
from brokers.paper.rules import Refused
from domain.broker import Outcome, Verdict

_ATTEMPTS = 20

Decide = Callable[[PaperState], Awaitable[Step]]
Match = Callable[[PaperState], Awaitable[BookChange | None]]


async def outcome_of(book: PaperBook, decide: Decide) -> Outcome:
    """Return what became of an order call; never raises. Acknowledged only once the book is saved."""
    try:
        step = await _saved(book, decide)
    except Refused as refusal:
        return Outcome(Verdict.REJECTED, refusal.order_id, code=refusal.code, message=refusal.message)
    except PricesUnavailable as error:
        return Outcome(Verdict.REJECTED, code="NO_PRICE", message=str(error))
    except StaleBook as error:
        return Outcome(Verdict.RATE_LIMITED, code="BUSY", message=f"nothing was saved: {error}")
    except (BookUnavailable, OSError) as error:
        return Outcome(Verdict.UNKNOWN, code="BOOK", message=str(error))
    return Outcome(Verdict.ACKNOWLEDGED, broker_order_id=step.order.order_id)


async def settled(book: PaperBook, decide: Match) -> PaperState:
    """Apply what the book calls for and return it once it calls for nothing.

    Raises ``StaleBook`` and ``BookUnavailable``.
    """
    for _ in range(_ATTEMPTS):
        state = await book.load()
        change = await decide(state)
        if change is None:
            return state
        with suppress(StaleBook):
            await book.apply(change)
    raise StaleBook(f"the book kept changing through {_ATTEMPTS} attempts")


async def _saved(book: PaperBook, decide: Decide) -> Step:
    for _ in range(_ATTEMPTS):
        step = await decide(await book.load())
        with suppress(StaleBook):
            await book.apply(step.change)
            return step
    raise StaleBook(f"the book kept changing through {_ATTEMPTS} attempts")
