"""Which of a person's accounts a page shows: all of them side by side, unless the address names a broker or one."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.http import QueryDict

from apps.broker_accounts.models import BrokerAccount
from apps.dashboard.services.order_lines import broker_name
from apps.users.models import User


class AccountFilterForm(forms.Form):
    """The two choices, of what the person has; anything else in the address means all."""

    broker = forms.ChoiceField(required=False, widget=forms.Select(attrs={"class": "select touch"}))
    account = forms.TypedChoiceField(
        required=False, coerce=int, empty_value=None, widget=forms.Select(attrs={"class": "select touch"})
    )

    def __init__(self, data: QueryDict, *, accounts: Sequence[BrokerAccount]) -> None:
        super().__init__(data)
        brokers = sorted({(one.broker, broker_name(one.broker)) for one in accounts}, key=lambda pair: pair[1].lower())
        own = [(one.pk, f"{one.label or one.client_id} · {broker_name(one.broker)}") for one in accounts]
        for name, choices in (("broker", [("", "All brokers"), *brokers]), ("account", [("", "All accounts"), *own])):
            self.fields[name].choices = choices  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The accounts shown; ``form`` to choose others, ``is_all`` while nothing is left out.

    ``query`` keeps the choice in a page's own links.
    """

    accounts: tuple[BrokerAccount, ...]
    form: AccountFilterForm
    is_all: bool
    query: str

    @property
    def ids(self) -> frozenset[int]:
        """The accounts' ids."""
        return frozenset(account.pk for account in self.accounts)


def choose(user: User, address: QueryDict) -> Chosen:
    """Return the accounts of a person that an address asks for."""
    own = list(BrokerAccount.objects.for_user(user).active().select_related("user").order_by("id"))
    form = AccountFilterForm(address, accounts=own)
    form.is_valid()
    broker, account = form.cleaned_data.get("broker") or "", form.cleaned_data.get("account")
    kept = (one for one in own if broker in ("", one.broker) and account in (None, one.pk))
    asked = {name: str(value) for name, value in (("broker", broker), ("account", account)) if value}
    query = QueryDict(mutable=True)
    query.update(asked)
    return Chosen(tuple(kept), form, not asked, query.urlencode())
