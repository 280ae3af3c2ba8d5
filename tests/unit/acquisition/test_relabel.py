"""New rows and labeled ones are ranked together, by what a vote about them brings for its cost."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import select
from labelloop.acquisition.relabel import vote_gain
from labelloop.fusion.vote_gain import another_votes_worth

N, CLASSES = 80, 4
LABELED = np.arange(0, N, 3)
NEW = np.setdiff1d(np.arange(N), LABELED)


def chances(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(CLASSES, 0.5), N)


def test_rows_with_the_same_knowledge_are_asked_about_alike() -> None:
    """Whether it comes from the model or from votes: the order is that of the gain, over all rows."""
    known = chances(1)
    picked = select("relabel", batch_size=30, probabilities=known, labeled=LABELED, beliefs=known)
    expected = np.argsort(-another_votes_worth(known, 0.75), kind="stable")[:30]
    assert picked.tolist() == expected.tolist()
    assert set(picked) & set(LABELED) and set(picked) & set(NEW)


def test_what_the_model_says_of_a_labeled_row_does_not_count() -> None:
    """It was trained on the row: its votes are heard instead."""
    model, votes = chances(2), chances(3)
    other = model.copy()
    other[LABELED] = chances(4)[LABELED]
    ask = {"batch_size": 20, "labeled": LABELED, "beliefs": votes}
    assert select("relabel", probabilities=model, **ask).tolist() == select(
        "relabel", probabilities=other, **ask
    ).tolist()  # fmt: skip


def test_no_row_without_a_belief_is_asked_about_again() -> None:
    votes = chances(5)
    settled = LABELED[::2]
    votes[settled] = np.nan
    everything = N - len(settled)
    picked = select(
        "relabel", batch_size=everything, probabilities=chances(6), labeled=LABELED, beliefs=votes
    )
    assert not set(picked) & set(settled) and len(set(picked)) == everything


def test_votes_that_all_agree_are_left_for_new_rows() -> None:
    sure = np.full((N, CLASSES), 0.002 / (CLASSES - 1))
    sure[:, 0] = 0.998
    picked = select("relabel", batch_size=len(NEW), probabilities=chances(7), labeled=LABELED, beliefs=sure)
    split = np.tile([0.49, 0.49, 0.01, 0.01], (N, 1))
    again = select("relabel", batch_size=5, probabilities=sure, labeled=LABELED, beliefs=split)
    assert len(set(picked) & set(LABELED)) <= 0.1 * len(NEW)
    assert set(again) <= set(LABELED)


def test_a_row_that_costs_twice_must_bring_twice() -> None:
    known = chances(8)
    gain = vote_gain(known)
    costs = np.where(np.arange(N) % 2, 2.0, 1.0)
    picked = select(
        "relabel", batch_size=25, probabilities=known, labeled=LABELED, beliefs=known, costs=costs
    )
    assert picked.tolist() == np.argsort(-(gain / costs), kind="stable")[:25].tolist()


@pytest.mark.parametrize("accuracy", [0.5, 0.75, 0.95])
def test_each_of_several_votes_brings_less_than_one_alone(accuracy: float) -> None:
    known = chances(9)
    one, three, five = (vote_gain(known, accuracy=accuracy, votes=votes) for votes in (1, 3, 5))
    moved = one > 1e-6
    assert (three[moved] < one[moved]).all() and (five[moved] < three[moved]).all()
    assert (5 * five[moved] > one[moved]).all()


def test_a_new_rows_votes_are_shared_over_all_of_them() -> None:
    """Asking three people about every new row makes a second look at a labeled one the better buy."""
    known = chances(10)
    ask = {"batch_size": 25, "probabilities": known, "labeled": LABELED, "beliefs": known}
    alone, together = select("relabel", **ask), select("relabel", votes=3, **ask)
    assert len(set(together) & set(LABELED)) > len(set(alone) & set(LABELED))
