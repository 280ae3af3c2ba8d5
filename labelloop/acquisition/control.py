"""The control arm: a plain random sample of the pool, whatever the strategy does.

Savings are measured by comparing what the strategy's labels taught with what random labels would have
taught, so the second must be exactly what random labels would have been:

- The order is fixed before anything is known. It is a function of the campaign's seed and the items' ids
  alone, so it is independent of every label, model and batch.
- The control sample of size m is the first m items of the order. Over the draw of the order every set of m
  items is equally likely: it is a simple random sample without replacement, with inclusion chance m / N.
- Samples of growing size are nested, so no label is bought twice.
- Membership does not depend on who asked. An item of the prefix that the strategy had labeled stays in the
  sample and costs nothing more. To skip to the next unlabeled item instead would be wrong: what a strategy
  leaves over is the easy part of the pool, and a sample of that flatters random and hides what was saved.
- The size depends on numbers of labels, never on what the labels say.

The strategy chooses among the items that are not labeled yet, which the control sample changes a little;
that moves the strategy's arm, not the control's.
"""

from __future__ import annotations

import math

import numpy as np

PURPOSE = "control"
"""Of the keys that make the order: the items that may be asked about, by `id_keys` with the campaign's seed,
the lowest first. So it is the same for every order of the pool's rows, and an item that is added or removed
leaves the order of the others as it is. `labelloop.stages.pool_order` makes its beginning."""


def control_rows(order: np.ndarray, planned_labels: float, share: float = 1.0) -> np.ndarray:
    """The control sample: the first ``ceil(share * planned_labels)`` of `order`.

    Args:
        order: shape (n,), rows of the pool in the order of `PURPOSE`; its beginning is enough.
        planned_labels: labels of the campaign once this round's batch is labeled.
        share: part of them that is the control sample, in [0, 1].
    """
    # 0.07 * 100 is a little over 7 in floating point, and 8 would be one item too many.
    return order[: math.ceil(share * planned_labels - 1e-9)]


def choose_control(order: np.ndarray, planned_labels: float, share: float, labeled: np.ndarray) -> np.ndarray:
    """Rows of the control sample that are still to be asked, in the order of the sample.

    Args:
        order: see `control_rows`.
        planned_labels: see `control_rows`.
        share: see `control_rows`.
        labeled: rows that are labeled or asked already, by whatever arm.
    """
    sample = control_rows(order, planned_labels, share)
    return sample[~np.isin(sample, labeled)]
