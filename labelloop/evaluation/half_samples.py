"""What half of a random sample of labels teaches, and how far that varies: seen on many halves of it.

Two complementary halves of a random sample of a large pool are independent random samples. So they show what
so many labels are worth in the mean, and by how much their accuracies differ, what luck there is in the draw.
For samples as large as the whole neither could be seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SPLITS = 8
GROWTH = 1.25
"""By what factor a sample has grown when its halves are worth training on anew. With few labels a fit takes
nearly as long as with many, and there are `2 * SPLITS` of them: done for every label or two they would cost a
multiple of all that the campaign itself trains."""


def halves(size: int, seed: int, splits: int = SPLITS) -> list[np.ndarray]:
    """Positions of complementary halves of a sample, `2 * splits` of them, each in ascending order.

    All have size // 2; of an odd number one is left out at random.
    """
    name = hashlib.sha256(f"halves/{seed}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(name[:8], "big"))
    half = size // 2
    orders = [rng.permutation(size) for _ in range(splits)]
    return [np.sort(part) for order in orders for part in (order[:half], order[half : 2 * half])]


def is_due(size: int, known: int) -> bool:
    """Whether halves of a sample are to be trained on, by numbers of labels alone.

    Args:
        size: of the sample now.
        known: of the sample whose halves were trained on last; 0 where there is none.
    """
    return not known or size >= GROWTH * known


@dataclass(frozen=True)
class HalfSamples:
    """What learners trained on `halves` of a sample get right."""

    sample: int
    """Labels of the whole sample."""
    right: np.ndarray
    """Shape (2 * splits, test_items), bool: by the learner on each half, in the order of `halves`."""

    @property
    def labels(self) -> int:
        """Of a half."""
        return self.sample // 2

    @property
    def items(self) -> int:
        """Test items."""
        return int(np.shape(self.right)[1])

    @cached_property
    def by_item(self) -> np.ndarray:
        """Shape (test_items,): share of the halves that get it right."""
        return np.asarray(np.mean(self.right, axis=0, dtype=np.float64))

    @property
    def accuracy(self) -> float:
        """Mean over the halves."""
        return float(self.by_item.mean())

    @cached_property
    def _apart(self) -> np.ndarray:
        pairs = np.asarray(self.right, dtype=np.float64).reshape(-1, 2, self.items)
        return np.asarray(pairs[:, 0] - pairs[:, 1])

    @cached_property
    def difference(self) -> float:
        """Mean square of the difference in accuracy between complementary halves."""
        return float((self._apart.mean(axis=1) ** 2).mean())

    @cached_property
    def variance(self) -> float:
        """Of a half's accuracy over draws of its labels, on all items there are.

        Half of `difference`, less what is in that because another test set would show another difference.
        """
        of_test = float(self._apart.var(axis=1).mean()) / max(self.items - 1, 1)
        return max(0.0, self.difference - of_test) / 2

    @property
    def sd_of_whole(self) -> float:
        """Standard deviation of the whole sample's accuracy over draws, the luck of the test set with it.

        The variance is taken for half of a half's. Source: McCarthy (1969), Pseudo-replication.
        """
        return float(np.sqrt(self.difference / 4))

    @property
    def freedom(self) -> float:
        """Degrees of freedom of `difference`.

        With splits K of n labels K (n - 1) / (K + n - 1): K splits at random tell as much as K independent
        pairs would, were the sample endless, and never more than its n labels do.
        """
        splits, others = len(self._apart), self.sample - 1
        return splits * others / (splits + others)
