"""How underlyings move: a common factor, a U-shaped variance clock, small jumps, a weak pull home, a vol
that leans against.

Time runs in trading years of 252 days of 375 minutes, so that a market which is open around the clock
moves per minute as a real one does in session. The intraday variance shares are measured on 153 NIFTY
days of 2024.
"""

from dataclasses import dataclass
from datetime import datetime
from math import exp, log, sqrt
from random import Random

from domain.clock import IST
from simulator.market.contracts import Family

TRADING_YEAR_SECONDS = 252 * 375 * 60.0
HOME_DEVIATION = 0.012  # the stationary standard deviation around the base price: strikes stay in reach
JUMPS_PER_HOUR = 2.0
JUMP_SIZE = 0.0005
VOL_OF_VOL = 0.8
VOL_REVERSION = 40.0
LEVERAGE = 6.0
VOL_BOUNDS = (-0.35, 0.5)
_OPEN_MINUTE = 9 * 60 + 15
_BUCKET_MINUTES = 15
_SHARES = (
    *(17.8, 6.3, 4.5, 4.1, 3.8, 3.5, 3.3, 3.1, 2.9, 2.8, 2.7, 2.6, 2.5),
    *(2.5, 2.6, 2.7, 2.8, 3.0, 3.2, 3.5, 3.7, 3.9, 3.7, 4.8, 2.2),
)
_AVERAGE_SHARE = sum(_SHARES) / len(_SHARES)


def variance_rate(now: datetime) -> float:
    """Return how fast variance accrues against the session's average; 1 outside 09:15 to 15:30 IST."""
    local = now.astimezone(IST)
    bucket = (local.hour * 60 + local.minute - _OPEN_MINUTE) // _BUCKET_MINUTES
    return _SHARES[bucket] / _AVERAGE_SHARE if 0 <= bucket < len(_SHARES) else 1.0


@dataclass(slots=True)
class Path:
    """The state of one underlying; ``lean`` is the log of implied volatility against its normal level."""

    family: Family
    price: float
    base: float
    lean: float = 0.0
    held: bool = False  # the next move is skipped, so that a price set by hand is shown exactly once

    def place(self, price: float) -> None:
        """Put the underlying, and the level it is pulled to, at a price."""
        self.base *= price / self.price
        self.price = price
        self.held = True

    def move(self, years: float, *, scale: float, common: float, jump: float, random: Random) -> None:
        """Advance by a span of trading time; ``common`` is the market factor's standard normal draw."""
        own = random.gauss(0.0, 1.0)
        tremble = random.gauss(0.0, 1.0)
        if self.held:
            self.held = False
            return
        beta = self.family.beta
        volatility = self.family.volatility * scale * exp(self.lean)
        noise = beta * common + sqrt(1.0 - beta * beta) * own
        pull = 0.5 * (self.family.volatility * scale / HOME_DEVIATION) ** 2
        away = log(self.price / self.base)
        home = away * (exp(-pull * years) - 1.0)
        drift = -0.5 * volatility * volatility * years
        change = home + drift + volatility * sqrt(years) * noise + jump * scale * beta
        self.price *= exp(change)
        self._lean(years, change / scale if scale > 0 else 0.0, tremble)

    def _lean(self, years: float, change: float, tremble: float) -> None:
        lean = self.lean * exp(-VOL_REVERSION * years) + VOL_OF_VOL * sqrt(years) * tremble
        low, high = VOL_BOUNDS
        self.lean = min(max(lean - LEVERAGE * change, low), high)


class Paths:
    """All underlyings, moved together."""

    def __init__(self, families: dict[str, Family], *, scale: float, random: Random) -> None:
        self._random = random
        self._scale = scale
        self.by_name = {
            name: Path(family=family, price=float(family.base), base=float(family.base))
            for name, family in families.items()
        }

    def gap(self) -> None:
        """Open away from the previous close."""
        for path in self.by_name.values():
            path.price *= exp(0.25 * path.family.volatility / sqrt(252) * self._random.gauss(0.0, 1.0))

    def move(self, seconds: float, now: datetime) -> None:
        """Advance every underlying by a span of market seconds that ends at ``now``."""
        years = seconds / TRADING_YEAR_SECONDS * variance_rate(now)
        common = self._random.gauss(0.0, 1.0)
        jump = self._jump(seconds)
        for path in self.by_name.values():
            path.move(years, scale=self._scale, common=common, jump=jump, random=self._random)

    def _jump(self, seconds: float) -> float:
        chance, size = self._random.random(), self._random.gauss(0.0, JUMP_SIZE)
        return size if chance < 1.0 - exp(-JUMPS_PER_HOUR * seconds / 3600.0) else 0.0
