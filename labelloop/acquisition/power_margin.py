"""Power margin: the margin score with as much chance as keeps a batch from being many times the same item."""

from __future__ import annotations

import math

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.keys import CHUNK, item_keys
from labelloop.acquisition.margin import margin

_SMALLEST = 1e-7
"""A score of 0 counts as this, the resolution of float32: next to no chance, but some."""


@needs("probabilities")
def pick_power_margin(context: Context, batch_size: int, *, power: float = 1.0) -> Picks:
    """Draw rows with chances proportional to ``margin ** power``, without replacement.

    The highest of ``power * log(score) + Gumbel noise`` are such a draw. The noise belongs to the item.

    Args:
        power: 0 or more; 0 is random, a large one the plain margin.

    Returns:
        Picks with the noisy values as scores. The probability is the inclusion chance at the threshold t that
        the highest row not picked sets, ``1 - exp(-exp(value - t))``; estimates weighted by it are unbiased.
        The chance of each draw is ``margin ** power`` over its sum over the rows not drawn before.

    Time: O(n). Memory: 40 bytes a row.

    Source: Kirsch, Farquhar, Atighehchian et al. (2023), Stochastic batch acquisition; Kool, van Hoof and
    Welling (2019), Stochastic beams and where to find them, for the chances.
    """
    assert context.probabilities is not None
    return draw_by_power(margin(context.probabilities, context.candidates), context, batch_size, power)


def draw_by_power(scores: np.ndarray, context: Context, batch_size: int, power: float) -> Picks:
    """As `pick_power_margin`, for any scores in [0, 1]: shape (n_candidates,), in the candidates' order.

    Where items have costs the chances are proportional to ``score ** power / cost``.
    """
    candidates = context.candidates
    values = power * np.log(np.maximum(scores, np.float32(_SMALLEST)), dtype=np.float64)
    if context.costs is not None:
        values -= np.log(context.costs[candidates])
    keys, noisy = item_keys(context, candidates, "power"), values.copy()
    for start in range(0, len(candidates), CHUNK):
        part = slice(start, start + CHUNK)
        noisy[part] -= np.log(-np.log(_uniform(keys[part])))

    count = len(noisy)
    last = np.argpartition(noisy, count - batch_size)[count - batch_size :]
    chosen = last[np.lexsort((candidates[last], -noisy[last]))]
    chances: np.ndarray = np.ones(batch_size)
    if batch_size < count:
        threshold = np.partition(noisy, count - batch_size - 1)[count - batch_size - 1]
        chances = -np.expm1(-np.exp(np.minimum(values[chosen] - threshold, 700)))
    chances = np.clip(chances, np.finfo(np.float64).tiny, 1)
    return Picks(candidates[chosen], noisy[chosen], chances, draws=_draws(values, chosen))


def _draws(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Chance of each draw, given the ones before it: its weight over those of all that are left."""
    rest = np.ones(len(values), dtype=bool)
    rest[chosen] = False
    others, left = values[rest], -np.inf
    if len(others):
        highest = others.max()
        # An exact sum: the order of the pool must not decide its last bit.
        left = highest + math.log(math.fsum(np.exp(others - highest)))
    after = np.logaddexp.accumulate(np.append(left, values[chosen][::-1]))[1:][::-1]
    return np.clip(np.exp(values[chosen] - after), np.finfo(np.float64).tiny, 1)


def _uniform(keys: np.ndarray) -> np.ndarray:
    """Keys as numbers between 0 and 1, both left out: 52 bits, and half a step."""
    return (np.asarray(keys >> np.uint64(12), dtype=np.float64) + 0.5) * 2.0**-52
