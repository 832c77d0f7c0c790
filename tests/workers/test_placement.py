"""Placement: even, stable, and the same for everyone who asks."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from workers.placement import plan

SHARDS = 64
names = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=1, max_size=9, unique=True)


@given(names, st.dictionaries(st.integers(0, SHARDS - 1), st.text("abcdefg", min_size=1, max_size=4)))
def test_every_shard_has_an_owner_and_no_worker_has_two_more_than_another(
    workers: list[str], owners: dict[int, str]
) -> None:
    """Whatever was there before, the plan is whole and even."""
    target = plan(SHARDS, workers, owners)

    counts = Counter(target.values())
    assert set(target) == set(range(SHARDS))
    assert max(counts.values()) - min(counts[worker] for worker in workers) <= 1


@given(names, st.permutations(range(9)))
def test_the_order_of_the_workers_does_not_matter(workers: list[str], order: list[int]) -> None:
    """Two workers that heard of the others in another order must not fight over a shard."""
    shuffled = [workers[place] for place in order if place < len(workers)]

    assert plan(SHARDS, shuffled, {}) == plan(SHARDS, workers, {})


@given(names)
def test_a_plan_carried_out_is_its_own_plan(workers: list[str]) -> None:
    """A house at rest stays at rest."""
    target = plan(SHARDS, workers, {})

    assert plan(SHARDS, workers, target) == target


@given(names, st.text("xyz", min_size=1, max_size=3))
def test_one_more_worker_moves_no_more_than_its_share(workers: list[str], newcomer: str) -> None:
    """Each move is a hand-over of live sockets, so there is not one too many."""
    before = plan(SHARDS, workers, {})

    after = plan(SHARDS, [*workers, newcomer], before)

    moved = [shard for shard in before if before[shard] != after[shard]]
    assert all(after[shard] == newcomer for shard in moved)
    assert len(moved) <= SHARDS // (len(workers) + 1) + 1


@given(names)
def test_a_worker_that_goes_leaves_the_others_what_they_have(workers: list[str]) -> None:
    """Draining one worker must not make the rest exchange shards."""
    before = plan(SHARDS, [*workers, "leaving"], {})

    after = plan(SHARDS, workers, before)

    assert all(after[shard] == owner for shard, owner in before.items() if owner != "leaving")


def test_without_workers_there_is_no_plan() -> None:
    """Nobody to place on is an answer, not an error."""
    assert plan(SHARDS, [], {}) == {}
