"""Black-76 for one option in plain floats: price, greeks, implied volatility.

Everything is priced off the forward of the option's own expiry; ``rate`` only discounts. A whole chain at
once belongs to vectorised code; this is for the simulated market, single legs and tests. Source: F. Black,
"The pricing of commodity contracts", Journal of Financial Economics 3 (1976).
"""

from dataclasses import dataclass
from datetime import datetime
from math import erf, exp, log, pi, sqrt

from domain.instruments import Right

RATE = 0.065
YEAR_SECONDS = 365 * 86400.0
MIN_YEARS = 60.0 / YEAR_SECONDS
_SQRT_2 = sqrt(2.0)
_SQRT_2PI = sqrt(2.0 * pi)
_MAX_VOLATILITY = 10.0


@dataclass(frozen=True, slots=True)
class Greeks:
    """Sensitivities per unit: delta and gamma to the forward in points, vega per volatility point, theta per
    calendar day (negative: value lost), rho per point of the rate (the forward held).
    """

    price: float
    delta: float
    gamma: float
    vega: float
    theta: float
    rho: float


def years_between(now: datetime, settlement: datetime) -> float:
    """Return the time to settlement as ACT/365, never less than one minute."""
    return max((settlement - now).total_seconds() / YEAR_SECONDS, MIN_YEARS)


def normal_cdf(x: float) -> float:
    """Return the standard normal distribution function."""
    return 0.5 * (1.0 + erf(x / _SQRT_2))


def normal_pdf(x: float) -> float:
    """Return the standard normal density."""
    return exp(-0.5 * x * x) / _SQRT_2PI


def price_pair(
    *, forward: float, strike: float, years: float, volatility: float, rate: float = RATE
) -> tuple[float, float]:
    """Return the call's and the put's price; they satisfy put-call parity exactly.

    Raises ``ValueError`` unless forward, strike, years and volatility are above zero.
    """
    d1, d2 = _d1_d2(forward, strike, years, volatility)
    discount = exp(-rate * years)
    call = discount * (forward * normal_cdf(d1) - strike * normal_cdf(d2))
    put = discount * (strike * normal_cdf(-d2) - forward * normal_cdf(-d1))
    return max(call, 0.0), max(put, 0.0)


def price(*, right: Right, forward: float, strike: float, years: float, volatility: float, rate: float = RATE) -> float:
    """Return the price of a call or a put; errors as ``price_pair``."""
    call, put = price_pair(forward=forward, strike=strike, years=years, volatility=volatility, rate=rate)
    return call if _is_call(right) else put


def greeks(
    *, right: Right, forward: float, strike: float, years: float, volatility: float, rate: float = RATE
) -> Greeks:
    """Return price and sensitivities; errors as ``price_pair``."""
    value = price(right=right, forward=forward, strike=strike, years=years, volatility=volatility, rate=rate)
    d1, _ = _d1_d2(forward, strike, years, volatility)
    discount, root = exp(-rate * years), sqrt(years)
    density = discount * normal_pdf(d1)
    decay = -forward * density * volatility / (2.0 * root) + rate * value
    return Greeks(
        price=value,
        delta=discount * (normal_cdf(d1) if _is_call(right) else -normal_cdf(-d1)),
        gamma=density / (forward * volatility * root),
        vega=forward * density * root / 100.0,
        theta=decay / 365.0,
        rho=-years * value / 100.0,
    )


def implied_volatility(
    *, right: Right, price: float, forward: float, strike: float, years: float, rate: float = RATE
) -> float | None:
    """Return the volatility that gives the price, or ``None`` outside the no-arbitrage bounds.

    Bisection on the out-of-the-money side: slow and certain, good to 1e-10.
    """
    undiscounted = price * exp(rate * years)
    intrinsic = max(forward - strike if _is_call(right) else strike - forward, 0.0)
    ceiling = forward if _is_call(right) else strike
    if not intrinsic < undiscounted < ceiling:
        return None
    return _bisect(undiscounted - intrinsic, forward=forward, strike=strike, years=years)


def _bisect(time_value: float, *, forward: float, strike: float, years: float) -> float | None:
    low, high = 1e-6, _MAX_VOLATILITY

    def value(volatility: float) -> float:
        return min(price_pair(forward=forward, strike=strike, years=years, volatility=volatility, rate=0.0))

    if value(high) < time_value:
        return None
    while high - low > 1e-11:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if value(middle) < time_value else (low, middle)
    return 0.5 * (low + high)


def _d1_d2(forward: float, strike: float, years: float, volatility: float) -> tuple[float, float]:
    if not (forward > 0 and strike > 0 and years > 0 and volatility > 0):
        raise ValueError("forward, strike, years and volatility must be above zero")
    deviation = volatility * sqrt(years)
    d1 = (log(forward / strike) + 0.5 * deviation * deviation) / deviation
    return d1, d1 - deviation


def _is_call(right: Right) -> bool:
    if right is Right.NONE:
        raise ValueError("an option needs a right")
    return right is Right.CALL
