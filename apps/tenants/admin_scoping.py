"""What every page of the operator's admin obeys: a tenant sees itself, managers their clients, roles decide what may
be changed. Django's own permission rows are not used.
"""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

from django.db.models import ForeignKey, Model, Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

F = TypeVar("F", bound=Callable[..., Any])
ADMIN, OPERATOR, MANAGER = "admin", "operator", "manager"


class Person(Protocol):
    """What the admin asks of whoever is signed in."""

    pk: int
    role: str
    tenant_id: int | None
    is_active: bool
    is_staff: bool

    def check_password(self, raw_password: str) -> bool: ...


def person_of(request: HttpRequest) -> Person:
    """Return who is signed in."""
    return cast(Person, request.user)


def is_installation_admin(user: Person) -> bool:
    """Whether the person belongs to no tenant and sees every one."""
    return user.role == ADMIN and user.tenant_id is None


def runs_tenant(user: Person) -> bool:
    """Whether the person may change the tenant's things."""
    return user.role in (ADMIN, OPERATOR)


def scope(user: Person, *, tenant_path: str, client_path: str) -> Q:
    """Return the rows a person may see; the paths lead from a row to its tenant and to the client it belongs to."""
    if is_installation_admin(user):
        return Q()
    if not tenant_path or user.tenant_id is None:
        return Q(pk__in=[])
    own = Q(**{tenant_path: user.tenant_id})
    if runs_tenant(user):
        return own
    if user.role == MANAGER and client_path:
        prefix = "" if client_path == "self" else f"{client_path}__"
        return own & (Q(**{f"{prefix}manager": user.pk}) | Q(**{f"{prefix}pk": user.pk}))
    return Q(pk__in=[])


def desk_action(title: str, *, path: str, icon: str = "bolt") -> Callable[[F], F]:
    """Make a method a page's action, for those who run the tenant. A GET asks, only a POST acts."""
    return cast(Callable[[F], F], action(description=title, url_path=path, icon=icon, permissions=["operate"]))


class ScopedAdmin(ModelAdmin):  # type: ignore[misc]
    """A page of rows that belong to tenants.

    ``tenant_path`` leads from the row to its tenant ("" is the installation's own: its admins alone see it),
    ``client_path`` to the client it belongs to ("self" for a user; "" keeps managers out). ``may_add``,
    ``may_change`` and ``may_delete`` are for operators; managers only read.
    """

    tenant_path = "tenant"
    client_path = ""
    may_add = False
    may_change = False
    may_delete = False
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return the rows this person may see."""
        rows: QuerySet[Model] = super().get_queryset(request)
        return rows.filter(scope(person_of(request), tenant_path=self.tenant_path, client_path=self.client_path))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the model is listed at all."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the person may look."""
        user = person_of(request)
        if not (user.is_active and user.is_staff):
            return False
        if is_installation_admin(user):
            return True
        return bool(self.tenant_path) and (runs_tenant(user) or (user.role == MANAGER and bool(self.client_path)))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whether the person may add a row."""
        return self.may_add and self._may_write(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the person may change a row."""
        return self.may_change and self._may_write(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the person may delete a row; hardly anything is ever deleted."""
        return self.may_delete and self._may_write(request)

    def has_operate_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Whether the person may run the page's actions."""
        return self._may_write(request)

    def _may_write(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request) and runs_tenant(person_of(request))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Return the form's fields; a tenant's own people never choose the tenant."""
        fields = list(super().get_fields(request, obj))
        if is_installation_admin(person_of(request)) or obj is not None:
            return fields
        return [name for name in fields if name != "tenant"]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """A row's tenant is fixed once it is made."""
        fields = list(super().get_readonly_fields(request, obj))
        if obj is not None and _has_field(self.model, "tenant"):
            fields.append("tenant")
        return list(dict.fromkeys(fields))

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only rows the person may see."""
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if related is not None and "queryset" not in kwargs:
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: "ModelForm[Any]", change: bool) -> None:
        """Put a new row into its maker's tenant."""
        user = person_of(request)
        if not change and not is_installation_admin(user) and _has_field(self.model, "tenant"):
            obj.tenant_id = user.tenant_id
        super().save_model(request, obj, form, change)


class ScopedInline(TabularInline):  # type: ignore[misc]
    """Rows shown inside another's page, which decided who may see them."""

    extra = 0
    may_change = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whoever sees the page sees its parts."""
        return person_of(request).is_staff

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether parts may be added."""
        return self.may_change and runs_tenant(person_of(request))

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether parts may be changed."""
        return self.may_change and runs_tenant(person_of(request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether parts may be deleted."""
        return self.may_change and runs_tenant(person_of(request))

    def formfield_for_foreignkey(self, db_field: "ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any) -> Any:
        """Offer only rows the person may see."""
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if related is not None and "queryset" not in kwargs:
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that only the platform writes."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Every field is shown as text."""
        names = [field.name for field in self.model._meta.fields if field.editable]
        return list(dict.fromkeys([*names, *super().get_readonly_fields(request, obj)]))


class SharedAdmin(ReadOnlyAdmin):
    """Rows of the installation itself that whoever runs a tenant may read."""

    tenant_path = ""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Return every row: they belong to nobody."""
        rows: QuerySet[Model] = ModelAdmin.get_queryset(self, request)
        return rows

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether the person runs a tenant."""
        user = person_of(request)
        return user.is_active and user.is_staff and runs_tenant(user)


def _has_field(model: type[Model], name: str) -> bool:
    return any(field.name == name for field in model._meta.fields)
