"""Accounts spread evenly, and no account moves without need."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from domain.sharding import emptiest, spread

accounts = st.dictionaries(st.integers(1, 500), st.integers(0, 9), max_size=60)


@given(accounts, st.integers(1, 8))
def test_no_two_shards_differ_by_more_than_one(shard_of: dict[int, int], shards: int) -> None:
    after = Counter((shard_of | spread(shard_of, shards=shards)).values())
    sizes = [after.pop(shard, 0) for shard in range(shards)]
    assert max(sizes) - min(sizes) <= 1
    assert not after  # nobody stays in a shard that does not exist


@given(accounts, st.integers(1, 8))
def test_nobody_moves_to_where_they_are_and_an_even_spread_stays(shard_of: dict[int, int], shards: int) -> None:
    moves = spread(shard_of, shards=shards)
    assert all(shard_of[account] != shard for account, shard in moves.items())
    assert spread(shard_of | moves, shards=shards) == {}


@given(accounts, st.integers(1, 8))
def test_as_few_as_possible_move(shard_of: dict[int, int], shards: int) -> None:
    sizes = sorted((sum(at == shard for at in shard_of.values()) for shard in range(shards)), reverse=True)
    each, left = divmod(len(shard_of), shards)
    needed = len(shard_of) - sum(min(size, each + (place < left)) for place, size in enumerate(sizes))
    assert len(spread(shard_of, shards=shards)) == needed


def test_a_new_account_goes_where_the_fewest_are() -> None:
    assert emptiest({}, shards=3) == 0
    assert emptiest({0: 2, 1: 1, 2: 1, 7: 0}, shards=3) == 1
