"""Greedy picks by distance to what is covered, without a pass over the pool for every pick.

Minimum distances only fall as picks are made. So a value that was computed some picks ago is an upper bound
of today's, and as long as the best of a shortlist is at or above all bounds outside, it is the best of the
pool. Only when it no longer is, one pass brings all bounds up to date, with one matrix product a block for
all picks since the last. The picks are those of the plain greedy; the passes are a few instead of one a
pick.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labelloop.acquisition.points import Points, lower_minimum, squared_distances, squared_norms

SHORTLIST = 4096
"""Points whose distances are up to date after every pick."""

Value = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Takes squared distances, shape (k,), float32, and the places of those points; gives how much each is worth,
shape (k,), float32, at least 0, never higher for a smaller distance."""


def pick_greedily(
    points: Points, minimum: np.ndarray, value: Value, batch_size: int, *, shortlist: int = SHORTLIST
) -> tuple[np.ndarray, np.ndarray]:
    """Pick the point of the highest value again and again, each pick being covered from then on.

    Args:
        points: the candidates. Among equal values the first one is picked.
        minimum: shape (n,), float32: squared distances to what is covered already, infinite for nothing.
            Lowered in place.
        value: see `Value`.

    Returns:
        Places in `points` and their values when picked: shapes (batch_size,), int64 and float32.

    Source: Gonzalez (1985) for the greedy; Minoux (1978), Accelerated greedy algorithms, for lazy bounds.
    """
    picked, worths = np.empty(batch_size, dtype=np.int64), np.empty(batch_size, dtype=np.float32)
    everywhere, done, seen = np.arange(len(points)), 0, 0
    while done < batch_size:
        lower_minimum(points, minimum, points.at(picked[seen:done]))
        seen = done
        worth = value(minimum, everywhere)
        worth[picked[:done]] = -np.inf
        places = _highest(worth, min(shortlist, len(points) - done))
        now = worth[places]
        worth[places] = -np.inf
        # The best of those outside; of equals the first, as everywhere.
        rival = int(worth.argmax())
        bound = worth[rival]
        del worth

        block, norms, near = points.at(places), points.norms[places], minimum[places]
        while done < batch_size:
            best = int(now.argmax())
            if now[best] < bound or (now[best] == bound and places[best] > rival):
                break
            picked[done], worths[done] = places[best], now[best]
            done += 1
            centre = tuple(factor[best : best + 1] for factor in block)
            np.minimum(near, squared_distances(block, norms, centre, squared_norms(centre))[:, 0], out=near)
            gone = np.isneginf(now)
            now = value(near, places)
            now[gone] = -np.inf
            now[best] = -np.inf
    return picked, worths


def _highest(worth: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` highest, ascending; among equals at the threshold the first ones."""
    threshold = np.partition(worth, len(worth) - count)[len(worth) - count]
    above = np.flatnonzero(worth > threshold)
    tied = np.flatnonzero(worth == threshold)[: count - len(above)]
    return np.sort(np.concatenate([above, tied]))
