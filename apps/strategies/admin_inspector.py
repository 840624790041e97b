"""What one signal was and what became of it, account by account, as the desk shows it."""

import json

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from apps.strategies.models import Signal
from apps.trading.models import Trade, WaveVerdict

_HEADERS = ("Account", "Client", "Verdict", "Detail", "Trade")


def pretty(payload: object) -> SafeString:
    """Return a payload as indented JSON."""
    text = json.dumps(payload, indent=2, ensure_ascii=False)
    return format_html('<pre class="text-sm whitespace-pre-wrap" data-payload>{}</pre>', text)


def verdict_table(signal: Signal) -> SafeString:
    """Return one line per account: took part or why not, and its trade."""
    wave = getattr(signal, "wave", None)
    if wave is None:
        return format_html("{}", "Not routed." if signal.status != "ACCEPTED" else "Waiting to be routed.")
    verdicts = WaveVerdict.objects.filter(wave=wave).select_related("account__user")
    trades = {trade.strategy_map_id: trade for trade in Trade.objects.filter(wave=wave)}
    rows = [_row(verdict, trades.get(verdict.strategy_map_id)) for verdict in verdicts]
    html = render_to_string("admin/strategies/verdicts.html", {"headers": _HEADERS, "rows": rows})
    return mark_safe(html)  # noqa: S308  # a template escaped it


def _row(verdict: WaveVerdict, trade: Trade | None) -> dict[str, str]:
    return {
        "account": str(verdict.account),
        "account_url": reverse("admin:broker_accounts_brokeraccount_change", args=[verdict.account_id]),
        "client": verdict.account.user.email,
        "verdict": "Took part" if verdict.taken else f"{verdict.reason}: {verdict.get_reason_display()}",
        "detail": verdict.detail,
        "trade": f"{trade.pk} {trade.get_status_display()} ({trade.mode})" if trade is not None else "",
        "trade_url": reverse("admin:trading_trade_change", args=[trade.pk]) if trade is not None else "",
    }
