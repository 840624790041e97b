"""Square-off: a dialog that says what would happen, the request, and its progress."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.dashboard.forms import SquareOffAllForm, SquareOffForm, new_key
from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services import square_off
from apps.dashboard.services.board import TradeLine
from apps.dashboard.views.pages import board_of, frame
from apps.trading.models import Trade

_SESSION = "square_offs"
_MOST_REMEMBERED = 10


@require_http_methods(["GET", "POST"])
@signed_in
def one(request: HttpRequest, trade_id: int) -> HttpResponse:
    """Ask before, then request, the exit of one trade."""
    user = person_of(request)
    trade = get_object_or_404(Trade.objects.for_user(user), pk=trade_id)
    form = SquareOffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        key = str(form.cleaned_data["key"])
        if square_off.is_first_time(user, key):
            square_off.exit_trade(trade, user=user)
            _remember(request, key, [trade.pk])
        return redirect("dashboard:square-off-progress", key=key)
    lines = [line for line in board_of(user).open_trades if line.id == trade_id]
    return _dialog(request, form, lines, is_all=False)


@require_http_methods(["GET", "POST"])
@signed_in
def everything(request: HttpRequest) -> HttpResponse:
    """Ask before, then request, the exit of every live trade the person may see."""
    user = person_of(request)
    board = board_of(user)
    form = SquareOffAllForm(request.POST or None, account_ids=board.account_ids)
    if request.method == "POST" and form.is_valid():
        key = str(form.cleaned_data["key"])
        chosen = form.cleaned_data["accounts"] or sorted(board.account_ids)
        if square_off.is_first_time(user, key):
            square_off.exit_all(user=user, account_ids=chosen)
            _remember(request, key, [line.id for line in board.open_trades if line.account_id in chosen])
        return redirect("dashboard:square-off-progress", key=key)
    return _dialog(request, form, list(board.open_trades), is_all=True)


@require_GET
@signed_in
def progress(request: HttpRequest, key: str) -> HttpResponse:
    """Show how far each account is."""
    asked = request.session.get(_SESSION, {}).get(str(key))
    if asked is None:
        raise Http404
    rows = square_off.progress(person_of(request), asked)
    context = {"rows": rows, "key": key, "is_done": all(row.is_done for row in rows)}
    return _render(request, "progress", context)


def _remember(request: HttpRequest, key: str, trade_ids: list[int]) -> None:
    known = dict(request.session.get(_SESSION, {}))
    known[key] = trade_ids
    request.session[_SESSION] = dict(list(known.items())[-_MOST_REMEMBERED:])


def _dialog(request: HttpRequest, form: SquareOffForm, lines: list[TradeLine], *, is_all: bool) -> HttpResponse:
    context = {
        "form": form,
        "trades": lines,
        "is_all": is_all,
        "key": new_key() if not form.is_bound else form.data.get("key") or new_key(),
        "word": square_off.ALL_WORD,
        "modes": sorted({line.mode for line in lines}),
        "accounts": len({line.account_id for line in lines}),
    }
    return _render(request, "confirm", context)


def _render(request: HttpRequest, name: str, context: dict[str, object]) -> HttpResponse:
    """Return the dialog's inside to htmx, a whole page to a browser without scripts."""
    if request.headers.get("HX-Request"):
        return render(request, f"dashboard/parts/{name}.html", context)
    return render(
        request,
        "dashboard/square_off.html",
        frame(request, part=f"dashboard/parts/{name}.html", page="trades", **context),
    )
