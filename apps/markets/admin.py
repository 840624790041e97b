"""Contracts, their masters and the trading calendar, as operators see them."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import action

from apps.audit.services.record import Entry, record_all
from apps.markets.models import BrokerInstrument, CalendarHorizon, Instrument, InstrumentSync, TradingSession
from apps.markets.services.calendar import SEED, forget_calendar
from apps.users.models import User
from brokers.catalog import SPECS
from bus import commands


class ReadOnly(ModelAdmin):  # type: ignore[misc]
    """What a broker's master says: shown, never edited by hand, because the next master would undo it."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False


class BrokerNames(TabularInline):  # type: ignore[misc]
    """A contract's names at the brokers."""

    model = BrokerInstrument
    fields = readonly_fields = ("broker", "exchange", "symbol", "token", "seen_at")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds."""
        return False


@admin.register(Instrument)
class InstrumentAdmin(ReadOnly):
    """Contracts."""

    list_display = (
        "symbol",
        "exchange",
        "underlying",
        "kind",
        "expiry",
        "strike",
        "right",
        "lot_size",
        "tick_size",
        "freeze_quantity",
        "is_active",
    )
    list_filter = ("is_active", "exchange", "kind", "right", ("expiry", RangeDateFilter))
    list_filter_submit = True
    search_fields = ("symbol", "=underlying", "broker_names__symbol")
    inlines = (BrokerNames,)
    show_full_result_count = False


@admin.register(BrokerInstrument)
class BrokerInstrumentAdmin(ReadOnly):
    """Brokers' names."""

    list_display = ("symbol", "broker", "exchange", "token", "instrument", "seen_at")
    list_filter = ("broker", "exchange")
    list_select_related = ("instrument",)
    search_fields = ("symbol", "=token", "instrument__symbol")
    show_full_result_count = False


@admin.register(InstrumentSync)
class InstrumentSyncAdmin(ReadOnly):
    """Readings of masters; any of them can be asked for again."""

    list_display = ("broker", "started_at", "finished_at", "rows", "added", "changed", "retired", "refused", "error")
    list_filter = ("broker", ("started_at", RangeDateFilter))
    list_filter_submit = True
    search_fields = ("broker", "error")
    actions_row = ("sync_now",)
    actions_list = ("sync_all",)

    def has_sync_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        """Whoever may see the readings may ask for one."""
        return bool(self.has_view_permission(request))

    @action(description="Sync all brokers now", url_path="sync-all", permissions=["sync"])  # type: ignore[untyped-decorator]
    def sync_all(self, request: HttpRequest) -> HttpResponse:
        """Ask the sessions worker to read every master."""
        for spec in SPECS.values():
            if spec.feed_sockets:
                commands.sync_instruments(spec.slug)
        messages.success(request, "The instrument masters will be read now.")
        return redirect(reverse("admin:markets_instrumentsync_changelist"))

    @action(description="Sync now", url_path="sync-now", permissions=["sync"])  # type: ignore[untyped-decorator]
    def sync_now(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Ask the sessions worker to read this broker's master."""
        sync = InstrumentSync.objects.filter(pk=object_id).first()
        if sync is None:
            messages.error(request, "That reading is gone.")
        else:
            commands.sync_instruments(sync.broker)
            messages.success(request, f"The instrument master of {sync.broker} will be read now.")
        return redirect(reverse("admin:markets_instrumentsync_changelist"))


class CalendarAdmin(ModelAdmin):  # type: ignore[misc]
    """Rows of the calendar: every edit is on record, marks the row as a person's, and counts at once."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and take the row out of the seed's hands."""
        if obj.source.startswith(SEED) or not obj.source:
            obj.source = f"edited by {request.user}"[:100]
        super().save_model(request, obj, form, change)
        self._tell("calendar_changed" if change else "calendar_added", request, obj)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Delete, on record: a deleted session is a closed market."""
        self._tell("calendar_deleted", request, obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Delete each on record."""
        for row in queryset:
            self._tell("calendar_deleted", request, row)
        super().delete_queryset(request, queryset)

    def _tell(self, kind: str, request: HttpRequest, row: Model) -> None:
        actor = request.user if isinstance(request.user, User) else None
        entry = Entry(
            kind,
            row._meta.label_lower,
            row.pk if isinstance(row.pk, int) else None,
            actor.tenant_id if actor is not None else None,
            {field.name: str(getattr(row, field.name)) for field in row._meta.fields},
        )
        record_all([entry], actor=actor)
        transaction.on_commit(forget_calendar)


@admin.register(TradingSession)
class TradingSessionAdmin(CalendarAdmin):
    """Sessions."""

    list_display = ("exchange", "trading_date", "kind", "opens_at", "closes_at", "source")
    list_filter = ("exchange", "kind", ("trading_date", RangeDateFilter))
    list_filter_submit = True
    search_fields = ("=exchange", "source")
    date_hierarchy = "trading_date"


@admin.register(CalendarHorizon)
class CalendarHorizonAdmin(CalendarAdmin):
    """How far the calendars are confirmed."""

    list_display = ("exchange", "confirmed_through", "source")
    search_fields = ("exchange", "source")
