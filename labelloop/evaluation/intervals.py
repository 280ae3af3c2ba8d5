"""Intervals for shares."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(correct: int, total: int, coverage: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share, such as an accuracy of `correct` out of `total`.

    It stays within [0, 1] and is not empty at 0 and 1, where the textbook interval is.

    Args:
        correct: 0 .. total.
        total: 1 or more.
        coverage: chance to hold the true share, in (0, 1).

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(f"no share: {correct} of {total}")
    z = NormalDist().inv_cdf((1 + coverage) / 2)
    share = correct / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At the ends the formula is exact but its arithmetic is not.
    low = 0.0 if correct == 0 else (middle - half) / scale
    high = 1.0 if correct == total else (middle + half) / scale
    return low, high
