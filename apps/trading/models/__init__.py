"""Waves, intents, orders, fills, trades and positions."""

from apps.trading.models.account_state import AccountState, ExternalOrder, Position
from apps.trading.models.change_request import ChangeRequest
from apps.trading.models.intent import Intent
from apps.trading.models.order import Fill, Order
from apps.trading.models.paper import PaperAccount, PaperFill, PaperOrder, PaperPosition
from apps.trading.models.portfolio import Holding, PortfolioRead
from apps.trading.models.trade import Trade, TradeLeg
from apps.trading.models.wave import SkipReason, Wave, WaveVerdict

__all__ = [
    "AccountState",
    "ChangeRequest",
    "ExternalOrder",
    "Fill",
    "Holding",
    "Intent",
    "Order",
    "PaperAccount",
    "PaperFill",
    "PaperOrder",
    "PaperPosition",
    "PortfolioRead",
    "Position",
    "SkipReason",
    "Trade",
    "TradeLeg",
    "Wave",
    "WaveVerdict",
]
