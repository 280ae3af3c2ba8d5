"""The best of a score, and who wins a tie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.acquisition import Context
from labelloop.acquisition.top import pick_top


def given_scores(scores: list[float]):
    """A score that is read off the first column."""
    return lambda probabilities, rows=None: probabilities[rows, 0]


def context_of(scores: list[float], seed: int = 0) -> Context:
    table = np.array(scores, dtype=np.float32)[:, None]
    ids = np.array([f"i{row}" for row in range(len(scores))], dtype=object)
    return Context(np.arange(len(scores)), np.empty(0, np.int64), table, None, seed, ids)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_picks_are_what_a_full_sort_would_pick(data) -> None:
    scores = data.draw(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=40))
    batch = data.draw(st.integers(1, len(scores)))
    picks = pick_top(given_scores(scores), context_of(scores), batch)
    assert picks.scores.tolist() == sorted(scores, reverse=True)[:batch]
    assert [scores[row] for row in picks.rows] == picks.scores.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=1, max_size=30), st.integers(1, 30))
def test_chances_of_tied_rows_add_up_to_the_places_left(scores: list[float], batch: int) -> None:
    """A row above the threshold is certain; each row at it has the same share of the places that are left."""
    batch = min(batch, len(scores))
    picks = pick_top(given_scores(scores), context_of(scores), batch)
    threshold = picks.scores.min()
    above, tied = sum(s > threshold for s in scores), scores.count(threshold)
    assert (picks.probabilities[picks.scores > threshold] == 1).all()
    np.testing.assert_allclose(picks.probabilities[picks.scores == threshold], (batch - above) / tied)


def test_ties_are_drawn_evenly_over_seeds() -> None:
    """Every tied item wins about as often as its recorded chance says."""
    scores, wins = [1.0] + [0.5] * 9, np.zeros(10)
    for seed in range(2000):
        picks = pick_top(given_scores(scores), context_of(scores, seed), 4)
        wins[picks.rows] += 1
    assert wins[0] == 2000
    np.testing.assert_allclose(wins[1:] / 2000, 3 / 9, atol=0.05)


@pytest.mark.parametrize("named", [True, False])
def test_rows_of_equal_content_win_ties_each_by_itself(named: bool) -> None:
    """90 copies of one row and 10 of another, all tied, named or not: the few win a tenth of the places."""
    table = np.repeat([[0.5, 0.1], [0.5, 0.2]], [90, 10], axis=0).astype(np.float32)
    ids = np.array([f"i{row}" for row in range(100)], dtype=object) if named else None
    few = []
    for seed in range(300):
        context = Context(np.arange(100), np.empty(0, np.int64), table, None, seed, ids)
        few.append((pick_top(given_scores([]), context, 10).rows >= 90).sum())
    # Hypergeometric: a mean of 1 and a variance of 0.82; clumps would give 0 or 10.
    assert abs(np.mean(few) - 1) < 0.2
    assert 0.5 < np.var(few) < 1.2
