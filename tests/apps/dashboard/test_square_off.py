"""Square-off as a person asks for it."""

import re
import uuid
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.trading.models import Intent, Trade
from domain.orders import TradeStatus
from tests.apps.dashboard.conftest import Scene, client_of


def exits(trade: Trade) -> int:
    return Intent.objects.filter(trade=trade, kind="EXIT").count()


def ask(client: Client, path: str, **values: Any) -> Any:
    return client.post(path, {"key": str(uuid.uuid4()), **values})


def path_of(trade: Trade) -> str:
    return f"/trades/{trade.pk}/square-off/"


def test_the_dialog_says_what_would_be_left(scene: Scene) -> None:
    shown = client_of(scene.cast.trader).get(path_of(scene.live_trade), headers={"HX-Request": "true"}).content.decode()
    for text in ("NIFTY 26000 CE", "NIFTY 26000 PE", "Buy", "65", "39.85", "27.70", "+1,082.25", "badge-LIVE"):
        assert text in shown
    assert re.search(r"<button[^>]*data-focus[^>]*>Cancel<", shown)
    assert "<html" not in shown


def test_without_scripts_the_dialog_is_a_page(scene: Scene) -> None:
    shown = client_of(scene.cast.trader).get(path_of(scene.live_trade)).content.decode()
    assert "<html" in shown
    assert "Square off this trade" in shown


def test_looking_asks_for_nothing(scene: Scene) -> None:
    client = client_of(scene.cast.trader)
    client.get(path_of(scene.live_trade))
    client.get("/square-off/")
    assert not Intent.objects.filter(kind="EXIT").exists()


def test_one_trade_is_left_and_the_others_stay(scene: Scene) -> None:
    client = client_of(scene.cast.trader)
    answer = ask(client, path_of(scene.live_trade))
    assert answer.status_code == 302
    assert (exits(scene.live_trade), exits(scene.paper_trade)) == (2, 0)
    scene.live_trade.refresh_from_db()
    assert (scene.live_trade.status, scene.live_trade.close_reason) == (TradeStatus.EXITING, "MANUAL")
    assert AuditEvent.objects.filter(kind="exit_requested", actor=scene.cast.trader).count() == 2
    shown = client.get(answer["Location"]).content.decode()
    assert "Exiting" in shown
    assert 'max="1"' in shown


def test_a_double_click_is_one_request(scene: Scene) -> None:
    client, key = client_of(scene.cast.trader), str(uuid.uuid4())
    first, second = (client.post(path_of(scene.live_trade), {"key": key}) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert exits(scene.live_trade) == 2
    assert AuditEvent.objects.filter(kind="exit_requested").count() == 2


def test_asking_again_with_another_key_makes_no_second_exit(scene: Scene) -> None:
    client = client_of(scene.cast.trader)
    ask(client, path_of(scene.live_trade))
    ask(client, path_of(scene.live_trade))
    assert exits(scene.live_trade) == 2


@pytest.mark.parametrize("word", ["", "exi", "YES", "EXIT ALL"])
def test_everything_needs_the_typed_word(scene: Scene, word: str) -> None:
    answer = ask(client_of(scene.cast.trader), "/square-off/", word=word)
    assert answer.status_code == 200
    assert "Type EXIT to confirm" in answer.content.decode()
    assert not Intent.objects.filter(kind="EXIT").exists()


def test_everything_is_left_and_progress_is_shown_per_account(scene: Scene) -> None:
    client = client_of(scene.cast.trader)
    answer = ask(client, "/square-off/", word="exit ")
    assert (exits(scene.live_trade), exits(scene.paper_trade)) == (2, 1)
    shown = client.get(answer["Location"]).content.decode()
    assert f"progress-{scene.cast.account.pk}" in shown
    assert f"progress-{scene.cast.paper_account.pk}" in shown
    Trade.objects.update(status=TradeStatus.CLOSED)
    assert "Square-off complete" in client.get(answer["Location"]).content.decode()


def test_everything_of_one_account_only(scene: Scene) -> None:
    ask(client_of(scene.cast.trader), "/square-off/", word="EXIT", accounts=[scene.cast.paper_account.pk])
    assert (exits(scene.live_trade), exits(scene.paper_trade)) == (0, 1)


@pytest.mark.parametrize("who", ["outsider", "other_trader"])
def test_nobody_leaves_the_trades_of_others(scene: Scene, who: str) -> None:
    client = client_of(getattr(scene.cast, who))
    assert ask(client, path_of(scene.live_trade)).status_code == 404
    ask(client, "/square-off/", word="EXIT")
    foreign = ask(client, "/square-off/", word="EXIT", accounts=[scene.cast.account.pk])
    assert foreign.status_code == 200
    assert not Intent.objects.filter(kind="EXIT").exists()


def test_a_manager_may_leave_a_clients_trade(scene: Scene) -> None:
    ask(client_of(scene.cast.manager), path_of(scene.live_trade))
    assert exits(scene.live_trade) == 2
    assert AuditEvent.objects.filter(kind="exit_requested", actor=scene.cast.manager).exists()


@pytest.mark.parametrize("key", ["", "not-a-key", "1 OR 1=1"])
def test_a_press_without_its_key_does_nothing(scene: Scene, key: str) -> None:
    assert client_of(scene.cast.trader).post(path_of(scene.live_trade), {"key": key}).status_code == 200
    assert exits(scene.live_trade) == 0


def test_a_press_from_another_site_is_refused(scene: Scene) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(scene.cast.trader)
    assert ask(client, path_of(scene.live_trade)).status_code == 403
    assert exits(scene.live_trade) == 0


def test_anothers_progress_is_not_found(scene: Scene) -> None:
    answer = ask(client_of(scene.cast.trader), path_of(scene.live_trade))
    assert client_of(scene.cast.other_trader).get(answer["Location"]).status_code == 404
    assert client_of(scene.cast.trader).get("/square-off/not-a-key/").status_code == 404


def test_a_closed_trade_has_nothing_to_leave(scene: Scene) -> None:
    Trade.objects.update(status=TradeStatus.CLOSED)
    client = client_of(scene.cast.trader)
    assert "nothing open to leave" in client.get(path_of(scene.live_trade)).content.decode()
    ask(client, path_of(scene.live_trade))
    assert exits(scene.live_trade) == 0
