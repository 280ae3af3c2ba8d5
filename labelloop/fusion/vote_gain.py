"""What one more vote tells about an item's label: one scale for new items and for second looks at old ones.

Both are bought with the same money. A new item begins with what the model believes about it, an item that
was asked begins with what its votes say; either way a vote is worth the information that it brings about the
label, in nats. This generalises ActiveLab, which ranks items with and without votes by one score, to votes
of differing worth: the gain is counted for each vote that is paid.

Source: Goh and Mueller (2023), ActiveLab: active learning with re-labeling by multiple annotators; mutual
information as in Lindley (1956), On a measure of the information provided by an experiment.
"""

from __future__ import annotations

import numpy as np


def vote_information(beliefs: np.ndarray, accuracy: float) -> np.ndarray:
    """Mutual information of an item's label and the next vote about it.

    The voter is right with chance `accuracy`, and else chooses any other class alike.

    Args:
        beliefs: shape (n_items, n_classes), rows sum to 1: how likely each class is now.
        accuracy: in (0, 1).

    Returns:
        Shape (n_items,), nats, 0 or more.
    """
    n_classes = beliefs.shape[1]
    if n_classes < 2:
        return np.zeros(len(beliefs))
    wrong = (1.0 - accuracy) / (n_classes - 1)
    votes = beliefs * accuracy + (1.0 - beliefs) * wrong
    noise = -(accuracy * np.log(accuracy) + (1.0 - accuracy) * np.log(wrong))
    return np.maximum(entropy(votes) - noise, 0.0)


def further_gains(beliefs: np.ndarray, accuracy: float, most: int) -> np.ndarray:
    """What the first, second, ... further vote about an item brings, as far as can be said beforehand.

    A vote is taken for one that tells the label with chance `c`, its information over the label's entropy,
    and else tells nothing; so the j-th brings `(1 - c)^(j - 1)` of what the first does.

    Args:
        beliefs: see `vote_information`.
        most: votes, 1 or more.

    Returns:
        Shape (n_items, most), nats, falling along each row.
    """
    first = vote_information(beliefs, accuracy)
    open_ = entropy(beliefs)
    told = np.divide(first, open_, out=np.zeros_like(first), where=open_ > 0).clip(0.0, 1.0)
    gains: np.ndarray = first[:, None] * (1.0 - told[:, None]) ** np.arange(most)
    return gains


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
    return float(np.clip(found, 1.0 / n_classes + 0.05, 0.99))


def entropy(chances: np.ndarray) -> np.ndarray:
    """Of each row, in nats."""
    logs = np.log(np.maximum(chances, np.finfo(float).tiny))
    found: np.ndarray = np.maximum(-(chances * logs).sum(axis=1), 0.0)
    return found
