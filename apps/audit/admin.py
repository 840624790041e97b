"""The audit trail, and the processes' own tables, on the operators' desk."""

from datetime import timedelta

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.timesince import timesince
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from apps.audit.models import AuditEvent, AuditSeal
from apps.audit.services.chain import verify
from apps.tenants.admin_scoping import ReadOnlyAdmin, ScopedInline, SharedAdmin, desk_action
from bus.models import Heartbeat, Lease

SILENT = timedelta(seconds=30)


class SealInline(ScopedInline):
    """The event's link in the chain."""

    model = AuditSeal
    fields = ("previous", "digest")
    readonly_fields = ("previous", "digest")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Everything that happened, newest first."""

    list_display = ("at", "kind", "object_type", "object_id", "actor", "tenant", "sealed")
    list_filter = ("object_type",)
    list_select_related = ("actor", "tenant", "seal")
    search_fields = ("kind", "object_type", "=object_id", "actor__email")
    inlines = (SealInline,)
    actions_list = ["verify_chain"]

    @admin.display(description="In the chain", boolean=True)
    def sealed(self, event: AuditEvent) -> bool:
        """Whether the event is part of the hash chain."""
        return hasattr(event, "seal")

    @desk_action("Verify the chain", path="verify-chain", icon="verified")
    def verify_chain(self, request: HttpRequest) -> HttpResponse:
        """Check the hash chain over every event from its beginning; changes nothing."""
        state = verify()
        if state.is_intact:
            text = f"The chain is intact: {state.sealed} events sealed, {state.unsealed} waiting, head {state.head}."
            messages.success(request, text)
        else:
            messages.error(request, f"The chain is broken at event {state.broken_at}: {state.why}.")
        return redirect("admin:audit_auditevent_changelist")


@admin.register(Heartbeat)
class HeartbeatAdmin(SharedAdmin):
    """The last sign of life of every process."""

    list_display = ("process", "alive", "build", "uptime", "age", "holder")
    search_fields = ("process",)

    @admin.display(description="Alive", boolean=True)
    def alive(self, beat: Heartbeat) -> bool:
        """Whether the process was heard of lately."""
        return timezone.now() - beat.beat_at <= SILENT

    @admin.display(description="Running since")
    def uptime(self, beat: Heartbeat) -> str:
        """How long the process has been up."""
        return timesince(beat.started_at, beat.beat_at)

    @admin.display(description="Last heard of, seconds ago")
    def age(self, beat: Heartbeat) -> str:
        """How long ago the process was heard of."""
        return f"{(timezone.now() - beat.beat_at).total_seconds():.0f}"


@admin.register(Lease)
class LeaseAdmin(SharedAdmin):
    """Which process leads each long loop, under which epoch."""

    list_display = ("name", "epoch", "holder", "until", "held")
    search_fields = ("name", "holder")

    @admin.display(description="Held", boolean=True)
    def held(self, lease: Lease) -> bool:
        """Whether somebody leads now."""
        return bool(lease.holder) and lease.until > timezone.now()


@admin.display(description="When")
def _when(task: PeriodicTask) -> str:
    return str(task.scheduler)


class PeriodicTaskAdmin(ReadOnlyAdmin):
    """The beat table, written in ``config/schedule.py``; an admin of the installation may switch a job off."""

    tenant_path = ""
    may_change = True
    list_display = ("name", "task", _when, "queue", "enabled", "last_run_at", "total_run_count")
    fields = ("name", "task", "queue", "enabled", "last_run_at", "total_run_count")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        """Only the switch may be turned."""
        return [name for name in self.fields if name != "enabled"]


for _model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule, PeriodicTask):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
admin.site.register(PeriodicTask, PeriodicTaskAdmin)
