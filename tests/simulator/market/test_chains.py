"""The option chains of the live market: parity, order by strike, spreads and the smile."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from math import exp
from statistics import mean

from domain.instruments import Kind
from domain.options import RATE, YEAR_SECONDS
from domain.prices import PRICE_SCALE
from simulator.market.calendar import settles_at
from simulator.market.live import LiveMarket
from tests.simulator.market.live_rig import START, market, run


def strikes(live: LiveMarket, underlying: str, expiry) -> dict[Decimal, dict[str, object]]:
    chain: dict[Decimal, dict[str, object]] = {}
    for token, row in live.listings.items():
        if row.kind is Kind.OPTION and (row.underlying, row.expiry) == (underlying, expiry):
            chain.setdefault(row.strike, {})[row.right.value] = live.quote(token)
    return chain


def chains(live: LiveMarket):
    keys = {(row.underlying, row.expiry) for row in live.listings.values() if row.kind is Kind.OPTION}
    return [(name, expiry, strikes(live, name, expiry)) for name, expiry in sorted(keys)]


def test_put_call_parity_holds_within_the_spread() -> None:
    live = market(scale=3)
    run(live, seconds=20)
    for name in ("NIFTY", "BANKNIFTY"):
        live.shock(name, Decimal(0))
    live.step(live.now + timedelta(seconds=1))
    for name, expiry, chain in chains(live):
        years = (settles_at(expiry) - live.now).total_seconds() / YEAR_SECONDS
        forward = live.underlying_price(name) / PRICE_SCALE * exp(RATE * years)
        for strike, pair in chain.items():
            call, put = pair["CE"], pair["PE"]
            residual = (call.last_price - put.last_price) / PRICE_SCALE - exp(-RATE * years) * (forward - float(strike))
            spread = (call.ask - call.bid + put.ask - put.bid) / 2 / PRICE_SCALE
            assert abs(residual) <= max(spread, 0.10), (name, expiry, strike)


def test_calls_fall_and_puts_rise_with_the_strike() -> None:
    live = market()
    for name, expiry, chain in chains(live):
        ordered = [chain[strike] for strike in sorted(chain)]
        for lower, higher in pairwise(ordered):
            assert lower["CE"].last_price >= higher["CE"].last_price, (name, expiry)
            assert lower["PE"].last_price <= higher["PE"].last_price, (name, expiry)


def test_spreads_widen_away_from_the_money_and_with_time() -> None:
    live = market()
    spread = {}
    for name, expiry, chain in chains(live):
        if name != "NIFTY":
            continue
        for strike, pair in chain.items():
            quote = pair["CE" if strike >= 24200 else "PE"]  # the side that has room below its price
            if quote.last_price > PRICE_SCALE:
                spread.setdefault(expiry, {})[strike] = quote.ask - quote.bid
    near, middle, far = (spread[expiry] for expiry in sorted(spread))
    assert far[Decimal(24200)] > near[Decimal(24200)]
    for chain in (middle, far):
        widths = [chain[strike] for strike in sorted(chain) if strike >= 24250]
        thirds = [mean(widths[i : i + 4]) for i in (0, 6, 12)]
        assert thirds == sorted(thirds)
        assert thirds[0] < thirds[-1]


def test_implied_volatility_smiles() -> None:
    live = market()
    term = live._terms["NIFTY", min(settles for name, settles in live._terms if name == "NIFTY")]
    term.refresh(round(START.timestamp() * 1000))
    low, middle, high = (term.volatility(term.forward * share) for share in (0.96, 1.0, 1.04))
    assert low > middle < high
    assert low > high
