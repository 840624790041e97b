"""``manage.py audit_day``: checks the invariants of order safety, and the audit chain, on one trading day."""

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.audit.services.chain import ChainState, verify
from apps.markets.clock import market_clock, trading_date
from apps.trading.services.evidence import load_evidence
from domain.clock import IST
from domain.invariants import Finding, survey
from domain.invariants.broker_side import BrokerBook, WireRequest
from domain.invariants.ledger_lines import LedgerError, read_lines

HELP = """Check the invariants of order safety, and the audit trail's chain, on one trading day.

A day is a trading date in Indian time, midnight to midnight; every trade alive on it is looked at with all of its
orders and fills, whenever those were. Today is judged as of now, an earlier day by what became of it.

Some invariants (at most once on the wire, committed before it was sent, the rate of calls, our books against the
broker's) are about what reached the broker. They need a ledger of the broker's side, such as the simulated
exchange's ledger.jsonl; without one they are reported as not checked.

Exit status: 0 nothing is wrong, 1 an invariant or the chain is broken, 2 the day or the ledger cannot be read."""

BAD_INPUT = 2


class Command(BaseCommand):
    """Look at one day and say what was found; exit status 1 on any breach, 2 on bad input."""

    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the help text's paragraphs."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the day, the ledger and the form of the answer."""
        parser.add_argument(
            "--date", default="", help="The trading date, as YYYY-MM-DD; today in Indian time if left out."
        )
        parser.add_argument("--ledger", default="", help="A ledger of the broker's side: one JSON object per line.")
        parser.add_argument("--json", action="store_true", help="Print one JSON document instead of text.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found."""
        since, until = _span(_date(options["date"]))
        ledger = _ledger(options["ledger"], since, until)  # first: what it shows, Postgres must then know
        evidence = load_evidence(since=since, until=until).with_ledger(*ledger)
        findings = survey(evidence, at=evidence.taken_at, calm_since=evidence.market_since)
        chain = verify()
        self.stdout.write(_as_json(findings, chain) if options["json"] else _as_text(findings, chain))
        if any(one.breaches for one in findings) or not chain.is_intact:
            sys.exit(1)


def _date(text: str) -> date:
    today = trading_date(market_clock().at(timezone.now()))
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is no date; write it as YYYY-MM-DD.", returncode=BAD_INPUT) from error
    if day > today:
        raise CommandError(f"{day} has not begun; today is {today}.", returncode=BAD_INPUT)
    return day


def _span(day: date) -> tuple[datetime, datetime]:
    """Return the wall times between which it is this date for the market."""
    midnight = datetime.combine(day, time(0), tzinfo=IST)
    clock = market_clock()
    return clock.wall_of(midnight), clock.wall_of(midnight + timedelta(days=1))


def _ledger(path: str, since: datetime, until: datetime) -> tuple[tuple[WireRequest, ...] | None, BrokerBook | None]:
    if not path:
        return None, None
    try:
        with Path(path).open("rb") as file:
            return read_lines(file, since=since, until=until)
    except (OSError, LedgerError) as error:
        raise CommandError(f"The ledger {path} cannot be read: {error}", returncode=BAD_INPUT) from error


def _as_text(findings: Sequence[Finding], chain: ChainState) -> str:
    lines = [line for one in findings for line in _lines_of(one)]
    return "\n".join([*lines, f"chain  {_chain_words(chain)}"])


def _lines_of(one: Finding) -> list[str]:
    """One line per invariant, its breaches below it."""
    found = f"{len(one.breaches)} BREACHES" if one.breaches else "0 breaches"
    said = f"{found}; checked {one.checked}" if one.checked else ""
    missing = f"not checked: {one.missing}" if one.missing else ""
    head = f"{one.invariant:<5}  {one.title}: {'; '.join(part for part in (said, missing) if part)}"
    return [head, *(f"         {breach.subject}: {breach.text}" for breach in one.breaches)]


def _chain_words(chain: ChainState) -> str:
    if chain.is_intact:
        return f"intact: {chain.sealed} events sealed, {chain.unsealed} waiting, head {chain.head}"
    place = f" at event {chain.broken_at}" if chain.broken_at else ""
    return f"BROKEN{place}: {chain.why}"


def _as_json(findings: Sequence[Finding], chain: ChainState) -> str:
    found = {"invariants": [asdict(one) for one in findings], "chain": asdict(chain) | {"intact": chain.is_intact}}
    return json.dumps(found, indent=1)
