"""Balanced: as many labels of each class as of any other, the doubtful items of each first."""

from __future__ import annotations

import heapq

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.keys import CHUNK, item_keys
from labelloop.acquisition.margin import margin


@needs("probabilities", "labels")
def pick_balanced(context: Context, batch_size: int) -> Picks:
    """Give each pick to the class with the fewest labels, and take its row of the highest margin score.

    A row belongs to its likeliest class. Labels of a class are those there are and the picks made for it;
    among classes with equally many the first is served. A class without rows left is passed over.

    Returns:
        Picks without scores; probability 1.

    Time: O(n log n). Memory: 40 bytes a row.

    Source: class-balanced selection as in Aggarwal, Popescu and Hudelot (2020), Active learning for
    imbalanced datasets.
    """
    assert context.probabilities is not None
    assert context.labels is not None
    probabilities, candidates = np.asarray(context.probabilities), context.candidates
    likeliest: np.ndarray = np.empty(len(candidates), dtype=np.int32)
    for start in range(0, len(candidates), CHUNK):
        part = slice(start, start + CHUNK)
        likeliest[part] = probabilities[candidates[part]].argmax(axis=1)
    keys = item_keys(context, candidates, "balanced")
    order = np.lexsort((keys, -margin(probabilities, candidates), likeliest))
    n_classes = probabilities.shape[1]
    bounds = np.searchsorted(likeliest[order], np.arange(n_classes + 1))

    counts = np.bincount(context.labels[context.labels >= 0], minlength=n_classes)
    waiting = [(int(counts[c]), c) for c in range(n_classes) if bounds[c] < bounds[c + 1]]
    heapq.heapify(waiting)
    taken, places = bounds[:-1].copy(), np.empty(batch_size, dtype=np.int64)
    for turn in range(batch_size):
        count, c = heapq.heappop(waiting)
        places[turn] = order[taken[c]]
        taken[c] += 1
        if taken[c] < bounds[c + 1]:
            heapq.heappush(waiting, (count + 1, c))
    return Picks(candidates[places], np.full(batch_size, np.nan), np.ones(batch_size))
