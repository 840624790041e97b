"""Waves, intents, orders, fills, trades and positions on the operators' desk: to look at, with their whole story."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString

from apps.tenants.admin_scoping import ReadOnlyAdmin, ScopedInline
from apps.trading import admin_senders  # noqa: F401 -- registers its page
from apps.trading.admin_flatten import flatten_urls
from apps.trading.admin_timeline import timeline
from apps.trading.admin_watch import watch_urls
from apps.trading.models import (
    AccountState,
    ExternalOrder,
    Fill,
    Intent,
    Order,
    PaperAccount,
    PaperFill,
    PaperOrder,
    PaperPosition,
    Position,
    Trade,
    TradeLeg,
    Wave,
    WaveVerdict,
)


class _OfAccount(ReadOnlyAdmin):
    """Rows of a broker account."""

    tenant_path = "account__tenant"
    client_path = "account__user"
    list_select_related: tuple[str, ...] = ("account",)


class _ReadOnlyInline(ScopedInline):
    """Parts nobody edits."""

    show_change_link = True

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Every field is shown as text."""
        return list(self.fields or ())


class LegInline(_ReadOnlyInline):
    """The legs of a trade."""

    model = TradeLeg
    show_change_link = False
    fields = (
        *("position", "instrument", "side", "quantity", "entry_quantity", "entry_price", "exit_quantity", "exit_price"),
        *("stop_price", "target_price", "trail_price", "exit_reason"),
    )


class IntentInline(_ReadOnlyInline):
    """The intents of a trade."""

    model = Intent
    fields = (
        "kind",
        "side",
        "quantity",
        "filled_quantity",
        "mode",
        "status",
        "reason",
        "attempts",
        "note",
        "created_at",
    )


class OrderInline(_ReadOnlyInline):
    """The orders of an intent."""

    model = Order
    fields = (
        *("client_order_id", "broker_order_id", "slice_number", "attempt", "status", "quantity", "filled_quantity"),
        *("price", "average_price", "reason_code", "reason"),
    )


class FillInline(_ReadOnlyInline):
    """The executions of an order."""

    model = Fill
    fields = ("exchange_trade_id", "quantity", "price", "filled_at", "recorded_at")


class VerdictInline(_ReadOnlyInline):
    """What a wave meant for each account."""

    model = WaveVerdict
    show_change_link = False
    fields = ("account", "strategy_map", "taken", "reason", "detail")


class TradeInline(_ReadOnlyInline):
    """The trades of a wave."""

    model = Trade
    fields = ("account", "mode", "status", "gross_pnl", "charges", "close_reason", "opened_at", "closed_at")


@admin.register(Wave)
class WaveAdmin(ReadOnlyAdmin):
    """Signals' fan-outs, with the verdict on every account."""

    list_display = ("id", "strategy", "kind", "signal", "created_at")
    list_filter = ("kind", ("strategy", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("strategy", "signal__strategy")
    search_fields = ("=id", "strategy__name")
    inlines = (VerdictInline, TradeInline)


@admin.register(Trade)
class TradeAdmin(_OfAccount):
    """Trades with legs, intents and everything that happened to them."""

    list_display = (
        *("id", "account", "strategy", "mode", "status", "gross_pnl", "charges", "net", "currency", "close_reason"),
        *("trading_date", "opened_at", "closed_at"),
    )
    list_filter = ("status", "mode", "close_reason", "trading_date", ("strategy", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("account", "strategy")
    search_fields = ("=id", "account__client_id", "account__label", "account__user__email", "strategy__name")
    readonly_fields = ("net", "story")
    inlines = (LegInline, IntentInline)

    @admin.display(description="Net P&L")
    def net(self, trade: Trade) -> str:
        """Gross less charges."""
        return f"{trade.net_pnl:,.2f}"

    @admin.display(description="In")
    def currency(self, trade: Trade) -> str:
        """What the amounts are in."""
        return trade.account.currency

    @admin.display(description="What happened")
    def story(self, trade: Trade) -> SafeString:
        """The trail of the trade, its legs, intents and orders."""
        return timeline(
            {
                "trading.trade": [trade.pk],
                "trading.tradeleg": list(trade.legs.values_list("pk", flat=True)),
                "trading.intent": list(trade.intents.values_list("pk", flat=True)),
                "trading.order": list(Order.objects.filter(intent__trade=trade).values_list("pk", flat=True)),
            }
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the page that flattens, and the one that shows what is under watch."""
        return [*flatten_urls(self), *watch_urls(self), *cast(list[URLPattern], super().get_urls())]


@admin.register(Intent)
class IntentAdmin(_OfAccount):
    """Entries and exits, with their orders."""

    list_display = ("id", "account", "kind", "side", "quantity", "filled_quantity", "mode", "status", "reason", "note")
    list_filter = ("kind", "status", "mode", "reason")
    search_fields = ("=id", "=trade__id", "account__client_id", "account__user__email")
    readonly_fields = ("story",)
    inlines = (OrderInline,)

    @admin.display(description="What happened")
    def story(self, intent: Intent) -> SafeString:
        """The trail of the intent and its orders."""
        orders = list(intent.orders.values_list("pk", flat=True))
        return timeline({"trading.intent": [intent.pk], "trading.order": orders})


@admin.register(Order)
class OrderAdmin(_OfAccount):
    """Wire requests and the broker's side of them."""

    list_display = (
        *("created_at", "account", "instrument", "side", "quantity", "filled_quantity", "average_price", "status"),
        *("reason_code", "reason", "client_order_id", "broker_order_id"),
    )
    list_filter = ("status", "side", "intent__kind", "intent__mode", "product", "reason_code")
    list_select_related = ("account", "instrument")
    search_fields = (
        *("=client_order_id", "=broker_order_id", "=id", "account__client_id", "account__user__email"),
        "instrument__symbol",
    )
    readonly_fields = ("story",)
    inlines = (FillInline,)

    @admin.display(description="What happened")
    def story(self, order: Order) -> SafeString:
        """The trail of the order."""
        return timeline({"trading.order": [order.pk]})


@admin.register(Fill)
class FillAdmin(_OfAccount):
    """Executions."""

    list_display = ("filled_at", "account", "instrument", "side", "quantity", "price", "exchange_trade_id", "order")
    list_filter = ("order__side", "order__intent__mode")
    list_select_related = ("account", "order__instrument")
    search_fields = ("=exchange_trade_id", "=order__client_order_id", "=order__broker_order_id", "account__client_id")

    @admin.display(description="Contract")
    def instrument(self, fill: Fill) -> str:
        """What was traded."""
        return str(fill.order.instrument)

    @admin.display(description="Side")
    def side(self, fill: Fill) -> str:
        """Bought or sold."""
        return fill.order.side


@admin.register(Position)
class PositionAdmin(_OfAccount):
    """What the brokers say every account holds."""

    list_display = ("account", "mode", "instrument", "product", "quantity", "average_price", "read_at")
    list_filter = ("mode", "product")
    list_select_related = ("account", "instrument")
    search_fields = ("account__client_id", "account__user__email", "instrument__symbol")


@admin.register(AccountState)
class AccountStateAdmin(_OfAccount):
    """When every account's books were last read."""

    list_display = (
        *("account", "mode", "orders_read_at", "positions_read_at", "fills_applied_at", "available_funds"),
        *("error_code", "error"),
    )
    list_filter = ("mode", "error_code")
    search_fields = ("account__client_id", "account__user__email")


@admin.register(ExternalOrder)
class ExternalOrderAdmin(_OfAccount):
    """Orders in clients' accounts that are not ours."""

    list_display = ("seen_at", "account", "symbol", "side", "quantity", "filled_quantity", "average_price", "status")
    list_filter = ("status", "side")
    search_fields = ("=broker_order_id", "symbol", "account__client_id")


@admin.register(PaperAccount)
class PaperAccountAdmin(_OfAccount):
    """Paper accounts' cash."""

    list_display = ("account", "cash", "version")
    search_fields = ("account__client_id",)


@admin.register(PaperOrder)
class PaperOrderAdmin(_OfAccount):
    """The paper broker's order book."""

    list_display = (
        "placed_at",
        "account",
        "symbol",
        "side",
        "quantity",
        "filled_quantity",
        "price",
        "status",
        "reason",
    )
    list_filter = ("status", "side")
    search_fields = ("=order_id", "=client_order_id", "symbol", "account__client_id")


@admin.register(PaperFill)
class PaperFillAdmin(_OfAccount):
    """The paper broker's trade book."""

    list_display = ("filled_at", "account", "symbol", "side", "quantity", "price", "trade_id", "order_id")
    search_fields = ("=trade_id", "=order_id", "symbol", "account__client_id")


@admin.register(PaperPosition)
class PaperPositionAdmin(_OfAccount):
    """What the paper broker says every account holds."""

    list_display = ("account", "exchange", "symbol", "product", "quantity", "average_price", "realized")
    search_fields = ("symbol", "account__client_id")
