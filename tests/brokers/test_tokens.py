"""A token ends at the earliest of the broker's hour, its life, and what the broker said."""

import json
from base64 import urlsafe_b64encode
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
    text = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{text}.c2ln"


def test_a_token_may_say_when_it_dies():
    assert stated_expiry(jwt({"exp": int(NOON.timestamp()), "sub": "XP6M4"})) == NOON


@pytest.mark.parametrize(
    "token", ["", "opaque", "a.b", "a.%.c", jwt({}), jwt({"exp": "soon"}), jwt({"exp": 1e30}), jwt([1])]
)
def test_other_tokens_do_not_say(token):
    assert stated_expiry(token) is None
