"""DropQuery: what is picked does not survive the loss of features, and is spread over the pool."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition import select
from labelloop.acquisition.linear_head import fit_linear_head


def pool(n: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Two classes on both sides of sum(x) = 0; the model is a softmax of the sum."""
    random = np.random.default_rng(0)
    points = random.normal(size=(n, 8)).astype(np.float32)
    upper = 1 / (1 + np.exp(-points.sum(axis=1, dtype=np.float64)))
    return points, np.column_stack([1 - upper, upper]).astype(np.float32)


def test_the_head_says_what_a_linear_model_says() -> None:
    points, said = pool()
    head = fit_linear_head(points, said, np.arange(len(points)))
    agree = head.logits(head.centred(points)).argmax(axis=1) == said.argmax(axis=1)
    assert agree.mean() > 0.98


def test_picks_are_rows_whose_prediction_hangs_by_a_thread() -> None:
    points, said = pool()
    picks = select("dropquery", batch_size=15, embeddings=points, probabilities=said, dropout=0.5)
    sums = np.abs(points.sum(axis=1))
    assert sums[picks].mean() < 0.6 * sums.mean()


def test_votes_of_members_take_the_place_of_dropout() -> None:
    """Rows on which two of three members contradict the model are the candidates, and only they."""
    points, said = pool()
    doubted = np.arange(100, 140)
    members = np.stack([said] * 3)
    members[:2, doubted] = said[doubted][:, ::-1]
    picks = select("dropquery", batch_size=15, embeddings=points, probabilities=said, members=members)
    assert set(picks.tolist()) <= set(doubted.tolist())


def test_too_few_doubtful_rows_are_filled_up_by_margin() -> None:
    points, said = pool()
    members = np.stack([said] * 3)
    picks = select("dropquery", batch_size=15, embeddings=points, probabilities=said, members=members)
    margin = select("margin", batch_size=15, probabilities=said)
    assert sorted(picks.tolist()) == sorted(margin.tolist())
