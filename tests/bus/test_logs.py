"""Log lines are JSON, carry ids, and never a secret."""

import json
import logging

import pytest

from bus.logs import JsonFormatter, scrub


@pytest.mark.parametrize(
    "text",
    [
        "Not Found: /hooks/tradingview/s3cr3tT0ken/",
        "POST /hooks/zerodha/s3cr3tT0ken",
        "access_token=s3cr3tT0ken&x=1",
        '{"api_secret": "s3cr3tT0ken"}',
        "Authorization: token s3cr3tT0ken",
        "authorization: Bearer s3cr3tT0ken",
        "password='s3cr3tT0ken'",
        "request_token=s3cr3tT0ken",
    ],
)
def test_secrets_are_replaced(text: str) -> None:
    assert "s3cr3tT0ken" not in scrub(text)
    assert "***" in scrub(text)


def test_a_line_carries_what_was_passed_and_not_the_request() -> None:
    record = logging.makeLogRecord(
        {"msg": "done", "levelname": "INFO", "order": 7, "request": "<GET /hooks/x/s3cr3t/>"}
    )
    line = json.loads(JsonFormatter().format(record))
    assert (line["event"], line["order"]) == ("done", 7)
    assert "s3cr3t" not in json.dumps(line)
