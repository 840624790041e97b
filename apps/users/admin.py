"""People and their API keys on the operators' desk."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from apps.tenants.admin_confirm import ConfirmForm, ask, confirmed
from apps.tenants.admin_scoping import ScopedAdmin, desk_action, is_installation_admin, person_of
from apps.tenants.models import Tenant
from apps.users.models import ApiKey, Role, User
from apps.users.services.api_keys import create_key, revoke_key
from apps.users.services.people import create_person, may_change, reset_password, roles_given_by, set_role

if admin.site.is_registered(Group):
    admin.site.unregister(Group)  # roles decide here, Django's groups mean nothing


def actor_of(request: HttpRequest) -> User:
    """Return who is signed in, as a row."""
    return cast(User, request.user)


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person; the role offers only what the one who edits may give."""

    actor: User

    class Meta:
        model = User
        fields = ("email", "name", "role", "tenant", "manager", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            given = [(role.value, role.label) for role in roles_given_by(self.actor)]
            cast(forms.ChoiceField, self.fields["role"]).choices = given

    def clean_email(self) -> str:
        """Addresses differ in more than capitals."""
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("Somebody has this address already.")
        return email

    def clean(self) -> dict[str, Any]:
        """A tenant for everybody but the installation's admins; a manager of the same tenant."""
        data = super().clean() or {}
        tenant = self._tenant(data)
        if tenant is None and data.get("role") != Role.ADMIN:
            self.add_error(None, "Only an admin of the installation belongs to no tenant.")
        manager = data.get("manager")
        if manager is not None and manager.tenant_id != (tenant.pk if tenant else None):
            self.add_error("manager", "The manager belongs to another tenant.")
        return data

    def _tenant(self, data: dict[str, Any]) -> Tenant | None:
        if "tenant" in self.fields:
            return cast("Tenant | None", data.get("tenant"))
        return self.instance.tenant if self.instance.pk else self.actor.tenant


@admin.register(User)
class PersonAdmin(ScopedAdmin):
    """People of the tenant; managers see their clients."""

    client_path = "self"
    may_add = True
    may_change = True
    form = PersonForm
    list_display = ("email", "name", "role", "manager", "tenant", "is_active", "last_login")
    list_filter = ("role", "is_active")
    list_select_related = ("manager", "tenant")
    search_fields = ("email", "name")
    fields = ("email", "name", "role", "tenant", "manager", "is_active", "created_at", "last_login")
    readonly_fields = ("created_at", "last_login")
    actions_detail = ["new_password"]

    def get_form(self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form who edits."""
        form = super().get_form(request, obj, change, **kwargs)
        return type("PersonForm", (form,), {"actor": actor_of(request)})

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes those above them."""
        allowed = super().has_change_permission(request, obj)
        return allowed and (not isinstance(obj, User) or may_change(actor_of(request), obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        """Nobody changes their own role or switches themselves off."""
        fields = super().get_readonly_fields(request, obj)
        own = obj is not None and obj.pk == person_of(request).pk
        return [*fields, "role", "is_active"] if own else fields

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Make the person by the service, or apply the role by it."""
        if change:
            if "role" in form.changed_data:
                before = User.objects.get(pk=obj.pk)
                set_role(before, role=obj.role, actor=actor_of(request))
                obj.is_staff = before.is_staff
            obj.save()
            return
        tenant = obj.tenant if is_installation_admin(person_of(request)) else actor_of(request).tenant
        made, password = create_person(
            actor=actor_of(request), tenant=tenant, email=obj.email, role=obj.role, name=obj.name
        )
        User.objects.filter(pk=made.pk).update(manager=obj.manager, is_active=obj.is_active)
        obj.__dict__.update(made.__dict__)
        messages.warning(request, f"The password of {obj.email} is {password} - it is shown only now.")

    @desk_action("New password", path="new-password", icon="key")
    def new_password(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Give a person a new password."""
        person = get_object_or_404(self.get_queryset(request), pk=object_id)
        actor = actor_of(request)
        return confirmed(
            self,
            request,
            form=ask(request, ConfirmForm),
            title=f"New password for {person}",
            text="The old password stops working at once, and whoever is signed in with it is signed out.",
            button="Make a new password",
            back=reverse("admin:users_user_change", args=[person.pk]),
            act=lambda _: self._told(request, cast(User, person), reset_password(cast(User, person), actor=actor)),
        )

    def _told(self, request: HttpRequest, person: User, password: str) -> str:
        self.log_change(request, person, "New password.")
        return f"The password of {person.email} is {password} - it is shown only now."


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a key is for."""

    class Meta:
        model = ApiKey
        fields = ("user", "name", "can_trade")


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """Keys of the public API; the key itself is shown once, when it is made."""

    tenant_path = "user__tenant"
    client_path = "user"
    may_add = True
    form = ApiKeyForm
    list_display = ("name", "prefix", "user", "can_trade", "created_at", "last_used_at", "revoked_at")
    list_filter = ("can_trade",)
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__email")
    fields = ("user", "name", "can_trade")
    actions = ["revoke"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Make the key and show it."""
        row, secret = create_key(user=obj.user, name=obj.name, can_trade=obj.can_trade)
        obj.__dict__.update(row.__dict__)
        messages.warning(request, f"The key is {secret} - it is shown only now.")

    @admin.action(description="Revoke the selected keys", permissions=["operate"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiKey]) -> None:
        """Make keys useless for ever."""
        revoked = [key for key in rows if revoke_key(key)]
        for key in revoked:
            self.log_change(request, key, "Revoked.")
        messages.success(request, f"{len(revoked)} keys were revoked.")
