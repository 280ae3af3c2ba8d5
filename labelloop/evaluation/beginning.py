"""The campaign's curve below its first batch: what its first few labels taught.

The control arm is a part of the labels, so for many rounds it is smaller than the campaign's first batch, and
the campaign's curve begins above all that random labels have reached. But a batch is chosen in an order. Its
first k items, of either arm in its share, are the labels that the campaign bought first, and a learner on
them shows what those were worth. That holds for every order that does not look at the labels. Where a
strategy does not mean its order (it chose the batch as a whole), a campaign with a first batch of k would
have picked better, so the savings are understated.
"""

from __future__ import annotations

import math

import numpy as np

SMALLEST_PART = 8
"""The smallest is the fewest control labels over this. Half of those are compared with, so from the first
word on savings of three quarters can be seen."""
APART = 1.8
"""By what factor neighbouring sizes are apart at most: the curve is read between them."""


def beginning_sizes(known: int, first_batch: int, fewest: int) -> list[int]:
    """After how many of the first batch's items the curve gets a point, ascending, evenly by ratio.

    Args:
        known: labels that were there before anybody was asked.
        first_batch: items of strategy and control in round r000.
        fewest: control labels below which no savings are told.
    """
    smallest, whole = max(known, fewest / SMALLEST_PART), known + first_batch
    if not first_batch or smallest >= whole:
        return []
    steps = math.ceil(math.log(whole / smallest) / math.log(APART))
    sizes = {math.ceil(size - 1e-9) - known for size in np.geomspace(smallest, whole, steps + 1)[:-1]}
    return sorted(size for size in sizes if 0 < size < first_batch)


def first_items(strategy: list[str], control: list[str], size: int, share: float) -> list[str]:
    """The first items that a batch holds, in their order: control's share of `size`, and strategy's picks.

    Args:
        strategy, control: items of either arm of the first batch, in the order in which they were chosen.
        size: how many.
        share: of them that is control's, rounded up.
    """
    of_control = min(math.ceil(share * size - 1e-9), len(control))
    of_strategy = min(size - of_control, len(strategy))
    return [*control[: size - of_strategy], *strategy[:of_strategy]]
