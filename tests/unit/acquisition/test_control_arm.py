"""The control arm is a simple random sample, whatever the strategy does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from labelloop.acquisition.control import PURPOSE, choose_control, control_rows
from labelloop.acquisition.keys import id_keys
from labelloop.stages.pool_order import first_rows
from labelloop.workspace import Workspace

SEEDS, N, M = 3000, 24, 6


def names(n: int) -> np.ndarray:
    return np.array([f"item-{number}" for number in range(n)], dtype=object)


@dataclass
class Named:
    """A pool of which only the ids matter."""

    names: np.ndarray

    def __len__(self) -> int:
        return len(self.names)

    def ids_of(self, rows: np.ndarray) -> np.ndarray:
        return self.names[rows]


def control_order(ids: np.ndarray, seed: int) -> np.ndarray:
    """The whole order, as `select` asks for its beginning."""
    pool, everything = cast(Any, Named(ids)), np.ones(len(ids), dtype=bool)
    return first_rows(Workspace.at(Path()), pool, everything, len(ids), seed=seed, purpose=PURPOSE)


def test_every_item_is_as_likely_as_any_other() -> None:
    """Inclusion counts over many seeds fit M / N (chi-square), and so does every pair's."""
    counts, pairs = np.zeros(N), np.zeros((N, N))
    for seed in range(SEEDS):
        sample = control_order(names(N), seed)[:M]
        counts[sample] += 1
        pairs[np.ix_(sample, sample)] += 1
    expected = SEEDS * M / N
    # Without replacement the counts' variance is that of a Bernoulli, a little less in sum.
    assert ((counts - expected) ** 2 / (expected * (1 - M / N))).sum() < 60
    together = pairs[np.triu_indices(N, 1)]
    chance = M * (M - 1) / (N * (N - 1))
    deviation = (together - SEEDS * chance) / math.sqrt(SEEDS * chance * (1 - chance))
    assert np.abs(deviation).max() < 4.5


def test_the_sample_tells_nothing_about_what_a_strategy_picks() -> None:
    """A strategy that labels its own favourites, ties drawn by the same seed, meets the sample at random."""
    met = 0
    for seed in range(SEEDS):
        favourites = np.argsort(id_keys(names(N), seed, "tie"))[:8]
        met += len(np.intersect1d(control_order(names(N), seed)[:M], favourites))
    expected = M * 8 / N
    variance = M * (8 / N) * (1 - 8 / N) * (N - M) / (N - 1)
    assert abs(met / SEEDS - expected) < 4.5 * math.sqrt(variance / SEEDS)


def test_the_sample_estimates_the_pool_without_bias_after_greedy_picks() -> None:
    """With the largest values labeled first, the sample's mean is still the pool's; the leftover's is not."""
    values = np.arange(N, dtype=float)
    greedy = np.argsort(-values)[:8]
    sample_means, leftover_means = [], []
    for seed in range(SEEDS):
        order = control_order(names(N), seed)
        asked = choose_control(order, M, 1.0, greedy)
        members = np.union1d(asked, np.intersect1d(order[:M], greedy))
        sample_means.append(values[members].mean())
        leftover_means.append(values[order[~np.isin(order, greedy)][:M]].mean())
    tolerance = 4.5 * values.std() / math.sqrt(M * SEEDS)
    assert abs(np.mean(sample_means) - values.mean()) < tolerance
    assert abs(np.mean(leftover_means) - values.mean()) > 10 * tolerance


def test_the_order_of_the_pool_does_not_change_the_sample() -> None:
    ids, shuffle = names(500), np.random.default_rng(0).permutation(500)
    one, other = control_order(ids, 1), control_order(ids[shuffle], 1)
    assert ids[one].tolist() == ids[shuffle][other].tolist()


def test_a_new_item_leaves_the_order_of_the_others() -> None:
    longer, shorter = control_order(names(101), 1), control_order(names(100), 1)
    assert longer[longer != 100].tolist() == shorter.tolist()


def test_an_empty_pool_has_an_empty_order() -> None:
    assert control_order(names(0), 0).tolist() == []


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.integers(0, 100))
@example(100, 200, 7)
def test_samples_are_nested_and_as_large_as_planned(one: int, other: int, percent: int) -> None:
    """ceil of the exact product, also where floating point is a hair above a whole number."""
    order = control_order(names(400), 0)
    small, large = sorted([one, other])
    inner, outer = control_rows(order, small, percent / 100), control_rows(order, large, percent / 100)
    assert len(inner) == -(-percent * small // 100)
    assert inner.tolist() == outer[: len(inner)].tolist()


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 49)), st.integers(0, 50))
def test_labeled_members_are_free_and_stay_members(labeled: set[int], planned: int) -> None:
    """Asked and labeled members together are the sample; nobody outside it is asked."""
    order = control_order(names(50), 4)
    asked = choose_control(order, planned, 1.0, np.array(sorted(labeled), dtype=np.int64))
    assert not set(asked.tolist()) & labeled
    assert set(asked.tolist()) | (labeled & set(order[:planned].tolist())) == set(order[:planned].tolist())
