"""Telling the pages of everybody a halt reaches to look again."""

from apps.risk.models import Halt, HaltScope
from apps.users.models import User
from bus import live


def tell_audience(halt: Halt) -> None:
    """Announce that a halt was set or released, after the commit."""
    data = {"code": "HALT", "scope": halt.scope}
    live.announce(_audience(halt), "notice", data if halt.account_id is None else data | {"account": halt.account_id})


def _audience(halt: Halt) -> list[int]:
    """Return the people whose accounts it reaches; those who watch over an account are found by the account."""
    people = User.objects.get_queryset().filter(is_active=True)
    if halt.scope == HaltScope.TENANT:
        people = people.filter(tenant=halt.tenant)
    elif halt.scope == HaltScope.STRATEGY:
        people = people.filter(tenant__strategies=halt.strategy_id)
    elif halt.scope == HaltScope.ACCOUNT:
        people = people.filter(accounts=halt.account_id)
    return list(people.order_by().values_list("pk", flat=True).distinct())
