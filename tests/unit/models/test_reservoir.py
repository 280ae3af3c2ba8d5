"""The uniform sample of a stream."""

from __future__ import annotations

import numpy as np

from labelloop.models.reservoir import Reservoir


def sample(cuts: list[int], size: int = 50, n: int = 1000, seed: int = 0) -> np.ndarray:
    reservoir = Reservoir(size, seed)
    for shard in np.split(np.arange(n), cuts):
        reservoir.offer(shard)
    return reservoir.sample()


def test_it_holds_distinct_rows_in_their_order_and_no_more_than_its_size() -> None:
    rows = sample([100, 333])
    assert len(rows) == 50
    assert (np.diff(rows) > 0).all()


def test_the_cut_into_shards_does_not_matter() -> None:
    assert (sample([]) == sample([1, 49, 50, 51, 600])).all()


def test_few_rows_are_all_kept() -> None:
    assert sample([3], n=7).tolist() == list(range(7))


def test_early_and_late_rows_have_the_same_chance() -> None:
    drawn = np.concatenate([sample([200, 700], seed=seed) for seed in range(100)])
    counts = np.histogram(drawn, bins=4, range=(0, 1000))[0]
    assert (abs(counts - 1250) < 150).all()
