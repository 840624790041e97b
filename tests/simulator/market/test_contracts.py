"""The listed contracts."""

from datetime import date, datetime
from decimal import Decimal

from domain.clock import IST
from domain.instruments import Exchange, Kind, Right
from simulator.market.contracts import list_contracts

NOW = datetime(2026, 11, 20, 11, tzinfo=IST)


def by_symbol(now: datetime = NOW) -> dict[str, object]:
    return {row.symbol: row for row in list_contracts(now)}


def test_symbols_are_written_as_kite_writes_them() -> None:
    rows = by_symbol()
    assert rows["NIFTY26NOV24200CE"].expiry == date(2026, 11, 23)
    assert rows["NIFTY26D0124200PE"].expiry == date(2026, 12, 1)
    assert rows["NIFTY26DEC24200CE"].expiry == date(2026, 12, 29)
    assert rows["BANKNIFTY26NOV57000CE"].strike == Decimal(57000)
    assert rows["RELIANCE26DECFUT"].lot_size == 500
    assert rows["CRUDEOIL26DECFUT"].expiry == date(2026, 12, 18)


def test_tokens_carry_their_segment_and_are_unique() -> None:
    rows = list_contracts(NOW)
    tokens = [row.token for row in rows]
    assert len(set(tokens)) == len(tokens)
    assert max(tokens) < 2**31
    assert all(row.token >> 8 == row.exchange_token for row in rows)
    segments = {(row.exchange, row.kind is Kind.INDEX): row.token & 0xFF for row in rows}
    assert segments == {
        (Exchange.NSE, True): 9,
        (Exchange.NSE, False): 1,
        (Exchange.NFO, False): 2,
        (Exchange.MCX, False): 7,
    }


def test_the_indices_have_their_real_tokens() -> None:
    rows = by_symbol()
    assert (rows["NIFTY 50"].token, rows["NIFTY BANK"].token) == (256265, 260105)
    assert rows["RELIANCE"].token == 738561


def test_a_contract_keeps_its_token_on_later_days() -> None:
    later = by_symbol(datetime(2026, 11, 25, 10, tzinfo=IST))
    today = by_symbol()
    shared = later.keys() & today.keys()
    assert "NIFTY26D0124200PE" in shared
    assert all(later[symbol].token == today[symbol].token for symbol in shared)


def test_lots_freezes_and_ticks_are_those_of_the_contract() -> None:
    rows = by_symbol()
    nifty, bank, crude = rows["NIFTY26NOV24200CE"], rows["BANKNIFTY26NOVFUT"], rows["CRUDEOIL26DECFUT"]
    assert (nifty.lot_size, nifty.freeze_quantity, nifty.tick_size) == (65, 1800, Decimal("0.05"))
    assert (bank.lot_size, bank.freeze_quantity, bank.tick_size) == (30, 600, Decimal("0.20"))
    assert (crude.lot_size, crude.freeze_quantity, crude.tick_size) == (100, 10_000, Decimal(1))


def test_every_option_has_its_sibling() -> None:
    options = [row for row in list_contracts(NOW) if row.kind is Kind.OPTION]
    keys = {(row.underlying, row.expiry, row.strike, row.right) for row in options}
    assert len(keys) == len(options)
    assert all((name, expiry, strike, other) in keys for name, expiry, strike, _ in keys for other in ("CE", "PE"))
    assert {right for *_, right in keys} == {Right.CALL, Right.PUT}


def test_settled_contracts_disappear_and_new_ones_come() -> None:
    after = by_symbol(datetime(2026, 11, 23, 16, tzinfo=IST))
    assert "NIFTY26NOV24200CE" not in after
    assert {"NIFTY26D0124200CE", "NIFTY26D0824200CE", "NIFTY26DEC24200CE", "NIFTY27JANFUT"} <= after.keys()
    assert 300 <= len(after) <= 400
