"""What a shard looks for again and again: everything a lost message would have said."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from apps.trading.execution.work import block_unreachable
from apps.trading.services import flips, resolver, sweep
from bus.leases import Held
from domain.broker import BrokerSpec


def steps_of(
    shard: int, held: Held, specs: Mapping[str, BrokerSpec], *, now: datetime, wall: datetime
) -> tuple[Callable[[], Any], ...]:
    """Return the sweep's steps on the database thread, in order; new orders go between any two of them."""
    waits = {slug: spec.resend_wait_seconds for slug, spec in specs.items()}
    return (
        partial(resolver.mark_overdue, shard=shard, wall=wall),
        partial(sweep.sweep_entries, shard=shard, now=now),
        partial(sweep.retry_entries, shard=shard, now=now, wall=wall),
        partial(sweep.settle_idle, shard=shard, now=now, wall=wall),
        partial(flips.flatten_flips, shard=shard, now=now, wall=wall),
        partial(sweep.sweep_exits, shard=shard, now=now, wall=wall),
        partial(
            resolver.resolve_unknown,
            shard=shard,
            lease=held.name,
            epoch=held.epoch,
            resend_waits=waits,
            now=now,
            wall=wall,
        ),
        partial(block_unreachable, shard=shard),
    )
