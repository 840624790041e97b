"""Holdings and funds of all accounts side by side, and asking for them to be read now."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.dashboard.people import person_of, signed_in
from apps.dashboard.services.account_filter import choose
from apps.dashboard.services.portfolio import funds_lines, funds_sums, holdings_of
from apps.dashboard.views.pages import frame
from apps.trading.services.portfolio import ask_refresh
from bus import clock

_PAGES = {"holdings": "dashboard:holdings", "funds": "dashboard:funds"}


@require_GET
@signed_in
def holdings(request: HttpRequest) -> HttpResponse:
    """Show delivered securities as the brokers last showed them."""
    chosen = choose(person_of(request), request.GET)
    found = holdings_of(chosen.accounts, wall=clock.now())
    return render(request, "dashboard/holdings.html", frame(request, held=found, chosen=chosen, page="holdings"))


@require_GET
@signed_in
def funds(request: HttpRequest) -> HttpResponse:
    """Show every account's money, summed by currency."""
    chosen = choose(person_of(request), request.GET)
    lines = funds_lines(chosen.accounts, wall=clock.now())
    context = {"lines": lines, "sums": funds_sums(lines), "chosen": chosen, "page": "funds"}
    return render(request, "dashboard/funds.html", frame(request, **context))


@require_POST
@signed_in
def refresh(request: HttpRequest) -> HttpResponse:
    """Ask for the shown accounts to be read now, then show the page again."""
    chosen = choose(person_of(request), request.POST)
    asked = ask_refresh(user=person_of(request), account_ids=chosen.ids, wall=clock.now())
    messages.success(request, _said(asked))
    back = reverse(_PAGES.get(request.POST.get("page", ""), "dashboard:holdings"))
    return redirect(f"{back}?{chosen.query}" if chosen.query else back)


def _said(asked: int) -> str:
    if not asked:
        return "Nothing was asked for: no live account, or each was asked for in the last half minute."
    return f"{asked} account{'s are' if asked > 1 else ' is'} being read. The figures follow in a moment."
