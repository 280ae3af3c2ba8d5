"""BADGE in factored form is BADGE."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, make_strategy, select_rows, spread
from labelloop.acquisition.badge import gradient_reader
from labelloop.acquisition.points import Points, points_of


def made(n: int, classes: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(classes), size=n).astype(np.float32)
    return rng.normal(size=(n, width)).astype(np.float32), probabilities


def explicit(embeddings: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The gradients themselves, shape (n, n_classes * d)."""
    pulls = probabilities - np.eye(probabilities.shape[1], dtype=np.float32)[probabilities.argmax(axis=1)]
    return (pulls[:, :, None] * embeddings[:, None, :]).reshape(len(pulls), -1)


def factored_points(embeddings: np.ndarray, probabilities: np.ndarray) -> Points:
    width = embeddings.shape[1] + probabilities.shape[1]
    return points_of(np.arange(len(embeddings)), gradient_reader(embeddings, probabilities), width)


def explicit_points(embeddings: np.ndarray, probabilities: np.ndarray) -> Points:
    gradients = explicit(embeddings, probabilities)
    return points_of(np.arange(len(gradients)), lambda rows: (gradients[rows],), gradients.shape[1])


@pytest.mark.parametrize("seed", range(5))
def test_the_same_random_numbers_give_the_picks_of_the_outer_product(seed: int) -> None:
    content = made(300, 5, 7, seed)
    picks = [
        spread.draw_spread(make(*content), 60, np.random.default_rng(seed)).tolist()
        for make in (factored_points, explicit_points)
    ]
    assert picks[0] == picks[1]


@pytest.mark.parametrize("refused", [0, 10_000], ids=["fresh bounds", "old bounds"])
def test_a_draw_has_the_chance_of_its_squared_distance(refused: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third pick, with the bounds from before the second: chi-squared against all pairs' definition."""
    monkeypatch.setattr(spread, "REFUSED", refused)
    embeddings, probabilities = made(12, 3, 2, seed=4)
    gradients = explicit(embeddings, probabilities).astype(np.float64)
    squared = ((gradients[:, None] - gradients[None]) ** 2).sum(axis=2)
    first = int((gradients**2).sum(axis=1).argmax())
    second_chance = squared[first] / squared[first].sum()
    expected = np.zeros(12)
    for second in range(12):
        if second != first:
            near = np.minimum(squared[first], squared[second])
            expected += second_chance[second] * near / near.sum()
    points, draws = factored_points(embeddings, probabilities), 4000
    random = np.random.default_rng(1)
    counts = np.bincount([spread.draw_spread(points, 3, random)[2] for _ in range(draws)], minlength=12)
    possible = expected > 0
    assert counts[~possible].sum() == 0
    statistic = ((counts - draws * expected)[possible] ** 2 / (draws * expected[possible])).sum()
    assert statistic < 31.3  # The 99.9% quantile at 11 degrees of freedom, rounded up.


def test_the_first_pick_has_the_largest_gradient() -> None:
    embeddings, probabilities = made(200, 4, 3)
    context = Context(np.arange(200), np.arange(0), probabilities, embeddings, seed=2)
    first = select_rows(make_strategy("badge"), context, 5).rows[0]
    assert first == np.linalg.norm(explicit(embeddings, probabilities), axis=1).argmax()


def test_certain_rows_are_one_point() -> None:
    """All have the gradient 0: one of them, and no other before the uncertain ones have run out."""
    embeddings, probabilities = made(60, 4, 3)
    certain = np.arange(60) % 3 != 0
    probabilities[certain] = [0, 1, 0, 0]
    context = Context(np.arange(60), np.arange(0), probabilities, embeddings, seed=2)
    rows = select_rows(make_strategy("badge"), context, 25).rows
    assert certain[rows[:21]].sum() == 1
    assert certain[rows[21:]].all()
