"""Making people, and what roles may do to each other."""

import secrets

from apps.tenants.models import Tenant
from apps.users.models import Role, User

_STAFF = (Role.MANAGER, Role.OPERATOR, Role.ADMIN)
_PASSWORD_BYTES = 12


class NotAllowed(PermissionError):
    """The person may not give this role, or touch somebody of this role."""


def roles_given_by(actor: User) -> list[Role]:
    """Return the roles somebody may give: admins all, operators all but admin, others none."""
    if actor.role == Role.ADMIN:
        return list(Role)
    return [role for role in Role if role != Role.ADMIN] if actor.role == Role.OPERATOR else []


def may_change(actor: User, person: User) -> bool:
    """Whether somebody may change a person: never an admin by less than an admin, never across tenants."""
    same = actor.tenant_id is None or actor.tenant_id == person.tenant_id
    return same and Role(person.role) in roles_given_by(actor)


def create_person(*, actor: User, tenant: Tenant | None, email: str, role: str, name: str = "") -> tuple[User, str]:
    """Make a person with a password that is returned once and never again; raises ``NotAllowed``."""
    _check_role(actor, role)
    if actor.tenant_id is not None and (tenant is None or tenant.pk != actor.tenant_id):
        raise NotAllowed("People are made in one's own tenant.")
    password = new_password()
    person = User.objects.create_user(
        email, password, tenant=tenant, role=role, name=name, is_staff=Role(role) in _STAFF
    )
    return person, password


def set_role(person: User, *, role: str, actor: User) -> None:
    """Give a person another role, unsaved; raises ``NotAllowed``."""
    if not may_change(actor, person):
        raise NotAllowed("You may not change this person.")
    _check_role(actor, role)
    person.role, person.is_staff = role, Role(role) in _STAFF


def reset_password(person: User, *, actor: User) -> str:
    """Give a person a new password, returned once; whoever was signed in with the old one is out."""
    if not may_change(actor, person):
        raise NotAllowed("You may not change this person.")
    password = new_password()
    person.set_password(password)
    person.save(update_fields=["password"])
    return password


def new_password() -> str:
    """Return a password nobody can guess."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _check_role(actor: User, role: str) -> None:
    if role not in roles_given_by(actor):
        raise NotAllowed(f"You may not give the role {Role(role).label}.")
