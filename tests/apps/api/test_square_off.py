"""Square-offs through the API: who may, what happens, and that twice is once."""

from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import RedisError

from apps.api import idempotency
from apps.audit.models import AuditEvent
from apps.trading.models import Intent, Trade
from apps.users.models import ApiKey
from tests.apps.api.conftest import Api, Scene, api_of


def exits() -> list[tuple[int, str, str]]:
    return list(Intent.objects.filter(kind="EXIT").order_by("pk").values_list("account", "side", "reason"))


def test_one_trade(scene: Scene, trader: Api) -> None:
    trade = scene.trade(scene.cast.account)

    response = trader.post("square-off/", {"trade": trade.pk})

    assert (response.status_code, response.json()["trades"]) == (202, [trade.pk])
    assert exits() == [(scene.cast.account.pk, "SELL", "MANUAL")]
    trade.refresh_from_db()
    assert trade.status == "EXITING"
    assert AuditEvent.objects.get(kind="exit_requested").actor == scene.cast.trader


def test_one_account(scene: Scene, trader: Api) -> None:
    response = trader.post("square-off/", {"account": scene.cast.paper_account.pk})

    assert response.json()["trades"] == [scene.trade(scene.cast.paper_account).pk]
    assert [account for account, _, _ in exits()] == [scene.cast.paper_account.pk]


def test_everything_of_ones_own(scene: Scene, trader: Api) -> None:
    response = trader.post("square-off/", {"all": True})

    mine = [scene.trade(account).pk for account in (scene.cast.account, scene.cast.paper_account)]
    assert response.json()["trades"] == sorted(mine)
    assert {account for account, _, _ in exits()} == {scene.cast.account.pk, scene.cast.paper_account.pk}


def test_an_account_without_trades_is_left_already(scene: Scene, trader: Api) -> None:
    Trade.objects.filter(account=scene.cast.account).update(status="CLOSED")
    response = trader.post("square-off/", {"account": scene.cast.account.pk})
    assert (response.status_code, response.json()["trades"]) == (202, [])


def test_a_trade_that_is_over_cannot_be_left(scene: Scene, trader: Api) -> None:
    Trade.objects.update(status="CLOSED")

    response = trader.post("square-off/", {"trade": scene.trade(scene.cast.account).pk})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "TRADE_NOT_LIVE")
    assert exits() == []


def test_asking_twice_is_one_exit(scene: Scene, trader: Api) -> None:
    body = {"trade": scene.trade(scene.cast.account).pk}
    assert [trader.post("square-off/", body).status_code for _ in range(3)] == [202] * 3
    assert len(exits()) == 1


BAD: dict[str, Any] = {
    "nothing": {},
    "two": {"trade": 1, "account": 1},
    "all and one": {"all": True, "trade": 1},
    "not all": {"all": False},
    "all as text": {"all": "true"},
    "all as a number": {"all": 1},
    "a word": {"trade": "first"},
    "zero": {"trade": 0},
    "negative": {"account": -1},
    "a fraction": {"trade": 1.5},
    "true": {"trade": True},
    "null": {"trade": None},
    "too large": {"trade": 2**63},
    "a list": {"trade": [1, 2]},
    "a foreign id among others": {"trades": [1, 2]},
    "an unknown field": {"trade": 1, "force": True},
    "a list of requests": [{"all": True}],
    "a text": "all",
    "not JSON": "{all: true}",
    "infinity": '{"trade": 1e999}',
    "NaN": '{"trade": NaN}',
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_and_moves_nothing(scene: Scene, trader: Api, name: str) -> None:
    response = trader.post("square-off/", BAD[name])

    assert response.status_code == 400, response.content
    assert response.json()["error"]["code"]
    assert exits() == []


def test_a_form_is_not_taken(scene: Scene, trader: Api) -> None:
    response = trader.client.post(
        "/api/v1/square-off/", {"all": "true"}, headers={"Authorization": f"Bearer {trader.key}"}
    )
    assert response.status_code == 415
    assert exits() == []


def test_a_read_only_key_reads_and_no_more(scene: Scene) -> None:
    reader = api_of(scene.cast.trader, can_trade=False)

    response = reader.post("square-off/", {"all": True})

    assert (response.status_code, response.json()["error"]["code"]) == (403, "PERMISSION_DENIED")
    assert exits() == []
    assert reader.get("trades/").status_code == 200


def test_a_revoked_key_is_no_key(scene: Scene, trader: Api) -> None:
    ApiKey.objects.update(revoked_at=scene.cast.trader.created_at)
    assert trader.post("square-off/", {"all": True}).status_code == 401
    assert exits() == []


@pytest.mark.parametrize("who", ["user", "tenant"])
def test_a_key_of_somebody_switched_off_is_no_key(scene: Scene, trader: Api, who: str) -> None:
    row = scene.cast.trader if who == "user" else scene.cast.tenant
    row.is_active = False
    row.save()
    assert trader.post("square-off/", {"all": True}).status_code == 401
    assert exits() == []


def test_an_idempotency_key_gives_the_first_answer_again(scene: Scene, trader: Api) -> None:
    body = {"trade": scene.trade(scene.cast.account).pk}
    first = trader.post("square-off/", body, **{"Idempotency-Key": "k-1"})
    Trade.objects.update(status="CLOSED")  # a fresh request would be refused now

    again = trader.post("square-off/", body, **{"Idempotency-Key": "k-1"})

    assert (again.status_code, again.json()) == (202, first.json())
    assert (first.has_header("Idempotent-Replay"), again.headers["Idempotent-Replay"]) == (False, "true")
    assert AuditEvent.objects.filter(kind="exit_requested").count() == 1


def test_an_idempotency_key_is_for_one_request_and_one_person(scene: Scene, trader: Api) -> None:
    header = {"Idempotency-Key": "k-1"}
    trader.post("square-off/", {"account": scene.cast.account.pk}, **header)

    other_body = trader.post("square-off/", {"all": True}, **header)
    other_person = api_of(scene.cast.other_trader).post("square-off/", {"all": True}, **header)

    assert (other_body.status_code, other_body.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert other_person.status_code == 202
    assert other_person.json()["trades"] == [scene.trade(scene.theirs).pk]


def test_a_refused_request_does_not_use_its_key_up(scene: Scene, trader: Api) -> None:
    header = {"Idempotency-Key": "k-1"}
    trade = scene.trade(scene.cast.account)
    Trade.objects.update(status="CLOSED")
    assert trader.post("square-off/", {"trade": trade.pk}, **header).status_code == 409
    Trade.objects.update(status="OPEN")
    assert trader.post("square-off/", {"trade": trade.pk}, **header).status_code == 202


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "\u0660"])
def test_a_key_that_is_none_is_refused(scene: Scene, trader: Api, key: str) -> None:
    response = trader.post("square-off/", {"all": True}, **{"Idempotency-Key": key})
    assert response.status_code == 400
    assert exits() == []


def test_a_request_at_work_is_not_done_twice(scene: Scene, trader: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[int] = []
    real = idempotency._first

    def ask_again_first(name: str, asked: str, act: Any) -> Any:
        monkeypatch.setattr(idempotency, "_first", real)
        answers.append(trader.post("square-off/", {"all": True}, **{"Idempotency-Key": "k-1"}).status_code)
        return real(name, asked, act)

    monkeypatch.setattr(idempotency, "_first", ask_again_first)
    answers.append(trader.post("square-off/", {"all": True}, **{"Idempotency-Key": "k-1"}).status_code)

    assert answers == [409, 202]


def test_a_square_off_works_without_redis(scene: Scene, trader: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object, **__: object) -> None:
        raise RedisError("down")

    for name in ("add", "get", "set", "incr", "delete"):
        monkeypatch.setattr(cache, name, down, raising=False)

    response = trader.post("square-off/", {"all": True}, **{"Idempotency-Key": "k-1"})

    assert response.status_code == 202
    assert len(exits()) == 2
