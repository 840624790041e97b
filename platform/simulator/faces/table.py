"""Every broker that has a face: a new one is a row here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta
from functools import partial

from simulator.clients import SIX_NEXT_DAY, Expiry, after, at_next
from simulator.faces.aliceblue import face as aliceblue
from simulator.faces.binance import face as binance
from simulator.faces.binance.mapping import pair_and_number
from simulator.faces.desk import Desk
from simulator.faces.face import Face
from simulator.faces.fyers import face as fyers
from simulator.faces.fyers.mapping import trade_number as fyers_number
from simulator.faces.fyers.names import Names as FyersNames
from simulator.faces.ibkr import face as ibkr
from simulator.faces.ibkr.mapping import execution_id as ibkr_number
from simulator.faces.ibkr.names import Names as IbkrNames
from simulator.faces.kotak import face as kotak
from simulator.faces.kotak.names import Names as KotakNames
from simulator.faces.mastertrust import face as mastertrust
from simulator.faces.mastertrust.names import Names as TradelabNames
from simulator.faces.mt5 import face as mt5
from simulator.faces.noren import face as noren
from simulator.faces.noren.member import FLATTRADE
from simulator.faces.noren.names import Names
from simulator.faces.upstox import face as upstox
from simulator.faces.upstox.names import Names as UpstoxNames
from simulator.faces.wording import MarketNames, Naming, Numbering, own_number
from simulator.faces.zerodha import face as zerodha
from simulator.market.types import Market


@dataclass(frozen=True, slots=True)
class Row:
    """A face by its broker's slug, under which it is mounted; ``expiry`` says when the broker's tokens die,
    ``numbering`` what it calls an execution."""

    slug: str
    build: Callable[[Desk], Face]
    naming: Callable[[Market], Naming]
    expiry: Expiry
    numbering: Numbering = own_number


def _tradelab_names(market: Market) -> TradelabNames:
    return TradelabNames(market.listings.values())


def _noren_names(market: Market) -> Names:
    return Names(market.listings.values())


FACES = (
    Row("zerodha", zerodha.build, MarketNames, SIX_NEXT_DAY),
    Row("fyers", fyers.build, FyersNames.of, at_next(time(6, 0)), fyers_number),
    Row("flattrade", partial(noren.build, member=FLATTRADE), _noren_names, at_next(time(5, 0))),
    Row("kotak", kotak.build, KotakNames.of, at_next(time(0, 0))),
    Row("ibkr", ibkr.build, IbkrNames.of, after(timedelta(hours=24)), ibkr_number),
    Row("aliceblue", aliceblue.build, _noren_names, at_next(time(5, 0))),
    Row("binance", binance.build, MarketNames, after(timedelta(days=3650)), pair_and_number),
    Row("mastertrust", mastertrust.build, _tradelab_names, SIX_NEXT_DAY),
    Row("upstox", upstox.build, UpstoxNames, at_next(time(3, 30))),
    Row("mt5", mt5.build, MarketNames, after(timedelta(days=3650))),
)
