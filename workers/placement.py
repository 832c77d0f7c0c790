"""Who should own which shard: one pure function that every worker computes alike.

Every worker gets as many shards as any other, give or take one; what is already well placed stays where it is, and what
must move goes where rendezvous hashing points. So a worker that comes or goes moves as few shards as can be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b


def plan(shards: int, workers: Sequence[str], owners: Mapping[int, str]) -> dict[int, str]:
    """The owner that each shard should have. Without workers there is no plan."""
    if not workers:
        return {}
    kept = {worker: [shard for shard in range(shards) if owners.get(shard) == worker] for worker in workers}
    quotas = _quotas(shards, kept)
    target: dict[int, str] = {}
    for worker, owned in kept.items():
        # The most strongly drawn stay, so that two plans in a row agree on which ones go.
        for shard in sorted(owned, key=lambda shard: (-draw(worker, shard), shard))[: quotas[worker]]:
            target[shard] = worker
    room = {worker: quotas[worker] - min(len(owned), quotas[worker]) for worker, owned in kept.items()}
    for shard in range(shards):
        if shard not in target:
            best = max((worker for worker in room if room[worker]), key=lambda worker: (draw(worker, shard), worker))
            room[best] -= 1
            target[shard] = best
    return target


def _quotas(shards: int, kept: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Even to within one; the odd ones go to those who already own the most."""
    share, odd = divmod(shards, len(kept))
    by_owned = sorted(kept, key=lambda worker: (-len(kept[worker]), worker))
    return {worker: share + (place < odd) for place, worker in enumerate(by_owned)}


@lru_cache(maxsize=1 << 16)
def draw(worker: str, shard: int) -> int:
    """How strongly a worker draws a shard: the same everywhere, and different for every pair."""
    return int.from_bytes(blake2b(f"{worker}/{shard}".encode(), digest_size=8).digest())
