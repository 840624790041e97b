"""Books of one account: what the terminal showed after they were asked for."""

from collections.abc import Sequence

from brokers.mt5 import mapping
from brokers.mt5.desk import Counterpart
from brokers.mt5.facts import HEDGING
from brokers.mt5.protocol import Sums, Sync
from brokers.mt5.spec import SPEC
from domain.broker import BrokerUnavailable
from domain.orders import BrokerFill, BrokerOrder, BrokerPosition, Funds


async def order_book(account: Counterpart) -> Sequence[BrokerOrder]:
    """Return open orders and those of the last day, oldest first; raises ``BrokerError``."""
    sync, symbols, _ = await _books(account)
    return mapping.orders_of(sync, symbols)


async def trade_book(account: Counterpart) -> Sequence[BrokerFill]:
    """Return the last day's executions; raises ``BrokerError``."""
    sync, symbols, _ = await _books(account)
    return mapping.fills_of(sync, symbols)


async def positions(account: Counterpart) -> Sequence[BrokerPosition]:
    """Return net positions; raises ``BrokerError``."""
    sync, symbols, _ = await _books(account)
    return mapping.positions_of(sync, symbols)


async def funds(account: Counterpart) -> Funds:
    """Return the account's money; raises ``BrokerError``."""
    *_, sums = await _books(account)
    return mapping.funds_of(sums)


async def _books(account: Counterpart) -> tuple[Sync, mapping.Symbols, Sums]:
    terminal = await account.fresh()
    if terminal.sync is None or terminal.sums is None:
        raise BrokerUnavailable("STALE", f"{SPEC.slug}: the terminal began anew and has not shown its books yet")
    is_hedging = terminal.hello.margin_mode == HEDGING
    sync = mapping.own_part(terminal.sync) if is_hedging else terminal.sync
    return sync, account.symbols(terminal), terminal.sums
