"""Which account belongs to which execution shard, when they are spread evenly with the fewest moves."""

from collections.abc import Mapping


def spread(shard_of: Mapping[int, int], *, shards: int) -> dict[int, int]:
    """Return the accounts that must move and where to, so that no two of the `shards` differ by more than one.

    Accounts of a shard that does not exist any more always move; the others only from a shard that has too many.
    """
    kept: dict[int, list[int]] = {shard: [] for shard in range(shards)}
    homeless: list[int] = []
    for account, shard in sorted(shard_of.items()):
        kept.get(shard, homeless).append(account)
    room = _room(kept, len(shard_of))
    for shard, accounts in kept.items():
        homeless += accounts[room[shard] :]
        room[shard] -= min(len(accounts), room[shard])
    places = [shard for shard, free in sorted(room.items()) for _ in range(free)]
    return dict(zip(sorted(homeless), places, strict=True))


def _room(kept: Mapping[int, list[int]], accounts: int) -> dict[int, int]:
    """Return how many each shard is to hold: the fullest ones keep what does not divide evenly."""
    each, left = divmod(accounts, len(kept))
    fullest = sorted(kept, key=lambda shard: (-len(kept[shard]), shard))
    return {shard: each + (place < left) for place, shard in enumerate(fullest)}


def emptiest(counts: Mapping[int, int], *, shards: int) -> int:
    """Return the shard with the fewest accounts, the first of several."""
    return min(range(shards), key=lambda shard: (counts.get(shard, 0), shard))
