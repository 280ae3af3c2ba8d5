"""Ratings: biases and noise are found and taken out; nothing depends on order, unit or zero."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.errors import DataError, SettingsError
from labelloop.fusion.ratings import Ratings, fuse_ratings


def crowd(seed: int, bias: float = 2.0, n_items: int = 300, per_item: int = 4) -> tuple[Ratings, np.ndarray]:
    """Ten people with biases and noise of their own, and the true values."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(50, 10, n_items)
    lean, noise = rng.normal(0, bias, 10), rng.uniform(0.5, 8, 10)
    lean -= lean.mean()
    who = np.argsort(rng.random((n_items, 10)), axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(n_items), per_item)
    return Ratings(item, who, truth[item] + lean[who] + noise[who] * rng.normal(size=len(item))), truth


def mean_of(ratings: Ratings) -> np.ndarray:
    return np.bincount(ratings.item, ratings.value) / np.bincount(ratings.item)


def rms(error: np.ndarray) -> float:
    return float(np.sqrt((error**2).mean()))


@pytest.mark.parametrize("seed", range(5))
def test_values_come_closer_to_the_truth_than_the_mean(seed: int) -> None:
    ratings, truth = crowd(seed)
    fused = fuse_ratings(ratings, prior_votes=5)
    assert fused.converged
    assert rms(fused.value - truth) < 0.9 * rms(mean_of(ratings) - truth)


def test_standard_errors_cover_the_truth() -> None:
    inside = []
    for seed in range(20):
        ratings, truth = crowd(seed, n_items=400)
        fused = fuse_ratings(ratings, prior_votes=1)
        inside.append((np.abs(fused.value - truth) < 1.96 * fused.standard_error).mean())
    assert 0.92 < np.mean(inside) < 0.97


def test_a_generous_person_is_found() -> None:
    ratings, _ = crowd(1, bias=0.0)
    moved = ratings.value + 6.0 * (ratings.annotator == 3)
    fused = fuse_ratings(Ratings(ratings.item, ratings.annotator, moved))
    assert fused.bias.argmax() == 3 and 4 < fused.bias[3] < 7


def test_one_wild_rating_counts_little_where_that_is_wanted() -> None:
    ratings, _ = crowd(2)
    wild = ratings.value.copy()
    wild[8] += 1000
    moved = [
        np.abs(
            fuse_ratings(Ratings(ratings.item, ratings.annotator, wild), robust=robust).value[2]
            - fuse_ratings(ratings, robust=robust).value[2]
        )
        for robust in (False, True)
    ]
    assert moved[1] < 2 < moved[0]


def test_unit_and_zero_do_not_matter() -> None:
    ratings, _ = crowd(3)
    plain = fuse_ratings(ratings)
    other = fuse_ratings(Ratings(ratings.item, ratings.annotator, 12 + 100 * ratings.value))
    np.testing.assert_allclose(other.value, 12 + 100 * plain.value, rtol=1e-6)
    np.testing.assert_allclose(other.noise, 100 * plain.noise, rtol=1e-5)


def test_the_order_of_ratings_does_not_matter() -> None:
    ratings, _ = crowd(4)
    order = np.random.default_rng(0).permutation(len(ratings.item))
    shuffled = Ratings(ratings.item[order], ratings.annotator[order], ratings.value[order])
    np.testing.assert_allclose(fuse_ratings(shuffled).value, fuse_ratings(ratings).value, rtol=1e-8)


def test_one_rating_an_item_is_that_rating_without_biases() -> None:
    ratings = Ratings(np.arange(3), np.array([0, 1, 0]), np.array([1.0, 5.0, 9.0]))
    np.testing.assert_allclose(fuse_ratings(ratings, bias=False).value, [1, 5, 9])


def test_everybody_the_same_is_certain() -> None:
    fused = fuse_ratings(Ratings(np.array([0, 0, 1]), np.array([0, 1, 0]), np.full(3, 4.0)))
    assert fused.value.tolist() == [4, 4] and fused.standard_error.tolist() == [0, 0]


def test_nothing_gives_nothing() -> None:
    none = np.empty(0, dtype=np.int64)
    assert len(fuse_ratings(Ratings(none, none, np.empty(0))).value) == 0


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(DataError, match="rating 1 is nan"):
        fuse_ratings(Ratings(np.arange(2), np.arange(2), np.array([1.0, np.nan])))
    with pytest.raises(DataError, match=r"rating 1 is -1e\+308; numbers above"):
        fuse_ratings(Ratings(np.arange(2), np.arange(2), np.array([1.0, -1e308])))
    with pytest.raises(SettingsError, match="prior_votes is -1"):
        fuse_ratings(Ratings(np.arange(2), np.arange(2), np.ones(2)), prior_votes=-1)
