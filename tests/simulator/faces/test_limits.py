"""Call limits of any face: per client and bucket, in calendar or sliding windows, behind one switch."""

from collections.abc import Sequence

import pytest

from simulator.faces.limits import CallLimits, Excess, LimitSwitch, Window

TEN = 1_790_000_000
CALENDAR, SLIDING = Window(3, 10), Window(3, 10, sliding=True)


def limits(*windows: Window, enabled: bool = True, counts_refused: bool = False) -> CallLimits:
    buckets = {"order": windows, "other": windows}
    return CallLimits(buckets, switch=LimitSwitch(enabled), counts_refused=counts_refused)


def taken(limits: CallLimits, times: Sequence[float], *, who: str = "A", bucket: str = "order") -> list[bool]:
    return [limits.take(who=who, bucket=bucket, now=TEN + second) is None for second in times]


def test_a_calendar_window_starts_anew_with_its_slot():
    assert taken(limits(CALENDAR), [7, 8, 9, 9.9, 10, 11, 12, 13]) == [True] * 3 + [False] + [True] * 3 + [False]


def test_a_sliding_window_forgets_one_call_at_a_time():
    assert taken(limits(SLIDING), [7, 8, 9, 10, 16.9, 17, 17.5, 18]) == [True] * 3 + [False] * 2 + [True, False, True]


def test_clients_and_buckets_are_counted_apart():
    shared = limits(CALENDAR)
    taken(shared, [0, 0, 0])
    assert taken(shared, [0], who="B") == taken(shared, [0], bucket="other") == [True]
    assert taken(shared, [0]) == [False]


@pytest.mark.parametrize("window", [CALENDAR, SLIDING])
def test_the_excess_says_which_window_is_full_and_a_refused_call_is_not_counted(window):
    shared = limits(window, Window(5, 100))
    taken(shared, [0, 0, 0, 0, 0])
    assert shared.take(who="A", bucket="order", now=TEN) == Excess("order", 4, window)
    assert taken(shared, [20, 20, 20]) == [True, True, False]


def test_refused_calls_count_where_the_broker_counts_them():
    shared = limits(CALENDAR, counts_refused=True)
    taken(shared, [0, 0, 0, 0])
    assert shared.take(who="A", bucket="order", now=TEN) == Excess("order", 5, CALENDAR)


def test_the_switch_is_looked_at_with_each_call():
    switch = LimitSwitch(enabled=False)
    switched = CallLimits({"order": (CALENDAR,)}, switch=switch)
    assert all(taken(switched, [0] * 20))
    switch.enabled = True
    assert taken(switched, [0] * 4) == [True, True, True, False]


def test_a_call_may_count_for_many():
    weighed = CallLimits({"weight": (Window(100, 60),)}, switch=LimitSwitch(True))
    assert weighed.take(who="A", bucket="weight", now=0.0, calls=80) is None
    excess = weighed.take(who="A", bucket="weight", now=1.0, calls=40)
    assert excess is not None
    assert excess.calls == 120
    assert weighed.take(who="A", bucket="weight", now=2.0, calls=20) is None
    assert weighed.used(who="A", bucket="weight", now=3.0) == [100]
    assert weighed.used(who="A", bucket="weight", now=61.0) == [0]
