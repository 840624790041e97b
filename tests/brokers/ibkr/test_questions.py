"""Questions about orders: each answered at most once, and only with yes where the order stays what it is."""

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from brokers.ibkr.client import MOST_QUESTIONS, IbkrBroker
from domain.broker import Outcome, Verdict
from tests.brokers.ibkr.cast import NAME, ORDER_ID, Script, account, change, request
from tests.brokers.servers import serve

PLACE, ORDER = f"/iserver/account/{NAME}/orders", f"/iserver/account/{NAME}/order/{ORDER_ID}"
ACK = (200, [{"order_id": ORDER_ID, "order_status": "Submitted", "encrypt_message": "1"}])
NOT_CONFIRMED = (400, {"error": "order not confirmed", "statusCode": 400})


def asks(number: int, kind: str = "o163") -> tuple[int, object]:
    return 200, [{"id": f"q{number}", "message": [f"Sure about {number}?"], "messageIds": [kind]}]


def reply(number: int) -> str:
    return f"/iserver/reply/q{number}"


def met(answers: dict[str, list[tuple[int, Any]]], *, modify: bool = False) -> tuple[Outcome, Script]:
    """Place (or modify) an order at a server that gives these answers."""
    script = Script(answers)

    async def go() -> Outcome:
        async with serve(script.answer) as base:
            broker = IbkrBroker(account(base, timeout=0.5))
            try:
                return await (broker.modify(ORDER_ID, change()) if modify else broker.place(request()))
            finally:
                await broker.aclose()

    return asyncio.run(go()), script


def test_a_precaution_is_confirmed_once_and_the_order_stands():
    outcome, script = met({PLACE: [asks(1)], reply(1): [ACK]})
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, ORDER_ID)
    assert script.paths() == [PLACE, reply(1)]
    assert script.asked[1][2] == {"confirmed": True}


def test_questions_that_follow_each_other_are_answered_one_by_one():
    outcome, script = met({PLACE: [asks(1)], reply(1): [asks(2, "o451")], reply(2): [ACK]})
    assert outcome.verdict is Verdict.ACKNOWLEDGED
    assert script.paths() == [PLACE, reply(1), reply(2)]


def test_a_question_that_is_asked_again_is_not_answered_again():
    outcome, script = met({PLACE: [asks(1)], reply(1): [asks(1)]})
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "QUESTION")
    assert script.paths() == [PLACE, reply(1)]


def test_an_order_that_is_asked_about_without_end_is_left_to_the_book():
    answers = {PLACE: [asks(0)], **{reply(number): [asks(number + 1)] for number in range(10)}}
    outcome, script = met(answers)
    assert outcome.verdict is Verdict.UNKNOWN
    assert len(script.asked) == 1 + MOST_QUESTIONS


def test_a_question_that_comes_too_late_is_left_unanswered(monkeypatch):
    monkeypatch.setattr("brokers.ibkr.client.LATEST_SECONDS", -1.0)
    outcome, script = met({PLACE: [asks(1)], reply(1): [ACK]})
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "QUESTION")
    assert script.paths() == [PLACE]


def test_what_would_change_the_order_is_declined_and_refused_with_the_question():
    outcome, script = met({PLACE: [asks(1, "p12")], reply(1): [NOT_CONFIRMED]})
    assert (outcome.verdict, outcome.code) == (Verdict.REJECTED, "QUESTION")
    assert "p12: Sure about 1?" in outcome.message
    assert [body for _, path, body in script.asked if path == reply(1)] == [{"confirmed": False}]


@pytest.mark.parametrize(
    "unclear", [(200, {}), (200, []), (500, {"error": "order not confirmed"}), (400, {"error": "reply id not found"})]
)
def test_a_declined_order_is_unknown_unless_ibkr_says_that_nothing_was_confirmed(unclear):
    outcome, script = met({PLACE: [asks(1, "o9999")], reply(1): [unclear]})
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.UNKNOWN, "")
    assert len(script.asked) == 2


def test_an_order_that_stands_although_it_was_declined_is_not_denied():
    outcome, _ = met({PLACE: [asks(1, "o9999")], reply(1): [ACK]})
    assert (outcome.verdict, outcome.broker_order_id) == (Verdict.ACKNOWLEDGED, ORDER_ID)


@pytest.mark.parametrize("kind", ["o163", "p12"])
def test_a_reply_whose_answer_is_lost_is_unknown_and_not_sent_again(kind):
    async def lost(http: web.Request) -> web.StreamResponse:
        assert http.transport is not None
        http.transport.abort()
        return web.Response()

    outcome, script = met({PLACE: [asks(1, kind)], reply(1): [(200, lost)]})
    assert (outcome.verdict, outcome.code) == (Verdict.UNKNOWN, "DROPPED")
    assert script.paths().count(reply(1)) == 1


def test_a_refused_confirmation_is_a_refused_order():
    outcome, _ = met({PLACE: [asks(1)], reply(1): [(200, {"error": "No trading permissions."})]})
    assert outcome.verdict is Verdict.REJECTED
    outcome, _ = met({PLACE: [asks(1)], reply(1): [(401, {"error": "not authenticated"})]})
    assert outcome.verdict is Verdict.SESSION_LOST


def test_a_question_without_a_usable_id_is_left_to_the_book():
    body = json.loads(json.dumps(asks(1)[1]))
    outcome, script = met({PLACE: [(200, [{**body[0], "id": "../orders"}])]})
    assert outcome.verdict is Verdict.UNKNOWN
    assert script.paths() == [PLACE]


def test_a_modification_is_asked_about_too_and_must_be_of_its_order():
    outcome, _ = met({ORDER: [asks(1)], reply(1): [ACK]}, modify=True)
    assert outcome.verdict is Verdict.ACKNOWLEDGED
    another = (200, [{"order_id": "99", "order_status": "Submitted"}])
    outcome, _ = met({ORDER: [asks(1)], reply(1): [another]}, modify=True)
    assert outcome.verdict is Verdict.UNKNOWN
