"""Plans and who has them, on the operators' desk."""

from typing import Any

from django import forms
from django.contrib import admin

from apps.plans.models import Plan, Subscription
from apps.tenants.admin_scoping import ScopedAdmin


@admin.register(Plan)
class PlanAdmin(ScopedAdmin):
    """What the tenant offers."""

    may_add = True
    may_change = True
    list_display = ("name", "tenant", "max_accounts", "allows_live", "is_active")
    list_filter = ("is_active", "allows_live")
    list_select_related = ("tenant",)
    search_fields = ("name",)
    fields = ("name", "tenant", "max_accounts", "allows_live", "is_active")


class SubscriptionForm(forms.ModelForm):  # type: ignore[type-arg]
    """A client's plan is one of the client's own tenant."""

    class Meta:
        model = Subscription
        fields = ("user", "plan", "starts_on", "ends_on")

    def clean(self) -> dict[str, Any]:
        """Refuse another tenant's plan."""
        data = super().clean() or {}
        user, plan = data.get("user"), data.get("plan")
        if user is not None and plan is not None and user.tenant_id != plan.tenant_id:
            self.add_error("plan", "The plan belongs to another tenant than the client.")
        return data


@admin.register(Subscription)
class SubscriptionAdmin(ScopedAdmin):
    """From when to when a client has a plan; to end one, set its last day."""

    tenant_path = "user__tenant"
    client_path = "user"
    may_add = True
    may_change = True
    form = SubscriptionForm
    list_display = ("user", "plan", "starts_on", "ends_on")
    list_filter = (("plan", admin.RelatedOnlyFieldListFilter),)
    list_select_related = ("user", "plan")
    search_fields = ("user__email", "plan__name")
    fields = ("user", "plan", "starts_on", "ends_on")
