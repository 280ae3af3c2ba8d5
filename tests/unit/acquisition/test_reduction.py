"""The highest rows of a pool in parts: those of the whole, however it was cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.acquisition.keys import id_keys
from labelloop.acquisition.reduction import highest, merged

IDS = np.array([f"item-{number}" for number in range(300)], dtype=object)


def keys_of(ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return id_keys(ids[rows], 0, "candidates")


def brute_force(rows: np.ndarray, scores: np.ndarray, count: int) -> np.ndarray:
    order = np.lexsort((keys_of(IDS, rows), -scores))
    return np.sort(rows[order[:count]])


@settings(deadline=None)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    count=st.integers(1, 60),
    seed=st.integers(0, 9),
)
def test_cuts_and_their_order_change_nothing(
    scores: list[float], cuts: list[int], count: int, seed: int
) -> None:
    """Most scores are tied, so that keys decide; some parts are empty, some smaller than the count."""
    values, rows = np.array(scores, dtype=np.float32), np.arange(len(scores))
    parts = [
        highest(part, values[part], count, lambda some: keys_of(IDS, some))
        for part in np.split(rows, sorted(cut for cut in cuts if cut <= len(rows)))
    ]
    np.random.default_rng(seed).shuffle(parts)  # type: ignore[arg-type]
    found = merged(parts, count, lambda some: keys_of(IDS, some))
    expected = brute_force(rows, values, count)
    np.testing.assert_array_equal(found.rows, expected)
    np.testing.assert_array_equal(found.scores, values[expected])
    outside = values[np.setdiff1d(rows, expected)]
    by_chance = bool(len(outside)) and outside.max() == values[expected].min()
    assert (found.cut is not None) == by_chance


def test_the_order_of_the_pool_decides_nothing() -> None:
    scores = np.random.default_rng(1).choice([0.0, 0.5, 1.0], size=300)
    order = np.random.default_rng(2).permutation(300)
    rows = np.arange(300)
    plain = highest(rows, scores, 40, lambda some: keys_of(IDS, some))
    moved = highest(rows, scores[order], 40, lambda some: keys_of(IDS[order], some))
    assert set(IDS[plain.rows]) == set(IDS[order][moved.rows])


@pytest.mark.parametrize("count", [3, 10])
def test_few_rows_are_all_kept(count: int) -> None:
    found = highest(np.array([4, 7, 9]), np.zeros(3), count, lambda some: keys_of(IDS, some))
    assert (found.rows.tolist(), found.cut) == ([4, 7, 9], None)
