"""The sessions queue against a real simulated exchange: waves, single sign-ins, codes, masters, postbacks."""

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from time import monotonic, sleep
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import requests
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import BrokerAccount, BrokerSession, LoginAttempt, ModeReason
from apps.broker_accounts.services.credentials import session_credentials, set_credentials
from apps.broker_accounts.services.links import login_page_key
from apps.broker_accounts.services.login import ATTEMPTS_A_DAY
from apps.markets.models import BrokerInstrument, InstrumentSync, TradingSession
from apps.notifications.models import Notification
from apps.tenants.models import Tenant
from apps.users.models import User
from bus import commands
from config.beat import BeatLock
from domain.clock import IST
from tests.simulated import simulated_exchange
from workers import logins, masters, sessions
from workers.turns import only_one

pytestmark = pytest.mark.django_db
COUNT = 10
FAILING = "DEMO04"


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulated_exchange(tmp_path_factory.mktemp("simulator"), clients=COUNT) as url:
        yield url


@pytest.fixture
def hints(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    """What would have been sent to other processes, at once instead of after the test's commit."""
    sent: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: sent.append((task, args)))
    return sent


@pytest.fixture
def accounts(base_url: str, settings: Any, hints: list[Any]) -> list[BrokerAccount]:
    """Ten accounts of the simulated Zerodha that want to trade live, one of them with a wrong secret; a market day."""
    settings.SIMULATOR_URL = base_url
    settings.DEMO = True
    tenant = Tenant.objects.create(slug="house", name="House")
    _open_today()
    return [_account(tenant, f"DEMO{number:02d}") for number in range(1, COUNT + 1)]


def _account(tenant: Tenant, client_id: str) -> BrokerAccount:
    user = User.objects.create_user(f"{client_id.lower()}@house.test", "correct horse battery", tenant=tenant)
    account = BrokerAccount.objects.create(
        tenant=tenant,
        user=user,
        broker="zerodha",
        client_id=client_id,
        wanted_mode="LIVE",
        is_feed=client_id == "DEMO01",
    )
    secret = "wrong" if client_id == FAILING else f"{client_id.lower()}secret"
    fields = {"api_key": f"{client_id.lower()}key", "api_secret": secret}
    set_credentials(account=account, fields=fields, actor=None)
    return account


def _open_today(exchange: str = "NFO") -> None:
    today = timezone.now().astimezone(IST).date()
    opens = datetime.combine(today, time(0), tzinfo=IST)
    TradingSession.objects.create(
        exchange=exchange,
        trading_date=today,
        opens_at=opens.astimezone(UTC),
        closes_at=(opens + timedelta(days=1)).astimezone(UTC),
        kind="DEMO",
    )


def test_a_wave_signs_everybody_in_and_one_failure_touches_nobody_else(
    accounts: list[BrokerAccount], hints: list[Any]
) -> None:
    sessions.login_wave()
    signed_in = set(BrokerSession.objects.usable().values_list("account__client_id", flat=True))
    assert signed_in == {account.client_id for account in accounts} - {FAILING}
    assert set(BrokerAccount.objects.filter(mode="LIVE").values_list("client_id", flat=True)) == signed_in
    failed = LoginAttempt.objects.get(ok=False)
    assert failed.account.client_id == FAILING
    assert failed.code
    assert Notification.objects.get().user == failed.account.user
    told = {args[0] for task, args in hints if task == "workers.execution.reconcile_account"}
    assert told == {account.pk for account in accounts if account.client_id != FAILING}
    assert ("workers.feed.refresh_subscriptions", ()) in hints


def test_the_sessions_tokens_work_and_are_sealed(accounts: list[BrokerAccount]) -> None:
    sessions.login_wave()
    session = BrokerSession.objects.select_related("account__tenant").filter(account=accounts[0]).get()
    token = session_credentials(session).access_token
    assert token
    assert token.encode() not in bytes(session.sealed_token)
    assert session.expires_at > timezone.now()


def test_a_second_wave_finds_nothing_to_do(accounts: list[BrokerAccount]) -> None:
    sessions.login_wave()
    attempts, events = LoginAttempt.objects.count(), AuditEvent.objects.count()
    sessions.login_wave()
    assert (LoginAttempt.objects.count(), AuditEvent.objects.count()) == (attempts, events)


def test_who_signs_in_first_at_a_broker_has_its_contracts_read(accounts: list[BrokerAccount], hints: list[Any]) -> None:
    BrokerAccount.objects.exclude(client_id=FAILING).update(wanted_mode="PAPER", is_feed=False)
    read = ("workers.sessions.sync_due_instruments", ())
    sessions.login_wave()
    assert read not in hints
    sessions.sign_in_account(accounts[1].pk)
    assert hints.count(read) == 1
    sessions.sync_due_instruments()
    sessions.sync_due_instruments()  # the day's are in
    assert InstrumentSync.objects.get().error == ""


def test_where_markets_never_close_accounts_are_signed_in_at_any_hour(accounts: list[BrokerAccount]) -> None:
    TradingSession.objects.all().delete()  # nothing opens in India today
    tenant = accounts[0].tenant
    user = User.objects.create_user("coins@house.test", "correct horse battery", tenant=tenant)
    coins = BrokerAccount.objects.create(
        tenant=tenant, user=user, broker="binance", client_id="354937868", wanted_mode="LIVE"
    )
    keys = {"api_key": "key354937868", "api_secret": "secret354937868"}
    client = {"client": coins.client_id, "broker": "binance", **keys}
    requests.post(
        f"{settings.SIMULATOR_URL}/control/clients", json={"clients": [client]}, timeout=10
    ).raise_for_status()
    set_credentials(account=coins, fields=keys, actor=None)
    sessions.login_wave()
    assert set(BrokerSession.objects.values_list("account_id", flat=True)) == {coins.pk}
    sync = masters.sync("binance")
    assert sync.error == ""
    found = BrokerInstrument.objects.filter(broker="binance")
    assert set(found.values_list("exchange", "symbol")) == {
        (exchange, symbol) for exchange in ("BINANCE", "BINANCE_UM") for symbol in ("BTCUSDT", "ETHUSDT")
    }
    steps = {one.exchange: one.instrument.multiplier for one in found.filter(symbol="BTCUSDT")}
    assert steps == {"BINANCE": Decimal("0.00001"), "BINANCE_UM": Decimal("0.001")}


def test_two_waves_at_once_are_one(accounts: list[BrokerAccount]) -> None:
    lock = BeatLock("login wave")
    assert lock.holds()
    sessions.login_wave()
    assert not LoginAttempt.objects.exists()
    lock.release()
    _wait_until_free("login wave")
    sessions.login_wave()
    assert LoginAttempt.objects.count() == COUNT


def _wait_until_free(name: str) -> None:
    """Wait until the server has noticed that a connection was closed, and dropped its lock."""
    until, is_free = monotonic() + 30, False
    while not is_free:
        assert monotonic() < until
        with only_one(name) as is_free:
            sleep(0.02)


def test_no_wave_on_a_day_without_a_market(accounts: list[BrokerAccount]) -> None:
    TradingSession.objects.all().delete()
    sessions.login_wave()
    assert not LoginAttempt.objects.exists()


def test_paper_accounts_and_those_that_want_paper_are_left_alone(accounts: list[BrokerAccount]) -> None:
    BrokerAccount.objects.filter(pk=accounts[2].pk).update(wanted_mode="PAPER")
    sessions.login_wave()
    assert not LoginAttempt.objects.filter(account=accounts[2]).exists()


def test_a_real_broker_asks_for_a_person_who_is_told_where(accounts: list[BrokerAccount], settings: Any) -> None:
    settings.SIMULATOR_URL = ""  # Kite's real hosts: nothing is sent there
    sessions.login_wave()
    assert set(LoginAttempt.objects.values_list("code", flat=True)) == {"MANUAL"}
    note = Notification.objects.get(user=accounts[0].user)
    assert f"/hooks/zerodha/connect/{accounts[0].pk}/" in note.text
    sessions.login_wave()
    assert Notification.objects.filter(user=accounts[0].user).count() == 1


def test_a_master_that_stays_due_is_read_once_a_turn(
    accounts: list[BrokerAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(masters, "due_brokers", lambda **_: ["fyers", "zerodha"])
    monkeypatch.setattr(masters, "sync", read.append)
    sessions.sync_due_instruments()
    assert read == ["fyers", "zerodha"]


def test_an_account_held_by_the_operator_stays_on_paper(accounts: list[BrokerAccount]) -> None:
    BrokerAccount.objects.filter(pk=accounts[0].pk).update(mode_reason=ModeReason.OPERATOR)
    sessions.login_wave()
    accounts[0].refresh_from_db()
    assert accounts[0].mode == "PAPER"
    assert BrokerSession.objects.usable().filter(account=accounts[0]).exists()


def test_credentials_that_cannot_be_unsealed_harm_only_their_account(accounts: list[BrokerAccount]) -> None:
    BrokerAccount.objects.filter(pk=accounts[5].pk).update(sealed_credentials=b"\x01damaged-beyond-any-repair")
    sessions.login_wave()
    assert LoginAttempt.objects.get(account=accounts[5]).code == "CREDENTIALS"
    assert BrokerSession.objects.usable().count() == COUNT - 2


def test_one_account_signs_in_on_demand_however_often_it_failed(accounts: list[BrokerAccount]) -> None:
    for _ in range(ATTEMPTS_A_DAY + 1):
        LoginAttempt.objects.create(account=accounts[6], ok=False, code="MANUAL")
    sessions.sign_in_account(accounts[6].pk)
    assert BrokerSession.objects.usable().get().account == accounts[6]


def _request_token(base_url: str, client: str) -> str:
    async def ask() -> str:
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{base_url}/control/request-token", json={"client": client}) as answer,
        ):
            return str((await answer.json())["request_token"])

    return asyncio.run(ask())


def test_a_persons_code_is_exchanged(accounts: list[BrokerAccount], base_url: str) -> None:
    sessions.exchange_login(accounts[1].pk, _request_token(base_url, "DEMO02"))
    accounts[1].refresh_from_db()
    assert accounts[1].mode == "LIVE"


def test_somebody_elses_code_opens_no_session(accounts: list[BrokerAccount], base_url: str) -> None:
    sessions.exchange_login(accounts[1].pk, _request_token(base_url, "DEMO03"))
    assert not BrokerSession.objects.exists()
    assert not LoginAttempt.objects.get().ok
    accounts[1].refresh_from_db()
    assert accounts[1].mode == "PAPER"


def test_a_code_works_once(accounts: list[BrokerAccount], base_url: str) -> None:
    code = _request_token(base_url, "DEMO02")
    sessions.exchange_login(accounts[1].pk, code)
    sessions.exchange_login(accounts[1].pk, code)
    assert BrokerSession.objects.count() == 1
    assert LoginAttempt.objects.filter(ok=False).count() == 1


def test_the_brokers_page_is_left_for_the_browser_that_waits(accounts: list[BrokerAccount], base_url: str) -> None:
    sessions.prepare_login(accounts[0].pk, "some-state")
    page = urlsplit(cache.get(login_page_key("some-state")))
    assert f"{page.scheme}://{page.netloc}" == base_url
    asked = parse_qs(page.query)
    assert asked["api_key"] == ["demo01key"]
    assert parse_qs(asked["redirect_params"][0]) == {"state": ["some-state"]}


def test_the_days_master_is_read_once(accounts: list[BrokerAccount], hints: list[Any]) -> None:
    sessions.prepare_day()
    done = InstrumentSync.objects.get()
    assert done.error == ""
    assert BrokerInstrument.objects.filter(broker="zerodha").count() == done.rows - done.refused > 100
    sessions.sync_due_instruments()
    assert InstrumentSync.objects.count() == 1


def test_a_master_that_cannot_be_read_pages_and_is_tried_again_later(
    accounts: list[BrokerAccount], settings: Any
) -> None:
    sessions.login_wave()
    settings.SIMULATOR_URL = "http://127.0.0.1:9"  # nobody listens
    sessions.sync_due_instruments()
    assert InstrumentSync.objects.get().error
    assert Notification.objects.filter(code="INSTRUMENT_SYNC", level="PAGE").count() == 1
    wall = timezone.now()
    assert masters.due_brokers(now=wall, wall=wall) == []
    later = wall + masters.RETRY + timedelta(seconds=1)
    if later.astimezone(IST).date() == wall.astimezone(IST).date():
        assert masters.due_brokers(now=wall, wall=later) == ["zerodha"]


def test_accounts_without_a_session_go_to_paper_with_a_reason_once(accounts: list[BrokerAccount]) -> None:
    sessions.login_wave()
    BrokerSession.objects.filter(account=accounts[0]).update(expires_at=timezone.now() - timedelta(minutes=1))
    for _ in range(2):
        sessions.force_paper()
    accounts[0].refresh_from_db()
    assert (accounts[0].mode, accounts[0].mode_reason) == ("PAPER", ModeReason.NO_SESSION)
    assert Notification.objects.filter(code="NO_SESSION").count() == 1
    assert AuditEvent.objects.filter(kind="mode_forced_to_paper").count() == 1
    assert BrokerAccount.objects.filter(mode="LIVE").count() == COUNT - 2


def test_a_new_session_brings_the_chosen_mode_back(accounts: list[BrokerAccount]) -> None:
    sessions.login_wave()
    BrokerSession.objects.filter(account=accounts[0]).update(expires_at=timezone.now() - timedelta(minutes=1))
    sessions.force_paper()
    sessions.login_wave()
    accounts[0].refresh_from_db()
    assert accounts[0].mode == "LIVE"


def _postback(secret: str, **changes: object) -> str:
    body = {
        "user_id": "DEMO01",
        "order_id": "220303000308932",
        "order_timestamp": "2022-03-03 09:24:25",
        "exchange_order_id": "1000000001482421",
        "status": "COMPLETE",
        "status_message": None,
        "tradingsymbol": "SBIN",
        "exchange": "NSE",
        "transaction_type": "BUY",
        "order_type": "MARKET",
        "product": "CNC",
        "validity": "DAY",
        "quantity": 1,
        "price": 0,
        "trigger_price": 0,
        "average_price": 470,
        "filled_quantity": 1,
        "pending_quantity": 0,
        "cancelled_quantity": 0,
        "tag": None,
    } | changes
    text = f"{body['order_id']}{body['order_timestamp']}{secret}"
    return json.dumps(body | {"checksum": hashlib.sha256(text.encode()).hexdigest()})


def test_a_genuine_postback_makes_the_books_be_read(accounts: list[BrokerAccount], hints: list[Any]) -> None:
    sessions.check_postback(accounts[0].pk, _postback("demo01secret"))
    assert hints == [("workers.execution.reconcile_account", (accounts[0].pk,))]


@pytest.mark.parametrize("body", [_postback("demo02secret"), "{}", '{"order_id": 1}', _postback("demo01secret")[:-3]])
def test_a_forged_postback_changes_nothing(accounts: list[BrokerAccount], hints: list[Any], body: str) -> None:
    events = AuditEvent.objects.count()
    sessions.check_postback(accounts[0].pk, body)
    assert hints == []
    assert AuditEvent.objects.count() == events


def test_the_rate_spaces_the_sign_ins_of_one_broker() -> None:
    async def places() -> list[float]:
        rate = logins.Rate(per_second=200)
        started = asyncio.get_running_loop().time()
        for _ in range(5):
            await rate.turn()
        return [rate._next - started]

    (ahead,) = asyncio.run(places())
    assert ahead >= 5 / 200
