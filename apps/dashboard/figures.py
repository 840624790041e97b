"""How numbers are written for Indian eyes: 3,42,118.50, always with a sign where direction matters."""

from decimal import ROUND_HALF_UP, Decimal

from domain.prices import trimmed

MINUS = "\u2212"
NOTHING = "\u2013"
_PAISA = Decimal("0.01")
_MOST_DECIMALS = 8


def group(digits: str) -> str:
    """Group an unsigned run of digits the Indian way: the last three, then twos."""
    head, tail = digits[:-3], digits[-3:]
    parts: list[str] = []
    while head:
        parts.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*parts, tail])


def rupees(amount: Decimal | None, *, decimals: int = 2) -> str:
    """Return an amount rounded half-up to ``decimals``; ``None`` is an en dash."""
    if amount is None:
        return NOTHING
    rounded = abs(amount).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    whole, _, fraction = f"{rounded:f}".partition(".")
    sign = MINUS if amount < 0 and rounded else ""
    return f"{sign}{group(whole)}{'.' + fraction if fraction else ''}"


def signed_rupees(amount: Decimal | None) -> str:
    """Return an amount with its sign in front, plus included; nothing has no sign."""
    if amount is None:
        return NOTHING
    text = rupees(amount)
    return f"+{text}" if amount.quantize(_PAISA, rounding=ROUND_HALF_UP) > 0 else text


def price_text(price: Decimal | None, decimals: int | None = None) -> str:
    """Return a price with the contract's decimals (``domain.prices.decimals_of``), averages rounded to them; where the
    contract is not known, with two and up to eight as the price has them."""
    if price is None:
        return NOTHING
    exact = -int(trimmed(price).as_tuple().exponent)
    return rupees(price, decimals=min(exact, _MOST_DECIMALS) if decimals is None else decimals)


def units_text(quantity: int | None) -> str:
    """Return a grouped count of units, negative when short."""
    return NOTHING if quantity is None else rupees(Decimal(quantity), decimals=0)


def direction(amount: Decimal | None) -> str:
    """Return ``up``, ``down`` or ``flat``: the class that colours the figure."""
    if amount is None or not amount.quantize(_PAISA, rounding=ROUND_HALF_UP):
        return "flat"
    return "up" if amount > 0 else "down"


def span_text(seconds: float) -> str:
    """Return a span as people say it: 42 s, 12 min, 3 h 05 min, 4 d."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86_400} d"
