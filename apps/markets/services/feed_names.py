"""How the feed's broker calls the instruments somebody needs."""

from collections.abc import Iterable

from apps.markets.models import BrokerInstrument, Instrument
from domain.broker import BrokerSpec
from domain.feed.ingest import Named


def names_of(spec: BrokerSpec, ids: Iterable[int]) -> list[Named]:
    """Return what the broker calls each instrument; one it does not list is left out."""
    rows = BrokerInstrument.objects.filter(broker=spec.slug, instrument_id__in=list(ids))
    columns = ("instrument__exchange", "instrument__kind", "exchange", "symbol", "token", "instrument__lot_size")
    return [
        Named(pk, exchange, kind, listed_on, symbol, token, lot_size if listed_on in spec.quantity_in_lots else 1)
        for pk, exchange, kind, listed_on, symbol, token, lot_size in rows.values_list("instrument_id", *columns)
    ]


def facts_of(ids: Iterable[int]) -> list[tuple[int, str, str]]:
    """Return id, exchange and kind of each instrument."""
    return list(Instrument.objects.filter(pk__in=list(ids)).values_list("pk", "exchange", "kind"))
