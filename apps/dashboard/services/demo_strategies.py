"""The demo's strategies: two on NIFTY options, and one for each venue abroad the demo's accounts trade at.

The demo's market never closes and nothing is squared off, so nothing of it is intraday.
"""

from decimal import Decimal

from apps.strategies.models import Strategy, StrategyLeg
from apps.tenants.models import Tenant
from domain.instruments import Exchange


def call_buyer(tenant: Tenant) -> Strategy:
    """Return the one that buys a call."""
    strategy, made = Strategy.objects.get_or_create(
        tenant=tenant,
        slug="momentum-call",
        defaults={
            "name": "Momentum call",
            "description": "Buys the at-the-money NIFTY call; 8 % stop, 12 % target, trails after 5 %.",
            "underlying": "NIFTY",
            "product": "NRML",
            "stop_value": Decimal(8),
            "target_value": Decimal(12),
            "trail_value": Decimal(4),
            "trail_after": Decimal(5),
        },
    )
    if made:
        StrategyLeg.objects.create(strategy=strategy, side="BUY", right="CE", strike_rule="ATM", expiry_rule="WEEK0")
    return strategy


def straddle_seller(tenant: Tenant) -> Strategy:
    """Return the one that sells a call and a put."""
    strategy, made = Strategy.objects.get_or_create(
        tenant=tenant,
        slug="short-straddle",
        defaults={
            "name": "Short straddle",
            "description": "Sells the at-the-money NIFTY call and put; 20 % stop a leg, 15 % combined.",
            "underlying": "NIFTY",
            "product": "NRML",
            "on_buy": "EXIT",
            "on_sell": "ENTRY",
            "stop_value": Decimal(20),
            "trade_stop_kind": "PERCENT",
            "trade_stop_value": Decimal(15),
        },
    )
    if made:
        for position, right in enumerate(("CE", "PE"), start=1):
            StrategyLeg.objects.create(
                strategy=strategy, position=position, side="SELL", right=right, strike_rule="ATM", expiry_rule="WEEK0"
            )
    return strategy


def coin_buyer(tenant: Tenant) -> Strategy:
    """Return the strategy of accounts at Binance."""
    return _of_one_symbol(
        tenant,
        slug="momentum-coin",
        name="Momentum coin",
        description="Buys 0.0025 BTC; 0.6 % stop, 0.9 % target.",
        exchange=Exchange.BINANCE,
        symbol="BTCUSDT",
        product="CNC",
        lots=250,
    )


def gold_buyer(tenant: Tenant) -> Strategy:
    """Return the strategy of MetaTrader 5 accounts."""
    return _of_one_symbol(
        tenant,
        slug="momentum-gold",
        name="Momentum gold",
        description="Buys 0.05 lots of gold; 0.6 % stop, 0.9 % target.",
        exchange=Exchange.MT5,
        symbol="XAUUSD",
        product="NRML",
        lots=5,
    )


def _of_one_symbol(
    tenant: Tenant, *, slug: str, name: str, description: str, exchange: Exchange, symbol: str, product: str, lots: int
) -> Strategy:
    """Such venues never close: nothing squares the position off but its levels and an exit signal."""
    strategy, made = Strategy.objects.get_or_create(
        tenant=tenant,
        slug=slug,
        defaults={
            "name": name,
            "description": description,
            "exchange": exchange,
            "underlying": symbol,
            "product": product,
            "stop_value": Decimal("0.6"),
            "target_value": Decimal("0.9"),
        },
    )
    if made:
        StrategyLeg.objects.create(strategy=strategy, side="BUY", symbol=symbol, lots=lots)
    return strategy
