"""BROKERS.md: what each broker offers, what nobody could verify, and the table of brokers by cases."""

from collections.abc import Callable, Iterable

from domain.broker import BrokerSpec
from domain.broker_spec import QuantityUnit
from tests.brokers.contract.table import MEMBERS, markdown
from tests.shared import ROOT

PATH = ROOT / "BROKERS.md"

_HEAD = """# Brokers

Written by `python -m tests.brokers.contract --write`; a test compares it with the code. `make contract` runs every case
against the simulated exchange and prints the second table with what happened.

- **pass**: the case runs in `make test` and passes.
- **not offered**: the broker does not have it, by its SPEC (`platform/brokers/<slug>/spec.py`).
- **not provable**: it cannot be shown against the simulated exchange, for the reason given.

The faces are proved by clients nobody here wrote: `make test-sdks` prints what each did, and what it cannot do and why.
"""


def document() -> str:
    """Return the whole page."""
    specs = list({member.slug: member.spec for member in MEMBERS.values()}.values())
    parts = [_HEAD, "## What they offer\n", offers(specs), "\n## The contract\n", markdown(), "\n## Not verified\n"]
    return "\n".join([*parts, *map(_doubts, specs)]).rstrip() + "\n"


def offers(specs: Iterable[BrokerSpec]) -> str:
    """Return the SPECs side by side."""
    specs = list(specs)
    lines = [f"| | {' | '.join(spec.name for spec in specs)} |", f"|---|{'---|' * len(specs)}"]
    return "\n".join(lines + [f"| {name} | {' | '.join(map(tell, specs))} |" for name, tell in _ROWS.items()])


def _words(words: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, words))) or "none"


def _lots(spec: BrokerSpec) -> str:
    lots = [exchange for exchange in spec.exchanges if spec.quantity_unit(exchange) is QuantityUnit.LOTS]
    return f"units; lots on {_words(lots)}" if lots else "units"


def _token_life(spec: BrokerSpec) -> str:
    parts = [
        f"until {spec.token_expires_at:%H:%M} IST" if spec.token_expires_at else "",
        f"at most {spec.token_lasts}" if spec.token_lasts else "",
        "as the broker says" if spec.token_says_expiry else "",
    ]
    return ", ".join(filter(None, parts)) or "no end"


def _order_rate(spec: BrokerSpec) -> str:
    limits = spec.limits
    spans = (
        (limits.orders, "s"),
        (limits.orders_per_minute, "min"),
        (limits.orders_per_half_hour, "30 min"),
        (limits.orders_per_day, "day"),
    )
    together = f" ({limits.together}/s with all other calls)" if limits.together else ""
    return ", ".join(f"{count}/{span}" for count, span in spans if count) + together


def _egress(spec: BrokerSpec) -> str:
    rule = spec.egress
    most = f", at most {rule.addresses}" if rule.addresses else ""
    return f"{rule.scope}{most}{'' if rule.shared else ', one client per address'}"


_ROWS: dict[str, Callable[[BrokerSpec], str]] = {
    "sign-in": lambda spec: f"{spec.sign_in.kind}{', unattended' if spec.sign_in.unattended else ''}",
    "what the client does": lambda spec: spec.sign_in.user_must,
    "credentials": lambda spec: _words(spec.credential_fields),
    "token life": _token_life,
    "segments": lambda spec: _words(spec.exchanges),
    "products": lambda spec: _words(spec.products),
    "order types": lambda spec: _words(spec.order_types),
    "not taken": lambda spec: _words(f"{word} on {exchange}" for exchange, word in spec.refuses),
    "quantity": _lots,
    "tag": lambda spec: f"`{spec.tag_field}`, {spec.tag_length}{' digits' if spec.tag_digits_only else ''}",
    "tag in the book": lambda spec: spec.tag_shown_as,
    "algo id": lambda spec: f"`{spec.algo_field}`" if spec.algo_field else "none",
    "orders": _order_rate,
    "reads, quotes, candles": lambda spec: f"{spec.limits.reads}/s, {spec.limits.quotes}/s, {spec.limits.candles}/s",
    "modifications of an order": lambda spec: str(spec.max_modifications),
    "exits that only reduce": lambda spec: "refused where nothing is held" if spec.reduces_only else "not told apart",
    "slices above the freeze": lambda spec: str(spec.autoslice or "none"),
    "registered address": _egress,
    "feed": lambda spec: f"{spec.feed_sockets} x {spec.feed_symbols_per_socket} instruments",
    "quotes at once": lambda spec: str(spec.quote_batch),
    "wait before a resend": lambda spec: f"{spec.resend_wait_seconds} s",
    "also": lambda spec: _words(spec.offers),
}


def _doubts(spec: BrokerSpec) -> str:
    return "\n".join([f"**{spec.name}**", "", *(f"- {fact}" for fact in spec.not_verified), ""])
