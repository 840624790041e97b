"""The harness itself: nothing that can fail is left out of it, and what it says of a run is what the run showed."""

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from brokers.catalog import ENDPOINTS, SPECS
from bus.failpoints import POINTS
from domain.broker_spec import Capability
from domain.clock import IST
from simulator.faults import FaultKind
from tests.chaos.__main__ import options
from tests.chaos.brokers import ABROAD, ALL, FEWEST, INDIAN, RANDOM, ZERODHA, dealt, patience
from tests.chaos.injectors import broker, market
from tests.chaos.injectors.crashes import POINTS_OF, Failpoints
from tests.chaos.report import Report, bound
from tests.chaos.runner import wait_for_the_new_day
from tests.chaos.scenarios import SCENARIOS, injectors_of
from tests.chaos.table import added_up
from tests.chaos.world import World


def report(**more: object) -> Report:
    """Return a run's report, of a run that went well unless said otherwise."""
    known = {"injections": {"kill": 300}, "looks": 9, "state_dir": "/nowhere"}
    return Report("7", "abc", "all", 60.0, 2, **known | more)  # type: ignore[arg-type]


def breach(invariant: str) -> dict[str, object]:
    """Return a breach as the report keeps it."""
    return {"invariant": invariant, "subject": "order 3", "text": "arrived twice", "first": 3, "last": 4, "looks": 2}


def test_every_point_of_the_product_is_armed_in_some_process() -> None:
    assert {point for points in POINTS_OF.values() for point in points} == set(POINTS)


def test_every_fault_of_the_simulated_brokers_is_on_a_menu() -> None:
    menus = (*broker.ORDER_CALLS, *broker.CHANGES, *broker.READS, *broker.SESSIONS, *broker.NEWS)
    assert {one.kind for one in menus} == {kind.value for kind in FaultKind}


def test_the_market_moves_and_falls_silent_wherever_somebody_trades() -> None:
    said: list[dict[str, Any]] = []
    world = SimpleNamespace(
        demo={"webhooks": {"momentum-call": "/", "short-straddle": "/", "momentum-gold": "/"}},
        desk=SimpleNamespace(feed_clients=lambda: ["DEMO20", "50000020"]),
        simulate=lambda method, path, body: said.append(body),
        count=lambda *_: None,
        pause=lambda _: False,
    )
    feed = market.Feed("7")
    for _ in range(60):
        feed.inject(cast(World, world))
    assert {body.get("underlying", "") for body in said} == {"", "NIFTY", "XAUUSD"}
    assert {body.get("client", "") for body in said} == {"", "DEMO20", "50000020"}


def test_the_seed_deals_brokers_to_the_accounts_and_in_time_every_one() -> None:
    deals = {seed: dealt(RANDOM, seed=str(seed)) for seed in range(60)}
    assert deals == {seed: dealt(RANDOM, seed=str(seed)) for seed in range(60)}
    assert {slug for deal in deals.values() for slug in deal} == {deal[0] for deal in deals.values()} == set(INDIAN)
    assert all(len(set(deal)) == len(deal) >= FEWEST for deal in deals.values())


def test_a_run_s_brokers_may_be_named() -> None:
    assert options(["--brokers", "zerodha, ibkr", "--seed", "1"]).brokers == ("zerodha", "ibkr")
    assert set(dealt(ALL, seed="1")) == {*INDIAN, *ABROAD} == ENDPOINTS.keys() - {"paper"}
    with pytest.raises(SystemExit):
        options(["--brokers", "zerodha,nosuch"])


def test_a_run_may_kill_at_chosen_points_alone() -> None:
    chosen = options(["--scenario", "crashes", "--points", "record.committed,jobs.sweep"]).points
    found = [one for one in injectors_of("crashes", "1", points=chosen) if isinstance(one, Failpoints)]
    assert {one.process: one.points for one in found} == {
        "execution-0": ("record.committed",),
        "execution-1": ("record.committed",),
        "jobs": ("jobs.sweep",),
    }
    with pytest.raises(SystemExit):
        options(["--points", "no.such"])


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_brokers_are_dealt_where_a_scenario_is_about_them_and_nowhere_else(name: str) -> None:
    asked = options(["--scenario", name, "--seed", "5"]).brokers
    assert asked == (dealt(RANDOM, seed="5") if name in ("all", "brokers") else (ZERODHA,))


def test_healing_waits_for_what_a_broker_s_limits_hold_up() -> None:
    assert patience(["zerodha", "kotak"]) == 0
    assert patience(["ibkr"]) == 15  # three reads that prove an order absent, five seconds apart
    assert patience(["zerodha", "fyers", "ibkr"]) == 60  # a minute's few calls may all be used up


def test_no_fault_is_aimed_where_it_could_never_hit() -> None:
    posts = {slug for slug in SPECS if broker.NEWS[0].reaches(slug)}
    assert posts == {slug for slug, spec in SPECS.items() if Capability.POSTBACK in spec.offers}
    assert "zerodha" in posts
    assert "fyers" not in posts
    everywhere = (*broker.ORDER_CALLS, *broker.CHANGES, *broker.READS, *broker.SESSIONS)
    assert all(one.reaches(slug) for one in everywhere for slug in (*INDIAN, *ABROAD))


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_an_injector_s_choices_follow_from_the_seed_and_its_name(name: str) -> None:
    first, again, other = (SCENARIOS[name](seed) for seed in ("7", "7", "8"))
    drawn = [[one.random.random() for one in injectors] for injectors in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len({one.name for one in first}) == len(first)


@pytest.mark.parametrize(("trials", "percent"), [(200, 1.49), (300, 0.99), (3000, 0.10), (30000, 0.01)])
def test_no_failure_in_n_trials_bounds_the_chance_of_one(trials: int, percent: float) -> None:
    assert round(100 * bound(trials), 2) == percent


def test_a_run_without_a_breach_claims_no_more_than_its_trials_show() -> None:
    assert report().status == 0
    assert "no breach in 300 injections: below 0.99% each with 95 % confidence" in report().text()


def test_a_breach_decides_the_exit_status_even_when_the_run_broke_down() -> None:
    found = report(breaches=[breach("I1")], broken="the disk was full")
    assert found.status == 1
    assert "I1 order 3: arrived twice" in found.text()
    assert "the disk was full" in found.text()


def test_a_run_that_did_not_work_proves_nothing() -> None:
    assert report(broken="nobody was signed in").status == 2
    assert "no breach" not in report(broken="nobody was signed in").text()


def test_the_report_is_kept_as_json(tmp_path: Path) -> None:
    assert '"seed": "7"' in report().save(tmp_path / "chaos.json").read_text()


def test_the_report_says_which_broker_was_hit_how_often() -> None:
    fyers = {"accounts": ["FYERS02", "FYERS06"], "injections": 41, "orders": 12, "fills": 9}
    assert f"{'fyers':<14}{41:>12}{12:>9}{9:>8}   FYERS02 FYERS06" in report(brokers={"fyers": fyers}).text()


def test_reports_add_up(tmp_path: Path) -> None:
    kotak = {"accounts": ["KOTAK01"], "injections": 4, "orders": 3, "fills": 2}
    both = {"kotak": kotak, "fyers": kotak}
    one = report(injections={"kill": 300}, hits={"claim.before": 20}, brokers=both).save(tmp_path / "1.json")
    more = {"brokers": {"kotak": kotak}, "breaches": [breach("I1")]}
    other = report(injections={"kill": 100, "wipe": 3}, hits={"claim.before": 15}, **more)
    table = added_up([one, other.save(tmp_path / "2.json")])
    assert [f"{'kill':<58}{400:>7}" in table, f"{'wipe':<58}{3:>7}" in table] == [True, True]
    assert f"{'claim.before':<58}{35:>7}" in table
    assert f"{len(POINTS) - 1} of {len(POINTS)} points were hit fewer than 30 times" in table
    assert [f"{'fyers':<14}{4:>12}{3:>9}{2:>8}", f"{'kotak':<14}{8:>12}{6:>9}{4:>8}"] == [
        line for line in table.splitlines() if line.startswith(("fyers", "kotak"))
    ]
    assert "1 breach" in table


def test_a_number_of_alerts_is_spread_over_the_time() -> None:
    assert options(["--minutes", "30", "--signals", "1000"]).every == pytest.approx(1.8)
    assert options(["--seed", "x"]).every == 2.0


@pytest.mark.parametrize(
    ("at", "waits"),
    [
        (datetime(2026, 11, 30, 5, 30, tzinfo=IST), 0.0),
        (datetime(2026, 11, 30, 5, 50, tzinfo=IST), 660.0),
        (datetime(2026, 11, 30, 6, 0, tzinfo=IST), 0.0),
        (datetime(2026, 11, 30, 23, 30, tzinfo=IST), 0.0),
    ],
)
def test_no_broker_s_day_begins_in_the_midst_of_a_run(at: datetime, waits: float) -> None:
    assert wait_for_the_new_day(options(["--scenario", "crashes", "--minutes", "6", "--seed", "1"]), at) == waits
