"""The desk's form for a strategy: what may be written."""

from decimal import Decimal

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from apps.strategies.models import AlgoId, Strategy, StrategyLeg
from tests.apps.strategies.desk_rig import errors, page
from tests.cast import Cast

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


def make(desk: Client, *legs: dict[str, str], **fields: str) -> HttpResponse:
    """Fill the form for a new strategy."""
    rows = legs or (LEG,)
    form = STRATEGY | fields | {"legs-TOTAL_FORMS": str(len(rows)), "legs-INITIAL_FORMS": "0"}
    for number, leg in enumerate(rows):
        form |= {f"legs-{number}-{name}": value for name, value in leg.items()}
    return desk.post(reverse("admin:strategies_strategy_add"), form)


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
