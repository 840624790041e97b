"""What waits for one socket."""

import asyncio
from typing import Any

import pytest

from apps.dashboard.mailbox import MOST_EVENTS, Mailbox


def make() -> Mailbox:
    box = Mailbox(refresh=lambda: "everything", snapshot=lambda: "snapshot")
    assert box.take() == "snapshot"
    return box


def test_a_snapshot_comes_first_and_nothing_after_it() -> None:
    assert make().take() is None


def test_one_patch_waits_as_it_is() -> None:
    box = make()
    box.put_patch("a")
    assert [box.take(), box.take()] == ["a", None]


def test_patches_a_slow_socket_missed_become_one_of_everything() -> None:
    box = make()
    for number in range(1000):
        box.put_patch(str(number))
    assert [box.take(), box.take()] == ["everything", None]
    box.put_patch("next")
    assert box.take() == "next"


def test_events_keep_their_order_and_go_before_patches() -> None:
    box = make()
    box.put_patch("patch")
    box.put_event("first")
    box.put_event("second")
    assert [box.take() for _ in range(4)] == ["first", "second", "patch", None]


def test_too_many_events_become_one_snapshot() -> None:
    box = make()
    for number in range(MOST_EVENTS + 1):
        box.put_event(str(number))
    box.put_patch("patch")
    assert [box.take(), box.take()] == ["snapshot", None]


def test_closing_goes_before_what_waits() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def run() -> None:
        box = Mailbox(refresh=lambda: "everything", snapshot=lambda: "snapshot")
        box.close(4401)
        await box.pump(send)

    asyncio.run(run())
    assert sent == [{"type": "websocket.close", "code": 4401}]


def test_a_socket_the_server_closed_meanwhile_is_a_lost_connection() -> None:
    async def send(message: dict[str, Any]) -> None:
        raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

    async def run() -> None:
        await Mailbox(refresh=lambda: "everything", snapshot=lambda: "snapshot").pump(send)

    with pytest.raises(ConnectionError):
        asyncio.run(run())
