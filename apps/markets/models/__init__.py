"""Contracts, calendars and watchlists."""

from apps.markets.models.calendar import CalendarHorizon, SessionKind, TradingSession
from apps.markets.models.instrument import LONGEST_NAME, BrokerInstrument, Instrument, InstrumentSync
from apps.markets.models.watchlist import WatchlistItem

__all__ = [
    "LONGEST_NAME",
    "BrokerInstrument",
    "CalendarHorizon",
    "Instrument",
    "InstrumentSync",
    "SessionKind",
    "TradingSession",
    "WatchlistItem",
]
