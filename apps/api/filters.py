"""What a list may be narrowed by. Everything is checked; an unknown name is refused rather than ignored."""

import re
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from domain.orders import Mode, OrderStatus, TradeStatus

M = TypeVar("M", bound=Model)

_PLUS = re.compile(r" (?=[0-9]{2}:?[0-9]{2}$)")
_PAGING = {"cursor", "page_size", "format"}


class ListOf(serializers.CharField):
    """One or more of the choices, separated by commas."""

    def __init__(self, choices: list[str], **options: Any) -> None:
        options.setdefault("help_text", f"One or more of {', '.join(choices)}, separated by commas.")
        super().__init__(**options)
        self.allowed = choices

    def to_internal_value(self, data: object) -> list[str]:  # type: ignore[override]
        """Return the choices, in capitals."""
        words = [word.strip().upper() for word in str(data).split(",")]
        wrong = [word for word in words if word not in self.allowed]
        if wrong:
            raise serializers.ValidationError(f"{wrong[0][:40]} is none of {', '.join(self.allowed)}.")
        return words


class Since(serializers.DateTimeField):
    """An instant with its offset; a plus sign that arrived as a space is one all the same."""

    def to_internal_value(self, value: Any) -> datetime:
        """Return the instant."""
        text = _PLUS.sub("+", str(value).strip())
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as error:
            raise serializers.ValidationError("Send an ISO time such as 2026-11-16T10:30:00+05:30.") from error
        if instant.tzinfo is None:
            raise serializers.ValidationError("The time needs its offset, such as +05:30 or Z.")
        return instant


class Filters(serializers.Serializer[Any]):
    """Reads the query string; ``paths`` says which column each name narrows."""

    paths: dict[str, str] = {}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse names nobody reads."""
        unknown = set(self.initial_data) - set(self.fields) - _PAGING
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(sorted(unknown), "There is no such filter."))
        return attrs

    def as_q(self) -> Q:
        """Return the query string as a filter."""
        wanted = Q()
        for name, value in self.validated_data.items():
            wanted &= self._one(name, self.paths[name], value)
        return wanted

    def _one(self, name: str, path: str, value: Any) -> Q:
        if name == "strategy":
            return Q(**{f"{path}_id": int(value)}) if value.isdecimal() else Q(**{f"{path}__slug": value})
        return Q(**{f"{path}__in" if isinstance(value, list) else path: value})


def narrowed(rows: QuerySet[M], filters: type[Filters], request: Request) -> QuerySet[M]:
    """Return the rows the query string asks for; raises ``ValidationError``."""
    asked = filters(data=request.query_params.dict())
    asked.is_valid(raise_exception=True)
    return rows.filter(asked.as_q())


def _identity(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False, **options)


def _strategy() -> serializers.RegexField:
    return serializers.RegexField(r"^[A-Za-z0-9_-]{1,60}$", required=False, help_text="A strategy's id or slug.")


def _mode() -> ListOf:
    return ListOf([mode.value for mode in Mode], required=False)


class AccountFilters(Filters):
    """Narrows accounts."""

    account = _identity(help_text="An account's id.")
    mode = _mode()
    paths = {"account": "pk", "mode": "mode"}


class HoldingFilters(Filters):
    """Narrows holdings."""

    account = _identity(help_text="An account's id.")
    paths = {"account": "account"}


class SignalFilters(Filters):
    """Narrows signals; ``since`` is when they were received."""

    strategy = _strategy()
    status = ListOf(["ACCEPTED", "ROUTED", "IGNORED", "EXPIRED"], required=False)
    kind = ListOf(["ENTRY", "EXIT"], required=False)
    since = Since(required=False)
    paths = {"strategy": "strategy", "status": "status", "kind": "kind", "since": "received_at__gte"}


class TradeFilters(Filters):
    """Narrows trades; ``since`` is when they were made."""

    account = _identity(help_text="An account's id.")
    strategy = _strategy()
    signal = _identity(help_text="The id of the signal they come from.")
    status = ListOf([status.value for status in TradeStatus], required=False)
    mode = _mode()
    since = Since(required=False)
    paths = {
        "account": "account",
        "strategy": "strategy",
        "signal": "wave__signal",
        "status": "status",
        "mode": "mode",
        "since": "created_at__gte",
    }


class OrderFilters(Filters):
    """Narrows orders; ``since`` is when they were made."""

    account = _identity(help_text="An account's id.")
    strategy = _strategy()
    trade = _identity(help_text="A trade's id.")
    status = ListOf([status.value for status in OrderStatus], required=False)
    mode = _mode()
    since = Since(required=False)
    paths = {
        "account": "account",
        "strategy": "intent__trade__strategy",
        "trade": "intent__trade",
        "status": "status",
        "mode": "intent__mode",
        "since": "created_at__gte",
    }


class ExternalOrderFilters(Filters):
    """Narrows orders placed outside the platform; ``since`` is when they were first seen."""

    account = _identity(help_text="An account's id.")
    status = ListOf([status.value for status in OrderStatus], required=False)
    since = Since(required=False)
    paths = {"account": "account", "status": "status", "since": "seen_at__gte"}


class FillFilters(Filters):
    """Narrows fills; ``since`` is when they were executed."""

    account = _identity(help_text="An account's id.")
    strategy = _strategy()
    trade = _identity(help_text="A trade's id.")
    order = _identity(help_text="An order's id.")
    mode = _mode()
    since = Since(required=False)
    paths = {
        "account": "account",
        "strategy": "order__intent__trade__strategy",
        "trade": "order__intent__trade",
        "order": "order",
        "mode": "order__intent__mode",
        "since": "filled_at__gte",
    }


class PositionFilters(Filters):
    """Narrows positions."""

    account = _identity(help_text="An account's id.")
    mode = _mode()
    paths = {"account": "account", "mode": "mode"}
