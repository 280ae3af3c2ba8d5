"""Labels that a model, trained without them, firmly takes for another class.

Source: Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in dataset labels.
"""

from __future__ import annotations

import numpy as np


def contradicted(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Which labels the model contradicts with confidence.

    A class's threshold is the mean probability of the class over the items that carry it. The model's word
    about an item is the likeliest of the classes whose threshold it reaches; without one it has none.

    Args:
        codes: shape (n,), int, labels. probabilities: shape (n, n_classes), each row from a model trained
        without that item; rows of NaN where
            there is none.

    Returns:
        Shape (n,), int64: the class that the model says instead; -1 where it agrees or has no word.
    """
    n_classes = probabilities.shape[1]
    told = ~np.isnan(probabilities).any(axis=1)
    own = probabilities[np.arange(len(codes)), codes]
    sums = np.bincount(codes[told], weights=own[told], minlength=n_classes)
    counts = np.bincount(codes[told], minlength=n_classes)
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    reached = np.where(told[:, None] & (probabilities >= thresholds), probabilities, -1.0)
    said = reached.argmax(axis=1)
    firm = (reached.max(axis=1) >= 0) & (said != codes)
    return np.where(firm, said, -1).astype(np.int64)
