"""What the webhook takes, refuses and repeats; a refusal leaves no row and wakes nobody."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.test.utils import override_settings
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.strategies import views
from apps.strategies.models import Signal, WebhookToken
from apps.strategies.services import tokens
from apps.strategies.services.tokens import token_hash
from tests.apps.strategies.conftest import Hook
from tests.cast import Cast, make_strategy


def _ago(seconds: float) -> str:
    return (timezone.now() - timedelta(seconds=seconds)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _nothing_happened(hook: Hook) -> None:
    assert Signal.objects.count() == 0
    assert hook.wakes == []


def test_an_alert_becomes_one_signal_and_one_wake_up(hook: Hook, cast: Cast) -> None:
    response = hook.post({"action": "buy", "symbol": "NSE:NIFTY", "timenow": _ago(1), "alert_id": "a-1"})

    signal = Signal.objects.get()
    assert (response.status_code, response.json()) == (202, {"status": "accepted", "signal": signal.pk})
    assert (signal.tenant, signal.strategy, signal.kind, signal.status) == (
        cast.tenant,
        cast.strategy,
        "ENTRY",
        "ACCEPTED",
    )
    assert (signal.source, signal.dedupe_key, signal.source_ip) == ("tradingview", "a-1", "127.0.0.1")
    assert signal.payload["symbol"] == "NSE:NIFTY"
    assert hook.wakes == [signal.pk]


@pytest.mark.parametrize("body", ["buy", "action=buy", "action: buy\nsymbol: NIFTY", '{"action": "buy"}'])
def test_plain_text_is_taken_as_well_as_json(hook: Hook, body: str) -> None:
    assert hook.post(body, content_type="text/plain").status_code == 202
    assert Signal.objects.get().raw_body == body


def test_the_address_works_without_its_last_slash(hook: Hook) -> None:
    assert hook.post({"action": "buy"}, url=hook.url.rstrip("/")).status_code == 202


@pytest.mark.parametrize(
    ("words", "action", "kind", "status"),
    [
        (("ENTRY", "EXIT"), "buy", "ENTRY", "ACCEPTED"),
        (("ENTRY", "EXIT"), "sell", "EXIT", "ACCEPTED"),
        (("EXIT", "ENTRY"), "buy", "EXIT", "ACCEPTED"),
        (("EXIT", "ENTRY"), "sell", "ENTRY", "ACCEPTED"),
        (("IGNORE", "ENTRY"), "exit", "EXIT", "ACCEPTED"),
        (("IGNORE", "EXIT"), "entry", "ENTRY", "ACCEPTED"),
        (("IGNORE", "EXIT"), "buy", "ENTRY", "IGNORED"),
    ],
)
def test_buy_and_sell_mean_what_the_strategy_says(
    hook: Hook, cast: Cast, words: tuple[str, str], action: str, kind: str, status: str
) -> None:
    cast.strategy.on_buy, cast.strategy.on_sell = words
    cast.strategy.save()

    assert hook.post({"action": action}).status_code == 202

    signal = Signal.objects.get()
    assert (signal.kind, signal.status) == (kind, status)
    assert bool(hook.wakes) == (status == "ACCEPTED")


def test_an_ignored_alert_says_so(hook: Hook, cast: Cast) -> None:
    cast.strategy.on_sell = "IGNORE"
    cast.strategy.save()

    assert hook.post({"action": "sell"}).json()["status"] == "ignored"
    assert "sell" in Signal.objects.get().reason


TWICE = '{"action": "buy", "action": "sell"}'
BAD_BODIES = {
    "nothing": ("", 400, "EMPTY_BODY"),
    "9 KB": (json.dumps({"action": "buy", "note": "x" * 9000}), 413, "BODY_TOO_LARGE"),
    "invalid UTF-8": (b'{"action": "buy", "note": "\xff\xfe"}', 400, "NOT_UTF8"),
    "cut JSON": ('{"action": "buy"', 400, "BAD_JSON"),
    "a list": ('["buy"]', 400, "NOT_AN_OBJECT"),
    "a key twice": (TWICE, 400, "DUPLICATE_KEY"),
    "a key twice, once in capitals": ('{"action": "buy", "ACTION": "sell"}', 400, "DUPLICATE_KEY"),
    "NaN": ('{"action": "buy", "quantity": NaN}', 400, "BAD_NUMBER"),
    "1e999": ('{"action": "buy", "quantity": 1e999}', 400, "BAD_NUMBER"),
    "nan as text": ('{"action": "buy", "price": "NaN"}', 400, "BAD_NUMBER"),
    "a NUL": ('{"action": "buy", "note": "a\\u0000b"}', 400, "BAD_CHARACTER"),
    "half a character": ('{"action": "buy", "note": "\\ud800"}', 400, "BAD_CHARACTER"),
    "an unfilled placeholder": ('{"action": "{{strategy.order.action}}"}', 400, "UNRESOLVED_PLACEHOLDER"),
    "no action": ('{"symbol": "NIFTY"}', 422, "NO_ACTION"),
    "another action": ('{"action": "hold"}', 422, "UNKNOWN_ACTION"),
    "side 'buy;sell'": ('{"side": "buy;sell"}', 422, "UNKNOWN_ACTION"),
    "two actions": ('{"action": "buy", "side": "sell"}', 422, "CONFLICT"),
    "no change of position": (
        '{"market_position": "long", "prev_market_position": "long"}',
        422,
        "POSITION_UNCHANGED",
    ),
    "a look-alike symbol": ('{"action": "buy", "symbol": "NІFTY"}', 400, "BAD_SYMBOL"),
    "a symbol with markup": ('{"action": "buy", "symbol": "<b>NIFTY"}', 400, "BAD_SYMBOL"),
    "quantity 0": ('{"action": "buy", "quantity": 0}', 400, "BAD_QUANTITY"),
    "a negative quantity": ('{"action": "buy", "quantity": -65}', 400, "BAD_QUANTITY"),
    "a fraction of a quantity": ('{"action": "buy", "quantity": 65.5}', 400, "BAD_QUANTITY"),
    "a quantity beyond all limits": ('{"action": "buy", "quantity": 10000001}', 400, "BAD_QUANTITY"),
    "a quantity that is true": ('{"action": "buy", "quantity": true}', 400, "BAD_QUANTITY"),
    "price 0": ('{"action": "buy", "price": 0}', 400, "BAD_PRICE"),
    "a negative price": ('{"action": "buy", "price": -1}', 400, "BAD_PRICE"),
    "an alert id of 65 characters": (json.dumps({"action": "buy", "alert_id": "x" * 65}), 400, "BAD_ALERT_ID"),
    "an alert id with a line break": ('{"action": "buy", "alert_id": "a\\r\\nb"}', 400, "BAD_ALERT_ID"),
    "a time without an offset": ('{"action": "buy", "timenow": "2026-11-16T10:30:00"}', 400, "BAD_TIME"),
    "a nest 12 deep": (f'{{"action": "buy", "note": {"[" * 12}{"]" * 12}}}', 400, "BAD_JSON"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_with_its_reason(hook: Hook, name: str) -> None:
    body, status, code = BAD_BODIES[name]

    response = hook.post(body)

    assert response.status_code == status
    assert (response.json()["status"], response.json()["code"]) == ("error", code)
    assert response.json()["message"]
    _nothing_happened(hook)


def test_a_form_is_not_taken(hook: Hook) -> None:
    response = hook.post("action=buy", content_type="application/x-www-form-urlencoded")

    assert (response.status_code, response.json()["code"]) == (415, "UNSUPPORTED_TYPE")
    _nothing_happened(hook)


@pytest.mark.parametrize(("seconds", "code"), [(61, "STALE"), (3600, "STALE"), (-7, "FUTURE"), (-3600, "FUTURE")])
def test_an_old_or_future_alert_is_refused(hook: Hook, seconds: float, code: str) -> None:
    response = hook.post({"action": "buy", "timenow": _ago(seconds)})

    assert (response.status_code, response.json()["code"]) == (422, code)
    _nothing_happened(hook)


def test_the_age_an_alert_may_have_is_a_setting(hook: Hook) -> None:
    with override_settings(SIGNAL_MAX_AGE_SECONDS=10.0):
        response = hook.post({"action": "buy", "timenow": _ago(12)})
    assert "over 10 s ago" in response.json()["message"]
    assert hook.post({"action": "buy", "timenow": _ago(12)}).status_code == 202


def test_half_a_body_is_no_alert(hook: Hook) -> None:
    wire: Any = {"CONTENT_LENGTH": "40", "wsgi.input": BytesIO(b"buy")}  # the caller hung up
    response = hook.client.post(hook.url, "", content_type="text/plain", **wire)
    assert (response.status_code, response.json()["code"]) == (400, "CUT_SHORT")
    _nothing_happened(hook)


@pytest.mark.parametrize(("length", "status"), [("8193", 413), ("9" * 30, 413), ("many", 400), ("-5", 400), ("٣", 400)])
def test_a_length_that_is_too_long_or_none_is_refused_unread(hook: Hook, length: str, status: int) -> None:
    request = RequestFactory().post(hook.url, "buy", content_type="text/plain")
    request.META["CONTENT_LENGTH"] = length
    assert views.tradingview(request, hook.token).status_code == status
    _nothing_happened(hook)


def test_the_age_is_counted_on_the_markets_clock(
    hook: Hook, now: datetime, market_at: Callable[[datetime], None]
) -> None:
    market_at(now)

    assert hook.post({"action": "buy", "timenow": now.isoformat(), "alert_id": "1"}).status_code == 202
    assert hook.post({"action": "buy", "timenow": _ago(0), "alert_id": "2"}).status_code == 422
    assert Signal.objects.get().received_at == now


@pytest.mark.parametrize("token", ["", "x", "A" * 32, "A" * 65, "..%2F..", "%00", "token with spaces"])
def test_a_stranger_finds_nothing_and_leaves_nothing(hook: Hook, token: str) -> None:
    assert hook.post({"action": "buy"}, url=f"/hooks/tradingview/{token}/").status_code == 404
    _nothing_happened(hook)


@pytest.mark.parametrize("place", ["?token={}", "wrong/?token={}", "wrong?secret={}"])
def test_a_token_in_the_query_is_no_token(hook: Hook, place: str) -> None:
    assert hook.post({"action": "buy"}, url=f"/hooks/tradingview/{place.format(hook.token)}").status_code == 404
    _nothing_happened(hook)


def test_another_tenants_token_only_ever_speaks_for_its_own_strategy(hook: Hook, cast: Cast) -> None:
    theirs = make_strategy(cast.outsider.tenant)
    token = tokens.rotate(theirs, actor=None)

    assert (
        hook.post({"action": "buy", "strategy": cast.strategy.pk}, url=f"/hooks/tradingview/{token}/").status_code
        == 202
    )

    assert [signal.strategy for signal in Signal.objects.all()] == [theirs]
    assert Signal.objects.get().tenant == cast.outsider.tenant


def test_a_rotated_token_works_for_its_grace_only(hook: Hook, cast: Cast) -> None:
    newer = tokens.rotate(cast.strategy, grace=timedelta(minutes=5), actor=cast.operator)
    assert hook.post({"action": "buy", "alert_id": "1"}).status_code == 202

    WebhookToken.objects.filter(token_hash=token_hash(hook.token)).update(valid_until=timezone.now())

    gone = hook.post({"action": "buy", "alert_id": "2"})
    unknown = hook.post({"action": "buy", "alert_id": "2"}, url="/hooks/tradingview/unknown/")
    assert (gone.status_code, gone.content) == (404, unknown.content)
    assert hook.post({"action": "buy", "alert_id": "3"}, url=f"/hooks/tradingview/{newer}/").status_code == 202


def test_a_rotation_without_grace_ends_every_older_token(hook: Hook, cast: Cast) -> None:
    tokens.rotate(cast.strategy, grace=timedelta(hours=1), actor=cast.operator)
    tokens.rotate(cast.strategy, actor=cast.operator)

    assert hook.post({"action": "buy"}).status_code == 404
    _nothing_happened(hook)


def test_a_revoked_token_finds_nothing(hook: Hook, cast: Cast) -> None:
    assert tokens.revoke_all(cast.strategy, actor=cast.operator) == 1
    assert hook.post({"action": "buy"}).status_code == 404
    _nothing_happened(hook)


def test_a_token_is_long_random_and_stored_as_a_hash_only(hook: Hook, cast: Cast) -> None:
    stored = WebhookToken.objects.get()
    assert len(hook.token) == 32
    assert hook.token not in json.dumps(list(WebhookToken.objects.values()), default=str)
    assert stored.token_hash == token_hash(hook.token)
    audit = AuditEvent.objects.get(kind="webhook_rotated")
    assert (audit.actor, audit.object_id) == (cast.operator, cast.strategy.pk)
    assert hook.token not in json.dumps(audit.data)


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post_is_taken(hook: Hook, client: Client, method: str) -> None:
    response = getattr(client, method)(hook.url)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    _nothing_happened(hook)


@pytest.mark.parametrize(("field", "code"), [("strategy", "STRATEGY_DISABLED"), ("tenant", "TENANT_DISABLED")])
def test_what_is_switched_off_takes_nothing(hook: Hook, cast: Cast, field: str, code: str) -> None:
    row = getattr(cast, field)
    row.is_active = False
    row.save()

    response = hook.post({"action": "buy"})

    assert (response.status_code, response.json()["code"]) == (409, code)
    _nothing_happened(hook)


def test_no_login_is_needed_and_none_is_looked_at(hook: Hook, cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(hook.url, "buy", content_type="text/plain", headers={"Origin": "https://evil.test"})
    assert response.status_code == 202
    assert "Set-Cookie" not in response.headers


def test_an_alert_costs_one_read_and_one_insert(hook: Hook, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(2):  # type: ignore[operator]
        assert (
            hook.client.post(
                hook.url, '{"action": "buy", "alert_id": "7"}', content_type="application/json"
            ).status_code
            == 202
        )


@pytest.mark.parametrize(
    "secret", [{"secret": "hunter2"}, {"meta": {"password": "hunter2"}}, {"list": [{"apikey": "hunter2"}]}]
)
def test_a_secret_in_the_body_is_kept_nowhere(hook: Hook, secret: dict[str, object]) -> None:
    assert hook.post({"action": "buy", **secret}).status_code == 202

    signal = Signal.objects.get()
    assert signal.raw_body == ""
    assert "hunter2" not in json.dumps(list(Signal.objects.values()), default=str)
    assert "***" in json.dumps(signal.payload)


def test_the_token_stays_out_of_the_log(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    hook.post({"action": "hold"})
    hook.client.get(hook.url)
    hook.client.post(f"{hook.url}more/", "buy", content_type="text/plain")
    hook.client.post(f"/hooks/tradingview/x/{hook.token}", "buy", content_type="text/plain")

    told = [json.dumps(vars(record), default=str) for record in caplog.records if not record.name.startswith("asyncio")]
    assert any("UNKNOWN_ACTION" in line for line in told)
    assert not [line for line in told if hook.token in line]
