"""The draw of k-means++: points with a chance proportional to the squared distance to what is picked already.

One pass over the pool for every draw would be needed to know all squared distances. They only fall, though,
so those of some draws ago are upper bounds: a point is proposed with a chance proportional to its bound and
taken with the chance (distance now / bound), which is the same distribution exactly (rejection sampling). A
pass brings the bounds up to date when too many proposals were refused.
"""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.points import Points, lower_minimum, squared_distances, squared_norms

REFUSED = 64
"""Refused proposals beyond the taken ones that are cheaper than a pass over the pool."""


def draw_spread(points: Points, batch_size: int, random: np.random.Generator) -> np.ndarray:
    """Draw distinct points by squared distance; the first one is that of the largest norm.

    Where all points left lie on picked ones, the first of them follow.

    Returns:
        Places in `points`, shape (batch_size,), int64, in the order of the draw.

    Source: Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding; started as Ash et
    al. (2020) do.
    """
    picked = np.empty(batch_size, dtype=np.int64)
    bounds = np.full(len(points), np.inf, dtype=np.float32)
    picked[0], done, seen = points.norms.argmax(), 1, 0
    while done < batch_size:
        lower_minimum(points, bounds, points.at(picked[seen:done]))
        bounds[picked[:done]] = 0
        seen = done
        sums = np.cumsum(bounds, dtype=np.float64)
        if sums[-1] == 0:
            left = np.ones(len(points), dtype=bool)
            left[picked[:done]] = False
            picked[done:] = np.flatnonzero(left)[: batch_size - done]
            break
        done = _draw_by_bounds(points, bounds, sums, picked, done, random)
    return picked


def _draw_by_bounds(
    points: Points,
    bounds: np.ndarray,
    sums: np.ndarray,
    picked: np.ndarray,
    done: int,
    random: np.random.Generator,
) -> int:
    """Draw into `picked` until it is full or too many were refused; return how many there are."""
    seen, refused = done, 0
    centres = tuple(
        np.empty((len(picked) - done, factor.shape[1]), np.float32) for factor in points.at(picked[:1])
    )
    norms = np.empty(len(picked) - done, dtype=np.float32)
    while done < len(picked) and refused <= REFUSED + done - seen:
        place = min(int(sums.searchsorted(random.random() * sums[-1], side="right")), len(sums) - 1)
        one, since = points.at(np.array([place])), slice(0, done - seen)
        # Bounds of a moment ago are distances; they are not computed again, by another kernel, and perhaps 0.
        distance = bounds[place]
        if done > seen:
            some = tuple(factor[since] for factor in centres)
            to_new = squared_distances(one, points.norms[place : place + 1], some, norms[since])
            distance = min(distance, to_new.min())
        if place in picked[seen:done] or random.random() * bounds[place] >= distance:
            refused += 1
            continue
        picked[done] = place
        for factor, given in zip(centres, one, strict=True):
            factor[done - seen] = given[0]
        norms[done - seen] = squared_norms(one)[0]
        done += 1
    return done
