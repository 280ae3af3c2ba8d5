"""What one more vote is worth: one scale for new items and for second looks at old ones.

Both are bought with the same money. The unit is a label that is surely right: where labels are wrong with
chance `e`, learning from them takes 1 / (1 - 2e)^2 times as many (two classes), so a label that is right with
chance p counts as much as

    worth(p) = ((K p - 1) / (K - 1))^2        K classes; 0 at a guess, 1 at certainty

of a sure one. A new item's votes take it from nothing to some confidence, a further vote about an old item
from its confidence to another; either way the worth that is expected to come is divided by the votes it
costs. This generalises ActiveLab, which ranks items with and without votes by one score.

Source: Angluin and Laird (1988), Learning from noisy examples; Goh and Mueller (2023), ActiveLab: active
learning with re-labeling by multiple annotators.
"""

from __future__ import annotations

import numpy as np

DRAWS = 4000
"""Simulated items from which a new label's worth is told."""


def label_worth(confidence: np.ndarray, n_classes: int) -> np.ndarray:
    """How much of a sure label one counts for that is right with this chance, in [0, 1]."""
    if n_classes < 2:
        return np.ones_like(confidence)
    worth: np.ndarray = np.clip((n_classes * confidence - 1.0) / (n_classes - 1.0), 0.0, 1.0) ** 2
    return worth


def another_votes_worth(posterior: np.ndarray, accuracy: float) -> np.ndarray:
    """What the next vote about an item is expected to add to its label's worth.

    The voter is right with chance `accuracy`, and else chooses any other class alike; each answer changes the
    posterior by Bayes' rule.

    Args:
        posterior: shape (n_items, n_classes), rows sum to 1.
        accuracy: in (0, 1).

    Returns:
        Shape (n_items,), 0 or more.
    """
    return gain_by_class(posterior.T, accuracy)


def gain_by_class(by_class: np.ndarray, accuracy: float) -> np.ndarray:
    """`another_votes_worth` for shape (n_classes, n_items), a class at a time: no copy of the whole."""
    n_classes, n_items = by_class.shape
    if n_classes < 2 or not n_items:
        return np.zeros(n_items, dtype=by_class.dtype)
    wrong = (1.0 - accuracy) / (n_classes - 1)
    first, second = by_class[0].copy(), np.zeros_like(by_class[0])
    for column in by_class[1:]:
        second = np.maximum(second, np.minimum(first, column))
        np.maximum(first, column, out=first)
    gain = -label_worth(first, n_classes)
    for column in by_class:
        chance = column * accuracy + (1.0 - column) * wrong
        # The likeliest of the classes that the vote is not for.
        other = np.where(column == first, second, first)
        gain += chance * label_worth(np.maximum(column * accuracy, other * wrong) / chance, n_classes)
    return np.maximum(gain, 0.0)


def verdicts_worth(posterior: np.ndarray) -> np.ndarray:
    """What a reviewer's verdict, which is taken to be right, adds to the worth of each item's label.

    Args:
        posterior: shape (n_items, n_classes), rows sum to 1.

    Returns:
        Shape (n_items,), in [0, 1].
    """
    return 1.0 - label_worth(posterior.max(axis=1), posterior.shape[1])


def new_votes_worth(n_classes: int, accuracy: float, votes: int) -> float:
    """What each vote about a new item is expected to bring: the worth of its label over the votes.

    Told from simulated items of classes that are equally likely, as nothing is known of a new item before;
    always the same ones.
    """
    if n_classes < 2:
        return 0.0
    return _mean_worth(_drawn_answers(n_classes, accuracy, votes), n_classes, accuracy) / votes


def last_votes_worth(n_classes: int, accuracy: float, votes: int) -> float:
    """What the last of a new item's votes is expected to bring: what all are worth, less all but it.

    Told as `new_votes_worth` is.
    """
    if n_classes < 2:
        return 0.0
    answers = _drawn_answers(n_classes, accuracy, votes)
    before = _mean_worth(answers[:, :-1], n_classes, accuracy) if votes > 1 else 0.0
    return max(0.0, _mean_worth(answers, n_classes, accuracy) - before)


def _drawn_answers(n_classes: int, accuracy: float, votes: int) -> np.ndarray:
    """Simulated answers about items whose class is 0; shape (DRAWS, votes), int64."""
    random = np.random.default_rng(0)
    answer = random.integers(1, n_classes, (DRAWS, votes))
    answer[random.random((DRAWS, votes)) < accuracy] = 0
    return answer


def _mean_worth(answer: np.ndarray, n_classes: int, accuracy: float) -> float:
    """Mean worth of the labels that such answers make."""
    votes = answer.shape[1]
    wrong = (1.0 - accuracy) / (n_classes - 1)
    counts = np.stack([(answer == answer[:, [one]]).sum(axis=1) for one in range(votes)], axis=1)
    # Each class that was voted for, once; all the others have no vote.
    first = np.stack([(answer[:, :one] != answer[:, [one]]).all(axis=1) for one in range(votes)], axis=1)
    odds = np.where(first, (accuracy / wrong) ** counts, 0.0)
    total = odds.sum(axis=1) + (n_classes - first.sum(axis=1))
    confidence = np.maximum(odds.max(axis=1), 1.0) / total
    return float(label_worth(confidence, n_classes).mean())


def annotator_accuracy(
    confidence: np.ndarray, agreeing: np.ndarray, votes: np.ndarray, n_classes: int
) -> float:
    """How often a vote is right, as far as the labels know: what a typical next voter is taken for.

    Args:
        confidence: shape (n_items,), chance of each label to be right.
        agreeing: votes for the label.
        votes: all votes about the item.

    Returns:
        Between a little above chance and 0.99; 0.75 (or what chance allows) without votes.
    """
    others = (1.0 - confidence) / max(1, n_classes - 1)
    right = confidence * agreeing + others * (votes - agreeing)
    total = float(votes.sum())
    found = float(right.sum()) / total if total else 0.75
    return float(np.clip(found, min(0.95, 1.0 / n_classes + 0.05), 0.99))
