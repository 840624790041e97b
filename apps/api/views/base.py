"""What every view of the API has in common."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView

from apps.api.authentication import person_of
from apps.api.filters import Filters, narrowed
from apps.api.pnl import last_prices
from apps.api.throttling import PerKey
from apps.users.models import User

M = TypeVar("M", bound=Model)


class Scoped(GenericAPIView[M]):
    """Rows the key's owner may see, and no others: a foreign row does not exist."""

    throttle_classes = [PerKey]
    serializer_class: Any

    def rows(self, user: User) -> QuerySet[M]:
        """Return what this person may see, with what the serializer needs; every view says which."""
        raise NotImplementedError

    def instruments(self, row: M) -> Iterable[int]:
        """Return the instruments whose last price a row shows."""
        return ()

    def priced(self, rows: Sequence[M]) -> dict[str, Any]:
        """Return the serializer's context with the prices of all rows, read at once."""
        wanted = {one for row in rows for one in self.instruments(row)}
        return {"request": self.request, "prices": last_prices(wanted)}

    def scoped(self) -> QuerySet[M]:
        """Return the rows of whoever asks; none while the API's document is being written."""
        if getattr(self, "swagger_fake_view", False):
            return cast(QuerySet[M], self.serializer_class.Meta.model.objects.none())
        return self.rows(person_of(self.request))


class ScopedList(Scoped[M], ListAPIView[M]):
    """A list, newest first, in pages."""

    filters: type[Filters]

    def get_queryset(self) -> QuerySet[M]:
        """Return the rows the query string asks for."""
        rows = self.scoped()
        return rows if getattr(self, "swagger_fake_view", False) else narrowed(rows, self.filters, self.request)

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Give a page's serializer the page's prices."""
        rows = args[0] if args else ()
        return self.serializer_class(*args, **{"context": self.priced(rows)} | kwargs)


class ScopedDetail(Scoped[M], RetrieveAPIView[M]):
    """One row."""

    def get_queryset(self) -> QuerySet[M]:
        """Return where the row is looked for."""
        return self.scoped()

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Give the row's serializer its prices."""
        return self.serializer_class(*args, **{"context": self.priced(args)} | kwargs)
