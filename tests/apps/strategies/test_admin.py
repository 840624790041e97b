"""The desk's pages for strategies: what may be written, the webhook address, bulk edits, the signal inspector."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.risk.services.halts import set_halt
from apps.strategies.models import AlgoId, Signal, Strategy, StrategyLeg, StrategyMap, WebhookToken
from apps.strategies.services import tokens
from apps.strategies.services.routing import route
from apps.trading.models import Trade
from apps.users.models import Role, User
from tests.cast import Cast, make_account, make_strategy

PASSWORD = "correct horse battery"
LEG = {
    "side": "BUY",
    "lots": "1",
    "symbol": "",
    "kind": "OPT",
    "right": "CE",
    "strike_rule": "ATM",
    "expiry_rule": "WEEK0",
}
STRATEGY = {
    "name": "Evening put",
    "slug": "evening-put",
    "underlying": "nifty",
    "exchange": "NFO",
    "product": "MIS",
    "order_type": "MARKET",
    "on_buy": "ENTRY",
    "on_sell": "EXIT",
    "stop_kind": "PERCENT",
    "target_kind": "PERCENT",
    "trail_kind": "PERCENT",
    "trade_stop_kind": "RUPEES",
    "trade_target_kind": "RUPEES",
    "confirm_ticks": "2",
    "buffer_percent": "0",
    "entry_timeout_seconds": "60",
    "square_off_at": "15:10",
    "keep_partial": "on",
    "is_active": "on",
    "allowed_ips": "",
    "algo_ids-TOTAL_FORMS": "0",
    "algo_ids-INITIAL_FORMS": "0",
}


@pytest.fixture
def desk(cast: Cast) -> Client:
    client = Client()
    client.force_login(cast.operator)
    return client


def make(desk: Client, *legs: dict[str, str], **fields: str) -> HttpResponse:
    """Fill the form for a new strategy."""
    rows = legs or (LEG,)
    form = STRATEGY | fields | {"legs-TOTAL_FORMS": str(len(rows)), "legs-INITIAL_FORMS": "0"}
    for number, leg in enumerate(rows):
        form |= {f"legs-{number}-{name}": value for name, value in leg.items()}
    return desk.post(reverse("admin:strategies_strategy_add"), form)


def errors(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


def test_an_operator_makes_a_strategy_of_the_own_tenant(desk: Client, cast: Cast) -> None:
    response = make(desk, LEG, LEG | {"side": "SELL", "right": "PE", "strike_rule": "OTM2"}, stop_value="20")

    assert response.status_code == 302, errors(response)
    strategy = Strategy.objects.get(slug="evening-put")
    assert (strategy.tenant, strategy.underlying, strategy.stop_value) == (cast.tenant, "NIFTY", Decimal(20))
    assert list(strategy.legs.values_list("position", "side", "strike_rule")) == [
        (1, "BUY", "ATM"),
        (2, "SELL", "OTM2"),
    ]


def algo(broker: str, algo_id: str) -> dict[str, str]:
    return {"algo_ids-TOTAL_FORMS": "1", "algo_ids-0-broker": broker, "algo_ids-0-algo_id": algo_id}


def test_a_strategy_has_the_algo_id_each_broker_registered(desk: Client) -> None:
    response = make(desk, **algo("zerodha", "100200300"))
    assert response.status_code == 302, errors(response)
    algo_ids = AlgoId.objects.filter(strategy__slug="evening-put")
    assert list(algo_ids.values_list("broker", "algo_id")) == [("zerodha", "100200300")]


@pytest.mark.parametrize(
    ("broker", "algo_id"),
    [("kotak", "1"), ("binance", "1"), ("zerodha", "1&2"), ("zerodha", "1" * 21), ("aliceblue", "1" * 13)],
)
def test_an_algo_id_the_broker_does_not_take_is_refused(desk: Client, broker: str, algo_id: str) -> None:
    errors(make(desk, **algo(broker, algo_id)))
    assert not AlgoId.objects.exists()


def test_the_tenant_cannot_be_chosen_by_an_operator(desk: Client, cast: Cast) -> None:
    make(desk, tenant=str(cast.outsider.tenant_id))
    assert Strategy.objects.get(slug="evening-put").tenant == cast.tenant


def test_an_exact_symbol_is_kept_in_its_canonical_form(desk: Client) -> None:
    make(desk, LEG | {"symbol": " nifty25nov2526000.00ce "})
    assert StrategyLeg.objects.get(strategy__slug="evening-put").symbol == "NIFTY25NOV2526000CE"


@pytest.mark.parametrize(
    "leg",
    [
        {"strike_rule": ""},
        {"strike_rule": "ATM*2"},
        {"strike_rule": "OTM0"},
        {"expiry_rule": "SOON"},
        {"expiry_rule": "FRONT"},
        {"right": ""},
        {"symbol": "26000CE"},
        {"symbol": "NІFTY25NOV2526000CE"},
        {"symbol": "NIFTY31FEB2626000CE"},
        {"lots": "0"},
        {"lots": "-1"},
        {"lots": "1.5"},
        {"side": "BUY;SELL"},
        {"side": "HOLD"},
    ],
)
def test_a_leg_that_names_no_contract_is_refused(desk: Client, leg: dict[str, str]) -> None:
    response = make(desk, LEG | leg)
    assert "errorlist" in errors(response) or "text-red" in errors(response)
    assert not Strategy.objects.filter(slug="evening-put").exists()


def test_a_future_needs_no_strike(desk: Client) -> None:
    response = make(desk, LEG | {"kind": "FUT", "right": "", "strike_rule": "", "expiry_rule": "FRONT"})
    assert response.status_code == 302, errors(response)


@pytest.mark.parametrize("count", [0, 11])
def test_a_strategy_has_one_to_ten_legs(desk: Client, count: int) -> None:
    form = STRATEGY | {"legs-TOTAL_FORMS": str(count), "legs-INITIAL_FORMS": "0"}
    for number in range(count):
        form |= {f"legs-{number}-{name}": value for name, value in LEG.items()}
    response = desk.post(reverse("admin:strategies_strategy_add"), form)
    assert "A strategy has 1 to 10 legs" in errors(response)


@pytest.mark.parametrize(
    "fields",
    [
        {"slug": "morning-call"},
        {"trail_after": "5"},
        {"buffer_percent": "-1"},
        {"buffer_percent": "51"},
        {"entry_timeout_seconds": "0"},
        {"entry_timeout_seconds": "3601"},
        {"square_off_at": ""},
        {"square_off_at": "25:00"},
        {"stop_value": "101"},
        {"stop_value": "0"},
        {"stop_value": "NaN"},
        {"target_value": "-3"},
        {"trade_stop_kind": "PERCENT", "trade_stop_value": "101"},
        {"confirm_ticks": "0"},
        {"confirm_ticks": "21"},
        {"allowed_ips": "52.89.214.238\nevil.example"},
        {"allowed_ips": "52.89.214.300"},
        {"exchange": "NSE"},
        {"product": "BO"},
        {"order_type": "STOP"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(desk: Client, fields: dict[str, str]) -> None:
    response = make(desk, **fields)
    assert "text-red" in errors(response)
    assert not Strategy.objects.filter(name="Evening put").exists()


def test_addresses_are_kept_as_a_list(desk: Client) -> None:
    make(desk, allowed_ips="52.89.214.238\n34.212.75.0/24")
    assert Strategy.objects.get(slug="evening-put").allowed_ips == ["52.89.214.238", "34.212.75.0/24"]


def test_a_name_is_shown_as_text(desk: Client, cast: Cast) -> None:
    Strategy.objects.filter(pk=cast.strategy.pk).update(name="<script>alert(1)</script>")
    for url in (reverse("admin:strategies_strategy_changelist"), page(cast.strategy)):
        assert "<script>alert(1)" not in desk.get(url).content.decode()


def page(strategy: Strategy) -> str:
    return reverse("admin:strategies_strategy_change", args=[strategy.pk])


def rotate_url(strategy: Strategy) -> str:
    return reverse("admin:strategies_strategy_rotate_webhook", args=[strategy.pk])


def test_a_new_address_is_shown_once_and_works(desk: Client, cast: Cast, wakes: list[int]) -> None:
    old = tokens.rotate(cast.strategy, actor=None)
    assert desk.get(rotate_url(cast.strategy)).status_code == 200
    assert WebhookToken.objects.count() == 1  # looking makes none

    shown = desk.post(rotate_url(cast.strategy), {"password": PASSWORD, "grace": "300"})

    found = re.search(r"data-webhook-url>([^<]+)<", shown.content.decode())
    assert found is not None
    assert "no-store" in shown.headers["Cache-Control"]
    path = found[1].removeprefix(settings.BASE_URL)
    assert desk.post(path, "buy", content_type="text/plain").status_code == 202
    assert tokens.find(old, wall=timezone.now() + timedelta(seconds=299)) is not None
    assert tokens.find(old, wall=timezone.now() + timedelta(seconds=301)) is None
    assert found[1] not in desk.get(page(cast.strategy)).content.decode()


@pytest.mark.parametrize("form", [{}, {"password": "wrong", "grace": "0"}, {"password": PASSWORD, "grace": "31536000"}])
def test_a_new_address_needs_the_password(desk: Client, cast: Cast, form: dict[str, str]) -> None:
    response = desk.post(rotate_url(cast.strategy), form)
    assert response.status_code == 422
    assert not WebhookToken.objects.exists()


def test_addresses_are_ended(desk: Client, cast: Cast) -> None:
    token = tokens.rotate(cast.strategy, actor=None)
    desk.post(reverse("admin:strategies_strategy_revoke_webhook", args=[cast.strategy.pk]), {"password": PASSWORD})
    assert tokens.find(token, wall=timezone.now()) is None


@pytest.mark.parametrize("name", ["rotate_webhook", "revoke_webhook"])
def test_another_tenants_address_is_out_of_reach(desk: Client, cast: Cast, name: str) -> None:
    theirs = make_strategy(cast.outsider.tenant)
    token = tokens.rotate(theirs, actor=None)
    url = reverse(f"admin:strategies_strategy_{name}", args=[theirs.pk])

    response = desk.post(url, {"password": PASSWORD, "grace": "0"})

    assert response.status_code in (403, 404)
    assert tokens.find(token, wall=timezone.now()) is not None
    assert WebhookToken.objects.count() == 1


def test_the_hash_of_a_token_is_shown_nowhere(desk: Client, cast: Cast) -> None:
    tokens.rotate(cast.strategy, actor=None)
    row = WebhookToken.objects.get()
    for url in (
        reverse("admin:strategies_webhooktoken_changelist"),
        reverse("admin:strategies_webhooktoken_change", args=[row.pk]),
    ):
        response = desk.get(url)
        assert response.status_code == 200
        assert row.token_hash not in response.content.decode()


def test_only_the_own_tenants_rows_are_offered(desk: Client, cast: Cast) -> None:
    theirs = make_strategy(cast.outsider.tenant, name="Their secret")
    make_account(cast.outsider, "paper", "THEIRS1", mode="PAPER")
    Signal.objects.create(
        tenant=theirs.tenant, strategy=theirs, kind="ENTRY", dedupe_key="x", received_at=timezone.now()
    )
    for url in (
        reverse("admin:strategies_strategymap_add"),
        reverse("admin:strategies_strategymap_changelist"),
        reverse("admin:strategies_signal_changelist"),
        reverse("admin:strategies_webhooktoken_changelist"),
    ):
        text = desk.get(url).content.decode()
        assert "Their secret" not in text, url
        assert "THEIRS1" not in text, url


@pytest.mark.parametrize("foreign", ["strategy", "account"])
def test_a_foreign_id_in_a_form_is_refused(desk: Client, cast: Cast, foreign: str) -> None:
    values = {
        "strategy": make_strategy(cast.tenant, slug="own", name="Own").pk,
        "account": cast.account.pk,
    }
    values[foreign] = (
        make_strategy(cast.outsider.tenant).pk
        if foreign == "strategy"
        else make_account(cast.outsider, "paper", "THEIRS1", mode="PAPER").pk
    )

    response = desk.post(reverse("admin:strategies_strategymap_add"), values | {"lot_multiplier": "1"})

    assert "text-red" in errors(response)
    assert StrategyMap.objects.count() == 2


def test_not_even_an_admin_maps_across_tenants(cast: Cast) -> None:
    chief = Client()
    chief.force_login(User.objects.create_superuser("chief@vayda.test", PASSWORD))
    theirs = make_account(cast.outsider, "paper", "THEIRS1", mode="PAPER")

    response = chief.post(
        reverse("admin:strategies_strategymap_add"),
        {"strategy": cast.strategy.pk, "account": theirs.pk, "lot_multiplier": "1"},
    )

    assert "another tenant" in errors(response)


def edit_list(desk: Client, rows: list[StrategyMap], **changes: str) -> HttpResponse:
    """Send the list's form back with the first row changed."""
    form: dict[str, Any] = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": len(rows), "_save": "Save"}
    for number, row in enumerate(rows):
        values = {"id": row.pk, "lot_multiplier": "1", "is_active": "on"} | (changes if number == 0 else {})
        form |= {f"form-{number}-{name}": value for name, value in values.items()}
    return desk.post(reverse("admin:strategies_strategymap_changelist"), form)


def test_many_maps_are_edited_in_the_list(desk: Client, cast: Cast) -> None:
    assert edit_list(desk, cast.maps, lot_multiplier="2.5", day_loss_limit="5000").status_code == 302
    cast.maps[0].refresh_from_db()
    assert (cast.maps[0].lot_multiplier, cast.maps[0].day_loss_limit) == (Decimal("2.5"), Decimal(5000))


@pytest.mark.parametrize("multiplier", ["0", "-1", "NaN", "1e5", "two"])
def test_a_multiplier_that_is_none_changes_nothing(desk: Client, cast: Cast, multiplier: str) -> None:
    assert edit_list(desk, cast.maps, lot_multiplier=multiplier).status_code == 200
    assert set(StrategyMap.objects.values_list("lot_multiplier", flat=True)) == {Decimal(1)}


def test_one_foreign_id_among_many_is_not_edited(desk: Client, cast: Cast) -> None:
    theirs = StrategyMap.objects.create(
        strategy=make_strategy(cast.outsider.tenant), account=make_account(cast.outsider, "paper", "T1", mode="PAPER")
    )

    edit_list(desk, [theirs, *cast.maps], lot_multiplier="9")
    desk.post(
        reverse("admin:strategies_strategymap_changelist"),
        {"action": "switch_off", "_selected_action": [theirs.pk, cast.maps[0].pk]},
    )

    theirs.refresh_from_db()
    cast.maps[0].refresh_from_db()
    assert (theirs.lot_multiplier, theirs.is_active) == (Decimal(1), True)
    assert cast.maps[0].is_active is False


def test_a_manager_reads_the_own_clients_maps_and_changes_none(cast: Cast) -> None:
    cast.manager.is_staff = True
    cast.manager.save()
    StrategyMap.objects.create(
        strategy=cast.strategy, account=make_account(cast.other_trader, "paper", "NOTMINE", mode="PAPER")
    )
    client = Client()
    client.force_login(cast.manager)
    url = reverse("admin:strategies_strategymap_changelist")

    text = client.get(url).content.decode()
    client.post(url, {"action": "switch_off", "_selected_action": [cast.maps[0].pk]})
    edit_list(client, cast.maps, lot_multiplier="9")

    assert "AB1234" in text
    assert "NOTMINE" not in text
    assert not StrategyMap.objects.filter(is_active=False).exists()
    assert not StrategyMap.objects.filter(lot_multiplier=9).exists()
    assert client.get(reverse("admin:strategies_signal_changelist")).status_code == 403


def test_the_inspector_shows_the_payload_and_every_verdict(desk: Client, prices: Cast, now: datetime) -> None:
    set_halt(scope="ACCOUNT", reason="drill", actor=None, account_id=prices.account.pk)
    payload = {"action": "buy", "comment": "<script>alert(1)</script>"}
    signal = Signal.objects.create(
        tenant=prices.tenant, strategy=prices.strategy, kind="ENTRY", dedupe_key="x", received_at=now, payload=payload
    )
    route(signal.pk, now=now)

    text = desk.get(reverse("admin:strategies_signal_change", args=[signal.pk])).content.decode()

    assert "&quot;action&quot;: &quot;buy&quot;" in text
    assert "<script>alert(1)" not in text
    table = text[text.index("data-verdicts") : text.index("</table>", text.index("data-verdicts"))]
    assert "HALTED: Halted" in table
    assert "Account halted: drill" in table
    assert "Took part" in table
    assert reverse("admin:trading_trade_change", args=[Trade.objects.get().pk]) in table
    assert table.count("trader@house.test") == 2


def test_a_signal_cannot_be_written(desk: Client, prices: Cast, now: datetime) -> None:
    signal = Signal.objects.create(
        tenant=prices.tenant, strategy=prices.strategy, kind="ENTRY", dedupe_key="x", received_at=now
    )
    assert desk.post(reverse("admin:strategies_signal_change", args=[signal.pk]), {"kind": "EXIT"}).status_code == 403
    assert desk.get(reverse("admin:strategies_signal_add")).status_code == 403
    assert desk.post(reverse("admin:strategies_signal_delete", args=[signal.pk]), {"post": "yes"}).status_code == 403


def test_another_tenants_operator_finds_no_signal(cast: Cast, now: datetime) -> None:
    signal = Signal.objects.create(
        tenant=cast.tenant, strategy=cast.strategy, kind="ENTRY", dedupe_key="x", received_at=now
    )
    client = Client()
    client.force_login(
        User.objects.create_user(
            "boss@elsewhere.test", PASSWORD, tenant=cast.outsider.tenant, role=Role.OPERATOR, is_staff=True
        )
    )
    assert client.get(reverse("admin:strategies_signal_change", args=[signal.pk])).status_code in (302, 404)
    assert f"#{signal.pk}" not in client.get(reverse("admin:strategies_signal_changelist")).content.decode()
