"""Which contract a leg means: the strike among the listed ones, the reference level, the grammar of legs.

Strategy legs are written one per line (or separated by ``;``), the underlying being the strategy's own::

    SELL 1 WEEK0 ATM CE
    BUY 2 WEEK0 OTM4 PE
    BUY 1 FRONT FUT
    SELL 1 NFO:NIFTY25NOV2526000CE
    BUY 250 BINANCE:BTCUSDT

A lot is the contract's smallest order: where quantities are fractions, one step.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise
from statistics import median

from domain.expiries import ExpiryRule, ExpiryRuleError, Pick, parse_expiry_rule
from domain.instruments import Exchange, InstrumentKey, Right
from domain.orders import Side
from domain.symbols import SymbolError, parse_symbol


class StrikeRuleError(ValueError):
    """The text is not a strike rule."""


class NoStrike(LookupError):
    """The chain does not list the strike a rule asks for."""


class UnreliableForward(ValueError):
    """The option prices do not agree on one forward; nothing may be traded on it."""


class Moneyness(StrEnum):
    """How a strike rule counts from the money."""

    ATM = "ATM"
    OTM = "OTM"
    ITM = "ITM"


@dataclass(frozen=True, slots=True)
class StrikeRule:
    """``steps`` listed strikes away: signed for ATM (up is positive), a distance from 1 for OTM and ITM."""

    moneyness: Moneyness
    steps: int

    def __str__(self) -> str:
        """Return the rule as it is written."""
        if self.moneyness is Moneyness.ATM:
            return f"ATM{self.steps:+}" if self.steps else "ATM"
        return f"{self.moneyness}{self.steps}"


_STRIKE = re.compile(r"ATM(?P<offset>[+-][0-9]{1,3})?|(?P<side>OTM|ITM)(?P<away>[0-9]{1,3})")


def parse_strike_rule(text: str) -> StrikeRule:
    """Read ``ATM``, ``ATM+2``, ``ATM-1``, ``OTM3`` or ``ITM1``; raises ``StrikeRuleError``."""
    match = _STRIKE.fullmatch(text.strip().upper())
    if match is None or match["away"] in {"0", "00", "000"}:
        raise StrikeRuleError(f"{text!r} is not a strike rule: use ATM, ATM+2, ATM-1, OTM3 or ITM1")
    if match["side"]:
        return StrikeRule(Moneyness(match["side"]), int(match["away"]))
    return StrikeRule(Moneyness.ATM, int(match["offset"] or 0))


def nearest_strike(strikes: Collection[Decimal], reference: Decimal) -> Decimal:
    """Return the listed strike nearest to the reference, of a tie the lower; raises ``NoStrike``."""
    if not strikes:
        raise NoStrike("the chain lists no strikes")
    return min(strikes, key=lambda strike: (abs(strike - reference), strike))


def select_strike(rule: StrikeRule, *, strikes: Collection[Decimal], reference: Decimal, right: Right) -> Decimal:
    """Return the listed strike the rule names; raises ``NoStrike`` when the chain does not reach that far.

    ``ATM+n`` and ``ATM-n`` go up and down whatever the right; OTM is up for calls and down for puts, ITM the
    reverse.
    """
    ladder = sorted(set(strikes))
    at = bisect_left(ladder, nearest_strike(ladder, reference)) + _direction(rule, right) * rule.steps
    if not 0 <= at < len(ladder):
        raise NoStrike(f"{rule} {right} lies beyond the {len(ladder)} listed strikes")
    return ladder[at]


def _direction(rule: StrikeRule, right: Right) -> int:
    if rule.moneyness is Moneyness.ATM:
        return 1
    if right is Right.NONE:
        raise StrikeRuleError(f"{rule} needs a right")
    return 1 if (right is Right.CALL) == (rule.moneyness is Moneyness.OTM) else -1


@dataclass(frozen=True, slots=True)
class ParityPair:
    """Simultaneous call and put prices of one strike."""

    strike: float
    call: float
    put: float


MAX_FORWARD_SPREAD = 5.0  # points; 0.7 to 2.0 is usual, 4.1 was seen at a close
MIN_PAIRS = 3  # one estimate has no spread to be judged by


def synthetic_forward(pairs: Sequence[ParityPair], *, near: float, years: float, rate: float = 0.065) -> float:
    """Return the forward by put-call parity: the median of K + e^(rT) (C - P) near the money.

    Near is within three strike steps of ``near``, a rough level such as the last spot. ``years`` is the time
    to expiry. Pairs without both prices are left out. Raises ``UnreliableForward`` for fewer than three
    pairs or estimates more than 5 points apart.
    """
    priced = sorted((pair for pair in pairs if pair.call > 0 and pair.put > 0), key=lambda pair: pair.strike)
    reach = 3 * _step(priced)
    growth = math.exp(rate * years)
    estimates = [pair.strike + growth * (pair.call - pair.put) for pair in priced if abs(pair.strike - near) <= reach]
    if len(estimates) < MIN_PAIRS:
        raise UnreliableForward(f"{len(estimates)} strikes near {near} have both prices, {MIN_PAIRS} are needed")
    spread = max(estimates) - min(estimates)
    if spread > MAX_FORWARD_SPREAD:
        raise UnreliableForward(f"the estimates near {near} spread over {spread:.2f} points")
    return median(estimates)


def _step(pairs: Sequence[ParityPair]) -> float:
    gaps = [after.strike - before.strike for before, after in pairwise(pairs)]
    return min((gap for gap in gaps if gap > 0), default=0.0)


class LegError(ValueError):
    """A leg cannot be read; the message names the line and the expected form."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg: an exact contract (``key``), or an expiry rule and, for options, a strike rule and a right."""

    side: Side
    lots: int
    key: InstrumentKey | None = None
    expiry: ExpiryRule | None = None
    strike: StrikeRule | None = None
    right: Right = Right.NONE


MAX_LEGS = 10
MAX_LOTS = 10_000
_FORM = "SELL 1 WEEK0 ATM CE, BUY 1 FRONT FUT or SELL 1 NFO:NIFTY25NOV2526000CE"


def parse_legs(text: str) -> tuple[Leg, ...]:
    """Read a strategy's legs; raises ``LegError`` for the first wrong one, for none and for more than ten."""
    lines = [line for line in re.split(r"[\n;]", text) if line.strip()]
    if not 1 <= len(lines) <= MAX_LEGS:
        raise LegError(f"a strategy has 1 to {MAX_LEGS} legs, not {len(lines)}")
    return tuple(parse_leg(line) for line in lines)


def parse_leg(text: str) -> Leg:
    """Read one leg; raises ``LegError``."""
    words = text.upper().split() if text.isascii() else []
    try:
        return _leg(words)
    except (ExpiryRuleError, StrikeRuleError, SymbolError) as error:
        raise LegError(f"leg {text.strip()!r}: {error}") from error
    except ValueError as error:
        raise LegError(f"leg {text.strip()!r}: write {_FORM}") from error


def _leg(words: list[str]) -> Leg:
    side_word, lots_word, *contract = words
    side, lots = Side(side_word), _lots(lots_word)
    if len(contract) == 1:
        return Leg(side, lots, key=_exact(contract[0]))
    if len(contract) == 2 and contract[1] == "FUT":
        return Leg(side, lots, expiry=parse_expiry_rule(contract[0]))
    expiry, strike, right = contract
    rule = parse_expiry_rule(expiry)
    if rule.pick is Pick.FUTURE:
        raise ExpiryRuleError(f"{rule} is for futures; options use WEEK, MONTH or DTE")
    return Leg(side, lots, expiry=rule, strike=parse_strike_rule(strike), right=_right(right))


def _lots(word: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", word) or not 1 <= int(word) <= MAX_LOTS:
        raise ValueError(word)
    return int(word)


def _right(word: str) -> Right:
    if word not in (Right.CALL, Right.PUT):
        raise ValueError(word)
    return Right(word)


def _exact(word: str) -> InstrumentKey:
    exchange, colon, symbol = word.partition(":")
    if not colon:
        exchange, symbol = Exchange.NFO, word
    if exchange not in Exchange.__members__:
        raise SymbolError(f"{exchange!r} is not an exchange")
    return parse_symbol(symbol, exchange=Exchange(exchange))
