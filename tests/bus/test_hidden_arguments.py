"""What a monitor of the queues gets to see."""

from typing import Any

import pytest

from bus import commands


@pytest.mark.parametrize(
    ("send", "shown"),
    [
        (lambda: commands.exchange_login(1, "one-use-code"), "(hidden)"),
        (lambda: commands.prepare_login(1, "state"), "(hidden)"),
        (lambda: commands.check_postback(1, "{}"), "(hidden)"),
        (lambda: commands.sign_in_account(1), None),
    ],
)
def test_secrets_travel_without_being_shown(
    send: Any, shown: str | None, db: None, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(commands.current_app, "send_task", lambda task, **options: told.append(options))
    with django_capture_on_commit_callbacks(execute=True):
        send()
    assert [options["argsrepr"] for options in told] == [shown]
