"""How far accuracy varies with the draw of its labels: seen on halves of the sample that was drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def halves(size: int, seed: int, splits: int = 4) -> list[np.ndarray]:
    """Positions of complementary halves of a sample, `2 * splits` of them, each in ascending order."""
    name = hashlib.sha256(f"halves/{seed}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(name[:8], "big"))
    orders = [rng.permutation(size) for _ in range(splits)]
    return [np.sort(half) for order in orders for half in (order[: size // 2], order[size // 2 :])]


def half_sample_sd(accuracies: list[float]) -> float:
    """How far the accuracy of the learner varies with the draw of its labels.

    Args:
        accuracies: of the learner trained on each of `halves`, in their order.

    Returns:
        Root of the mean of (a - b)^2 / 4 over complementary halves a and b. Halves of a random sample of a
        large pool are independent, so (a - b)^2 / 2 is an unbiased estimate of a half's variance; the whole's
        is half of that or less, since accuracy varies less the more is learned. From two splits the estimate
        was so rough that intervals were mostly given where it happened to be low: 90% intervals held 81%.

    Source: McCarthy (1969), Pseudo-replication: half samples.
    """
    pairs = np.asarray(accuracies, dtype=np.float64).reshape(-1, 2)
    return float(np.sqrt(((pairs[:, 0] - pairs[:, 1]) ** 2 / 4).mean()))
