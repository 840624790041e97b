"""Tenants on the operators' desk."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from apps.tenants.admin_scoping import ScopedAdmin, is_installation_admin, person_of
from apps.tenants.models import Tenant


@admin.register(Tenant)
class TenantAdmin(ScopedAdmin):
    """A tenant; its operators see it, the installation's admins make and change it."""

    tenant_path = "pk"
    may_add = True
    may_change = True
    list_display = ("name", "slug", "brand", "is_active", "created_at")
    search_fields = ("name", "slug")
    fields = ("name", "slug", "brand", "is_active")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Only the installation's admins make tenants."""
        return super().has_add_permission(request) and is_installation_admin(person_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Only the installation's admins change tenants."""
        return super().has_change_permission(request, obj) and is_installation_admin(person_of(request))
