"""A token ends at the earliest of the broker's hour, its life, and what the broker said."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from brokers.paper.spec import SPEC
from brokers.tokens import stated_expiry, token_expiry
from domain.clock import IST

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=IST)
SIX, DAY = time(6, 0), timedelta(hours=24)
EARLY = datetime(2026, 11, 20, 5, 59, 59, tzinfo=IST)


@pytest.mark.parametrize(
    ("now", "hour", "lasts", "stated", "ends"),
    [
        (NOON, SIX, None, None, datetime(2026, 11, 21, 6, 0, tzinfo=IST)),
        (EARLY, SIX, None, None, datetime(2026, 11, 20, 6, 0, tzinfo=IST)),
        (datetime(2026, 11, 20, 6, 0, tzinfo=IST), SIX, None, None, datetime(2026, 11, 21, 6, 0, tzinfo=IST)),
        (NOON, None, DAY, None, NOON + DAY),
        (NOON, SIX, timedelta(hours=2), None, NOON + timedelta(hours=2)),
        (NOON, SIX, DAY, NOON + timedelta(hours=1), NOON + timedelta(hours=1)),
        (NOON, SIX, DAY, NOON + 9 * DAY, datetime(2026, 11, 21, 6, 0, tzinfo=IST)),
        (NOON, time(0, 0), None, None, datetime(2026, 11, 21, 0, 0, tzinfo=IST)),
    ],
)
def test_the_earliest_end_counts(now, hour, lasts, stated, ends):
    spec = replace(SPEC, token_expires_at=hour, token_lasts=lasts)
    found = token_expiry(spec, now.astimezone(UTC), stated=stated)
    assert found == ends
    assert found.utcoffset() == timedelta(0)


def test_a_token_without_any_end_outlasts_every_day_of_trading():
    assert token_expiry(SPEC, NOON) > NOON + timedelta(days=365)


def jwt(claims: object) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{middle}.seal"


def test_a_jwt_says_when_it_dies():
    assert stated_expiry(jwt({"exp": 1795158000, "sub": "x"})) == datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
    assert stated_expiry(jwt({"exp": 1795158000.5})) > datetime(2026, 11, 20, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "deadbeef",
        "a.b",
        "a.b.c.d",
        "a.!!.c",
        "a.e30.c",
        *(jwt(one) for one in ({}, [], {"exp": "x"}, {"exp": 1e40})),
    ],
)
def test_what_is_no_jwt_says_nothing(token):
    assert stated_expiry(token) is None
