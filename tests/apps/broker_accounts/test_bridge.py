"""A terminal at the web's door: whose it is, what it may say, and what it is told."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.broker_accounts.models import Bridge, BridgeCommand, BrokerAccount, BrokerSession
from apps.broker_accounts.services import bridge_room, bridge_tokens, credentials, sealing
from brokers.mt5 import PROGRAM
from brokers.mt5.protocol import BODY_LIMIT, SMALL_LIMIT, Kind, Result
from brokers.mt5.room import AlreadyPosted, Command
from bus import commands
from tests.brokers.mt5 import words
from tests.cast import Cast, make_account, sign_in


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[object, ...]]]:
    """Commands, at once instead of after the test's commit."""
    found: list[tuple[str, tuple[object, ...]]] = []
    monkeypatch.setattr(commands, "_on_commit", lambda task, queue, *args: found.append((task, args)))
    return found


@pytest.fixture(autouse=True)
def _web_never_unseals(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    request.getfixturevalue("cast")

    def refuse(*args: object, **kwargs: object) -> bytes:
        raise AssertionError("the web process unsealed something")

    monkeypatch.setattr(sealing, "unseal", refuse)
    monkeypatch.setattr(credentials, "unseal", refuse)


class Caller:
    """A terminal: an account's token and the calls it makes."""

    def __init__(self, account: BrokerAccount, *, instance: str = "ring1") -> None:
        self.account = account
        self.token = bridge_tokens.rotate(account, actor=None)
        self.instance = instance
        self.seq = 0
        self.said: dict[str, Any] = {}

    def call(self, name: str, body: bytes, *, seq: int | None = None, token: str | None = None) -> Any:
        self.seq += 1
        shown = self.token if token is None else token
        headers = {"Authorization": f"Bearer {shown}", "X-Seq": str(self.seq if seq is None else seq)}
        client = Client(enforce_csrf_checks=True)
        answer = client.post(f"/mt5/v1/{name}", data=body, content_type="application/json", headers=headers)
        if answer.status_code == 200:
            self.said = answer.json()
        return answer

    def hello(self, **changes: Any) -> Any:
        said = {"login": int(self.account.client_id), "instance": self.instance, **changes}
        return self.call("hello", words.hello(**said))

    def poll(self, **changes: Any) -> Any:
        return self.call("poll", words.poll(self.said["session"], self.said["mark"], **changes))

    def result(self, cmd_id: str, **changes: Any) -> Any:
        return self.call("result", words.result(self.said["session"], cmd_id, **changes))


@pytest.fixture
def account(cast: Cast) -> BrokerAccount:
    return make_account(cast.trader, "mt5", "5001", mode="LIVE")


@pytest.fixture
def terminal(account: BrokerAccount, sent: list[Any]) -> Caller:
    caller = Caller(account)
    assert caller.hello().status_code == 200
    return caller


def command(cmd_id: str = "TAG1", *, seconds: float = 5) -> Command:
    return Command(cmd_id, Kind.ORDER_SEND, b'{"action":5,"comment":"TAG1"}', timedelta(seconds=seconds))


def test_an_order_goes_to_the_terminal_and_its_result_comes_back(terminal: Caller, account: BrokerAccount) -> None:
    bridge_room.post(account.pk, command())
    assert bridge_room.answer(account.pk, "TAG1") is None
    (told,) = terminal.poll().json()["commands"]
    assert (told["cmd_id"], told["type"], told["request"]["comment"]) == ("TAG1", "order_send", "TAG1")
    assert 0 < told["expires_ms"] <= 5000
    assert terminal.result("TAG1").status_code == 200
    answer = bridge_room.answer(account.pk, "TAG1")
    assert isinstance(answer, Result)
    assert (answer.retcode, answer.order) == (10009, 11)
    assert terminal.poll().json()["commands"] == []


def test_a_command_is_told_until_it_is_answered_and_its_first_answer_stays(
    terminal: Caller, account: BrokerAccount
) -> None:
    bridge_room.post(account.pk, command())
    for _ in range(3):
        assert [one["cmd_id"] for one in terminal.poll().json()["commands"]] == ["TAG1"]
    terminal.result("TAG1")
    assert terminal.result("TAG1", retcode=10006, order=0).status_code == 200
    assert getattr(bridge_room.answer(account.pk, "TAG1"), "retcode", None) == 10009


def test_a_command_past_its_time_is_not_told(terminal: Caller, account: BrokerAccount) -> None:
    bridge_room.post(account.pk, command())
    BridgeCommand.objects.update(posted_at=timezone.now() - timedelta(minutes=1), expires_at=timezone.now())
    assert terminal.poll().json()["commands"] == []


def test_one_id_is_posted_once(terminal: Caller, account: BrokerAccount) -> None:
    bridge_room.post(account.pk, command())
    with pytest.raises(AlreadyPosted):
        bridge_room.post(account.pk, command(seconds=60))
    assert BridgeCommand.objects.count() == 1


def test_what_was_taken_back_is_never_told_and_what_was_told_is_never_taken_back(
    terminal: Caller, account: BrokerAccount
) -> None:
    bridge_room.post(account.pk, command("BACK"))
    bridge_room.post(account.pk, command("TOLD"))
    assert bridge_room.withdraw(account.pk, "BACK")
    assert [one["cmd_id"] for one in terminal.poll().json()["commands"]] == ["TOLD"]
    assert not bridge_room.withdraw(account.pk, "TOLD")
    with pytest.raises(IntegrityError):
        BridgeCommand.objects.filter(cmd_id="TOLD").update(withdrawn_at=timezone.now())


def test_a_command_told_to_one_ring_is_never_told_to_another(terminal: Caller, account: BrokerAccount) -> None:
    bridge_room.post(account.pk, command())
    terminal.poll()
    terminal.instance = "ring2"
    terminal.hello()
    assert terminal.poll().json()["commands"] == []
    terminal.instance = "ring1"
    terminal.hello()
    assert [one["cmd_id"] for one in terminal.poll().json()["commands"]] == ["TAG1"]


def test_a_result_nobody_asked_for_is_not_kept(terminal: Caller, account: BrokerAccount) -> None:
    assert terminal.result("NOBODY").status_code == 404
    bridge_room.post(account.pk, command())
    assert terminal.result("TAG1").status_code == 404  # it was not told of it yet
    assert bridge_room.answer(account.pk, "TAG1") is None


def test_books_are_as_fresh_as_the_mark_and_kept_whole(terminal: Caller, account: BrokerAccount) -> None:
    assert terminal.said["resync"]
    asked = bridge_room.seen(account.pk).now
    terminal.poll(sync=words.sync([words.ORDER], [words.DEAL], [words.POSITION]))
    as_of = bridge_room.seen(account.pk).as_of
    assert as_of is not None
    assert as_of < asked, "the book was looked at before anybody asked"
    terminal.poll()
    later = bridge_room.seen(account.pk).as_of
    assert later is not None
    assert later >= asked.replace(microsecond=asked.microsecond // 1000 * 1000)
    said = bridge_room.terminal(account.pk)
    assert said is not None
    assert said.sync is not None
    assert [row.comment for row in said.sync.orders] == ["TAG1"]
    assert not terminal.said["resync"]


def test_a_book_that_changed_or_lacks_a_row_makes_nothing_fresh(terminal: Caller, account: BrokerAccount) -> None:
    terminal.poll(sync=words.sync([words.ORDER]))
    as_of = bridge_room.seen(account.pk).as_of
    assert terminal.poll(orders_hash="o2").json()["resync"]
    short = words.sync([words.ORDER]) | {"orders_total": 2}
    assert terminal.poll(sync=short).json()["code"] == "INCOMPLETE"
    other = words.sync([words.ORDER]) | {"orders_hash": "o3"}
    assert terminal.poll(sync=other).json()["code"] == "INCOMPLETE"
    assert bridge_room.seen(account.pk).as_of == as_of


def test_a_mark_of_the_future_is_refused(terminal: Caller) -> None:
    body = words.poll(terminal.said["session"], terminal.said["mark"] + 60_000)
    assert terminal.call("poll", body).json()["code"] == "MARK"


def test_a_call_that_was_overtaken_is_refused_and_a_repeated_one_is_not(terminal: Caller) -> None:
    session, mark = terminal.said["session"], terminal.said["mark"]
    assert terminal.poll().status_code == 200
    assert terminal.call("poll", words.poll(session, mark), seq=terminal.seq).status_code == 200
    assert terminal.call("poll", words.poll(session, mark), seq=1).json()["code"] == "SEQ"
    for odd in ("", "-1", "x", "1e3", "٣"):
        headers = {"Authorization": f"Bearer {terminal.token}", "X-Seq": odd}
        answer = Client().post("/mt5/v1/poll", b"{}", content_type="application/json", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "SEQ")


def test_an_outsiders_terminal_learns_and_changes_nothing(
    terminal: Caller, account: BrokerAccount, cast: Cast, sent: list[Any]
) -> None:
    theirs = Caller(make_account(cast.outsider, "mt5", "6001", mode="LIVE"))
    theirs.hello()
    bridge_room.post(account.pk, command())
    terminal.poll(sync=words.sync([words.ORDER]))
    assert theirs.poll().json()["commands"] == []
    assert theirs.result("TAG1").status_code == 404
    stolen = words.poll(terminal.said["session"], terminal.said["mark"], sync=words.sync())
    assert theirs.call("poll", stolen).json()["code"] == "REPLACED"
    sent.clear()
    assert theirs.call("event", words.event(terminal.said["session"])).json()["code"] == "REPLACED"
    assert sent == []
    assert bridge_room.answer(account.pk, "TAG1") is None
    assert terminal.poll().status_code == 200


def test_the_same_command_id_in_two_accounts_is_two_commands(
    terminal: Caller, account: BrokerAccount, cast: Cast
) -> None:
    theirs = Caller(make_account(cast.outsider, "mt5", "6001", mode="LIVE"))
    theirs.hello()
    bridge_room.post(account.pk, command())
    bridge_room.post(theirs.account.pk, command())
    theirs.poll()
    assert theirs.result("TAG1").status_code == 200
    assert bridge_room.answer(account.pk, "TAG1") is None
    assert bridge_room.answer(theirs.account.pk, "TAG1") is not None


@pytest.mark.parametrize("shown", ["", "wrong", "x" * 500, "ä"])
def test_a_token_nobody_was_given_is_refused(terminal: Caller, shown: str) -> None:
    headers = {"Authorization": f"Bearer {shown}", "X-Seq": "1"} if shown.isascii() else {"X-Seq": "1"}
    answer = Client().post("/mt5/v1/hello", words.hello(), content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORISED")


def test_a_new_token_ends_the_one_before_and_its_session(terminal: Caller, account: BrokerAccount) -> None:
    sign_in(account)
    old, link = terminal.token, bridge_room.seen(account.pk).link
    terminal.token = bridge_tokens.rotate(account, actor=None)
    assert terminal.call("poll", b"{}", token=old).status_code == 401
    assert not BrokerSession.objects.usable().filter(account=account).exists()
    assert bridge_room.seen(account.pk).link != link
    assert terminal.poll().json()["code"] == "NO_SESSION"
    assert terminal.hello().status_code == 200


def test_a_revoked_token_and_an_account_out_of_use_are_refused(terminal: Caller, account: BrokerAccount) -> None:
    BrokerAccount.objects.filter(pk=account.pk).update(is_active=False)
    assert terminal.poll().status_code == 401
    BrokerAccount.objects.filter(pk=account.pk).update(is_active=True)
    assert terminal.poll().status_code == 200
    bridge_tokens.revoke(account, actor=None)
    assert terminal.poll().status_code == 401
    assert bridge_room.seen(account.pk).link == ""


def test_of_a_token_only_its_hash_is_kept_and_the_trail_has_who_made_it(account: BrokerAccount, cast: Cast) -> None:
    token = bridge_tokens.rotate(account, actor=cast.operator)
    kept = Bridge.objects.filter(account=account).values().get()
    assert token not in str(kept)
    event = AuditEvent.objects.filter(kind="bridge_token_rotated").get()
    assert (event.actor, event.tenant_id) == (cast.operator, account.tenant_id)
    assert token not in str(event.data)
    with pytest.raises(bridge_tokens.NoBridge):
        bridge_tokens.rotate(cast.account, actor=None)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"login": 5002}, 403, "WRONG_CLIENT"),
        ({"currency": "EUR"}, 403, "CURRENCY"),
        ({"protocol": 2}, 400, "PROTOCOL"),
    ],
)
def test_another_account_currency_or_version_is_turned_away_and_the_account_knows_why(
    account: BrokerAccount, sent: list[Any], changes: dict[str, Any], status: int, code: str
) -> None:
    caller = Caller(account)
    answer = caller.hello(**changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    refusal = bridge_room.seen(account.pk).refusal
    assert refusal is not None
    assert refusal[0] == code
    assert sent == []
    caller.hello()
    assert bridge_room.seen(account.pk).refusal is None


def test_a_hello_asks_for_a_sign_in_once_and_news_for_a_look_at_the_books(
    account: BrokerAccount, sent: list[Any]
) -> None:
    caller = Caller(account)
    caller.hello()
    assert sent == [("workers.sessions.sign_in_account", (account.pk,))]
    sign_in(account)
    sent.clear()
    caller.poll(sync=words.sync())
    caller.poll()
    assert sent == []
    caller.call("event", words.event(caller.said["session"]))
    assert sent == [("workers.execution.reconcile_account", (account.pk,))]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("hello", b""),
        ("hello", b"[]"),
        ("hello", b"\xff\xfe"),
        ("hello", b"[" * 50_000),
        ("hello", words.hello(news=1)),
        ("hello", words.hello(symbols=[words.SYMBOL | {"volume_step": "NaN"}])),
        ("poll", words.poll("s", 1, ticks=[{"symbol": "X"}])),
        ("result", words.result("s", "a b")),
        ("result", words.result("s", "A", retcode="10009")),
        ("bars", b'{"session":"s"}'),
    ],
)
def test_a_body_that_is_not_exactly_the_calls_is_refused(terminal: Caller, name: str, body: bytes) -> None:
    answer = terminal.call(name, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED")


def test_a_body_too_long_is_not_read(terminal: Caller) -> None:
    for name, limit in (("hello", BODY_LIMIT), ("poll", BODY_LIMIT), ("result", SMALL_LIMIT), ("event", SMALL_LIMIT)):
        answer = terminal.call(name, b" " * (limit + 1))
        assert (answer.status_code, answer.json()["code"]) == (413, "TOO_LONG")


def test_only_posts_to_calls_that_exist_are_answered(terminal: Caller) -> None:
    assert Client().get("/mt5/v1/poll").status_code == 405
    assert terminal.call("orders", b"{}").json()["code"] == "NO_CALL"


def test_the_pages_token_is_shown_once_to_whose_account_it_is(account: BrokerAccount, cast: Cast) -> None:
    url = reverse("broker_accounts:connect", args=["mt5", account.pk])
    outsider, trader = Client(), Client()
    outsider.force_login(cast.outsider)
    trader.force_login(cast.trader)
    assert outsider.get(url).status_code == outsider.post(url).status_code == 404
    assert not Bridge.objects.filter(account=account).exists()
    made = trader.post(url)
    assert "no-store" in made["Cache-Control"]
    caller = Caller.__new__(Caller)
    caller.account, caller.instance, caller.seq, caller.said = account, "ring1", 0, {}
    (caller.token,) = [one for one in made.content.decode().replace("<", ">").split(">") if _is_token(one, account)]
    assert caller.hello().status_code == 200
    assert caller.token not in trader.get(url).content.decode()


def _is_token(text: str, account: BrokerAccount) -> bool:
    return Bridge.objects.filter(account=account, token_hash=bridge_tokens.token_hash(text)).exists()


def test_the_program_is_handed_out_with_the_account(account: BrokerAccount, cast: Cast) -> None:
    client = Client()
    client.force_login(cast.trader)
    answer = client.get(reverse("broker_accounts:program", args=["mt5", account.pk]))
    assert answer.content == PROGRAM.read_bytes()
    assert client.get(reverse("broker_accounts:program", args=["zerodha", cast.account.pk])).status_code == 404
    client.force_login(cast.outsider)
    assert client.get(reverse("broker_accounts:program", args=["mt5", account.pk])).status_code == 404
