"""The watchlist: search, add, remove with a way back."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET, require_POST

from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services import watchlist
from apps.dashboard.services.watchlist import WatchlistFull
from apps.dashboard.views.pages import board_of
from apps.markets.models import Instrument
from bus import live


@require_GET
@signed_in
def search(request: HttpRequest) -> HttpResponse:
    """Return the instruments that match what was typed."""
    text = request.GET.get("q", "")[:60]
    found = watchlist.search(text)
    return render(request, "dashboard/parts/found.html", {"found": found, "text": text})


@require_POST
@signed_in
def add(request: HttpRequest, instrument_id: int) -> HttpResponse:
    """Add one instrument; the answer is the new list."""
    instrument = get_object_or_404(Instrument, pk=instrument_id, is_active=True)
    error = ""
    try:
        watchlist.add(person_of(request), instrument)
    except WatchlistFull as full:
        error = str(full)
    return _changed(request, said=error or f"{instrument.symbol} added.")


@require_POST
@signed_in
def remove(request: HttpRequest, item_id: int) -> HttpResponse:
    """Remove one item; the answer offers to bring it back."""
    instrument = watchlist.remove(person_of(request), item_id)
    if instrument is None:
        raise Http404
    return _changed(request, said=f"{instrument.symbol} removed.", undo=instrument)


def _changed(request: HttpRequest, *, said: str, undo: Instrument | None = None) -> HttpResponse:
    user = person_of(request)
    live.announce([user.pk], "notice", {"code": "WATCHLIST"})
    context = {"board": board_of(user), "said": said, "undo": undo}
    return render(request, "dashboard/parts/watchlist.html", context)
