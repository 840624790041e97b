"""Lines are what is re-priced together: one index, equity or future, or a strike's call and put."""

from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random
from typing import Protocol

from domain.options import RATE, YEAR_SECONDS, price_pair
from simulator.market.path import Path
from simulator.market.show import Board, interest_of

FAST, MEDIUM, SLOW, FAR = 500, 1500, 4000, 6000  # milliseconds between prices
NEAR_STEPS, MIDDLE_STEPS = 5, 10
MIN_YEARS = 300.0 / YEAR_SECONDS
_SMILE_REACH = 1.5
_VOLATILITY_BOUNDS = (0.03, 1.5)
_TERM_SLOPE = 0.04


class Line(Protocol):
    """Something with prices of its own; ``due`` is the epoch millisecond of its next one."""

    due: int
    underlying: str
    boards: tuple[Board, ...]

    def price(self, now: int, random: Random) -> None:
        """Show new prices and set the next ``due``."""
        ...

    def set_close(self, now: int) -> None:
        """Take the price at the current spot as the previous close."""
        ...


@dataclass(slots=True)
class Term:
    """One expiry of a family: its forward and its smile, computed once per step."""

    path: Path
    settles: int
    rank: int
    stamp: int = -1
    forward: float = 0.0
    years: float = 0.0
    at_the_money: float = 0.0

    def refresh(self, now: int) -> None:
        """Recompute for epoch millisecond ``now`` unless done."""
        if self.stamp == now:
            return
        self.stamp = now
        self.years = max((self.settles - now) / 1000.0 / YEAR_SECONDS, MIN_YEARS)
        self.forward = self.path.price * exp(RATE * self.years)
        slope = 1.0 + _TERM_SLOPE * log(1.0 + 12.0 * self.years)
        self.at_the_money = self.path.family.volatility * slope * exp(self.path.lean)

    def volatility(self, strike: float) -> float:
        """Return the smile's volatility: quadratic in standardised log-moneyness."""
        moneyness = log(strike / self.forward) / sqrt(self.years)
        moneyness = min(max(moneyness, -_SMILE_REACH), _SMILE_REACH)
        family = self.path.family
        low, high = _VOLATILITY_BOUNDS
        shaped = self.at_the_money * (1.0 + family.skew * moneyness + family.smile * moneyness * moneyness)
        return min(max(shaped, low), high)


class SpotLine:
    """The index or equity itself; ``frozen`` repeats its last price."""

    def __init__(self, board: Board, path: Path, *, half_spread: float) -> None:
        self.boards: tuple[Board, ...] = (board,)
        self.underlying = path.family.underlying
        self.due = 0
        self.frozen = False
        self._path = path
        self._half_spread = half_spread

    def price(self, now: int, random: Random) -> None:
        """Show the spot, or the frozen value again."""
        self.due = now + FAST
        if self.frozen:
            self.boards[0].repeat(at=now)
        else:
            self.boards[0].show(self._path.price, self._half_spread, at=now, random=random)

    def set_close(self, now: int) -> None:
        """Take the spot as the close."""
        self.boards[0].set_close(self._path.price, open_interest=0)


class FutureLine:
    """One future, on its term's forward."""

    def __init__(self, board: Board, term: Term) -> None:
        self.boards: tuple[Board, ...] = (board,)
        self.underlying = term.path.family.underlying
        self.due = 0
        self.term = term
        self._half_spread = float(board.listing.tick_size) * (1 + 2 * term.rank)

    def price(self, now: int, random: Random) -> None:
        """Show the forward."""
        self.due = now + FAST * (1 + self.term.rank)
        self.term.refresh(now)
        self.boards[0].show(self.term.forward, self._half_spread, at=now, random=random)

    def set_close(self, now: int) -> None:
        """Take the forward as the close."""
        self.term.refresh(now)
        interest = interest_of(self.boards[0].listing, 0)
        self.boards[0].set_close(self.term.forward, open_interest=interest)


class VixLine:
    """The volatility index: thirty-day volatility of NIFTY in points."""

    def __init__(self, board: Board, path: Path) -> None:
        self.boards: tuple[Board, ...] = (board,)
        self.underlying = board.listing.underlying
        self.due = 0
        self._path = path

    def price(self, now: int, random: Random) -> None:
        """Show the level."""
        self.due = now + SLOW
        self.boards[0].show(self._level(), 0.0, at=now, random=random)

    def set_close(self, now: int) -> None:
        """Take the level as the close."""
        self.boards[0].set_close(self._level(), open_interest=0)

    def _level(self) -> float:
        return 100.0 * self._path.family.volatility * (1.0 + _TERM_SLOPE) * exp(self._path.lean)


class StrikeLine:
    """A strike's call and put: priced together, so that parity holds between them."""

    def __init__(self, call: Board, put: Board, term: Term, strike: float) -> None:
        self.boards: tuple[Board, ...] = (call, put)
        self.underlying = term.path.family.underlying
        self.due = 0
        self.term = term
        self._strike = strike

    def price(self, now: int, random: Random) -> None:
        """Show both options; strikes far from the money wait longer and are quoted wider."""
        call, put, steps = self._fair(now)
        self.due = now + period(steps, self.term.rank)
        half = half_spread(steps, self.term.rank)
        self.boards[0].show(call, half, at=now, random=random)
        self.boards[1].show(put, half, at=now, random=random)

    def set_close(self, now: int) -> None:
        """Take the fair values as the closes."""
        *fair, steps = self._fair(now)
        for board, value in zip(self.boards, fair, strict=True):
            board.set_close(value, open_interest=interest_of(board.listing, int(steps)))

    def _fair(self, now: int) -> tuple[float, float, float]:
        term = self.term
        term.refresh(now)
        volatility = term.volatility(self._strike)
        call, put = price_pair(forward=term.forward, strike=self._strike, years=term.years, volatility=volatility)
        return call, put, abs(self._strike - term.forward) / term.path.family.step


def period(steps: float, rank: int) -> int:
    """Return milliseconds between prices for an option this many strikes from the money."""
    if rank >= 2:
        return SLOW if steps <= NEAR_STEPS else FAR
    if steps <= NEAR_STEPS:
        return FAST * (1 + rank)
    return MEDIUM * (1 + rank) if steps <= MIDDLE_STEPS else SLOW * (1 + rank)


def half_spread(steps: float, rank: int) -> float:
    """Return half the bid-ask distance in rupees: a tick at the money, more with every strike and expiry."""
    return 0.04 + 0.02 * steps + 0.05 * rank
