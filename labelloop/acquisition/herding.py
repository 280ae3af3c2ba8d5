"""Herding: a batch that covers the pool under a kernel, all of it or where the model doubts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.canonical import canonical_order
from labelloop.acquisition.checked_values import check_values
from labelloop.acquisition.embeddings import Embeddings
from labelloop.acquisition.margin import margin
from labelloop.acquisition.points import (
    Block,
    Points,
    centred_reader,
    lower_minimum,
    points_of,
    squared_distances,
    squared_norms,
)

TARGETS = 4000
"""Many times a batch: where a radius holds little more than one target, targets themselves are picked, and a
few times a batch is too little to choose from."""
RADIUS_QUANTILE = 0.1
LEAST_WIDTH = 10
"""Numbers a point below which directions alone say too little, and lengths are left as they are."""
_RADIUS_SAMPLE = 2000
_MEAN_SAMPLE = 16_384
_KERNEL_NUMBERS = 1 << 18
_LOOKED_AT = 32
_LARGEST_SHARE = 1e36
"""The largest squared length over the squared radius."""


@needs("embeddings")
def pick_max_herding(
    context: Context,
    batch_size: int,
    *,
    targets: int = TARGETS,
    radius_quantile: float = RADIUS_QUANTILE,
    directions: bool = False,
) -> Picks:
    """Pick greedily what covers the pool best: the largest rise of ``sum_i max_j k(x_i, x_j)``.

    As `pick_uherding` with every row equally doubtful; it needs no model.

    Source: Bae, Noh and Sutherland (2024), Generalized coverage for more robust low-budget active learning.
    """
    return _pick(context, batch_size, targets, radius_quantile, directions)


@needs("probabilities", "embeddings")
def pick_uherding(
    context: Context,
    batch_size: int,
    *,
    targets: int = TARGETS,
    radius_quantile: float = RADIUS_QUANTILE,
    directions: bool = False,
    disagreement: float = 0.0,
) -> Picks:
    """Pick greedily what covers the doubtful part of the pool best: ``sum_i u_i max_j k(x_i, x_j)``.

    The sum is over random targets, u_i is the margin score of target i, j runs over labeled and picked rows,
    and ``k(x, y) = exp(-|x - y|^2 / r^2)``. The squared radius r^2 is a quantile of the labeled rows' squared
    distances to their nearest labeled neighbour, so it shrinks as labels come in; without two distinct
    labeled rows it is what it would be for a random batch. With `disagreement`, rows that lie close and are
    taken for different classes cover each other less: the kernel is ``exp(-|x - y|^2 / r^2 - disagreement *
    |sqrt(p) - sqrt(q)|^2)``, p and q being what the model says of the two.

    Args:
        targets: number of random candidates that stand for the pool.
        radius_quantile: in [0, 1].
        directions: scale points, the pool's mean taken off, to length 1, so that distances are those of
            directions (squared: twice the cosine distance). Points far out, of which there are many where
            features are standardised, are then no longer far from all others. Below `LEAST_WIDTH` numbers a
            point nothing is scaled.
        disagreement: weight of twice the squared Hellinger distance of predictions, 0 or more; that distance
            is 1 where two rows share no class.

    Where items have costs, the largest rise over the cost is picked: the cost-benefit greedy (Leskovec,
    Krause, Guestrin et al., 2007, Cost-effective outbreak detection in networks). Its batch is not compared
    with that of the plain greedy, as they do for a guarantee: that matters where one item takes about all
    the money.

    Returns:
        Picks with the rise of the sum, over the cost, as score; probability NaN: chance enters by the
        targets.

    Time: O(n d targets), and O(n) a pick beside rows that are looked at again because they may be the next.
    Memory: 50 bytes a row and the embeddings of targets and labeled; nothing n x n.

    Source: Bae, Oliveira and Sutherland (2024), Uncertainty herding: one active learning method for all label
    budgets; the greedy of Nemhauser, Wolsey and Fisher (1978).
    """
    assert context.probabilities is not None
    said = np.asarray(context.probabilities)
    return _pick(context, batch_size, targets, radius_quantile, directions, said, disagreement)


def _pick(
    context: Context,
    batch_size: int,
    targets: int,
    radius_quantile: float,
    directions: bool,
    said: np.ndarray | None = None,
    disagreement: float = 0.0,
) -> Picks:
    """Cover what is doubtful in `said`; everything alike without it."""
    assert context.embeddings is not None
    embeddings = context.embeddings
    rows = canonical_order(context, context.candidates, "herding")
    labeled = canonical_order(context, context.labeled, "herding")
    scaled = directions and embeddings.shape[1] >= LEAST_WIDTH
    read = _direction_reader(embeddings, rows) if scaled else centred_reader(embeddings, rows)

    # The first rows of a random order are a random sample.
    known = points_of(labeled[:_RADIUS_SAMPLE], read, embeddings.shape[1])
    stand_in = points_of(rows[: min(max(batch_size, 2), _RADIUS_SAMPLE)], read, embeddings.shape[1])
    scale = _squared_radius(known, radius_quantile) or _squared_radius(stand_in, radius_quantile) or 1.0
    width = embeddings.shape[1]
    if said is not None and disagreement > 0:
        # Labeled rows are read here as well; nothing is nearest to what is not a number.
        check_values("probabilities", said, labeled)
        read, width = _with_predictions(read, said, disagreement * scale), width + said.shape[1]

    points, sample = points_of(rows, read, width), points_of(rows[:targets], read, width)
    nearest = np.full(len(sample), np.inf, dtype=np.float32)
    lower_minimum(sample, nearest, read(labeled))
    weights = np.ones(len(sample), dtype=np.float32)
    if said is not None:
        weights = margin(said, sample.rows)
    # Nothing over the radius may exceed what float32 holds: what is not a number has no place in an order.
    scale = max(scale, float(points.norms.max(initial=0)) / _LARGEST_SHARE, 1 / _LARGEST_SHARE)
    costs = None if context.costs is None else context.costs[rows]
    picked, gains = _greedy(points, read(sample.rows), nearest, weights, scale, batch_size, costs)
    return Picks(rows[picked], gains, np.full(batch_size, np.nan))


def _direction_reader(embeddings: Embeddings, rows: np.ndarray) -> Callable[[np.ndarray], Block]:
    """Read embeddings less their mean, scaled to length 1; the mean itself stays at 0.

    Args:
        embeddings: shape (n, d), any float type, may be memory-mapped.
        rows: shape (m,), int64, in a random order: the mean is that of the first of them.
    """
    centre: np.ndarray = np.zeros(embeddings.shape[1], dtype=np.float64)
    sample = rows[:_MEAN_SAMPLE]
    for start in range(0, len(sample), _RADIUS_SAMPLE):
        centre += embeddings[sample[start : start + _RADIUS_SAMPLE]].sum(axis=0, dtype=np.float64)
    centre = (centre / max(1, len(sample))).astype(np.float32)

    def read(some: np.ndarray) -> Block:
        points = np.subtract(embeddings[some], centre, dtype=np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", points, points))
        points /= np.where(lengths > 0, lengths, 1)[:, None]
        return (points,)

    return read


def _with_predictions(
    read: Callable[[np.ndarray], Block], said: np.ndarray, weight: float
) -> Callable[[np.ndarray], Block]:
    """Points and, beside them, the roots of what the model says: squared distances add up, with a weight."""
    factor = np.float32(np.sqrt(weight))

    def read_both(some: np.ndarray) -> Block:
        roots = np.sqrt(said[some].astype(np.float32))
        roots *= factor
        return (np.concatenate([read(some)[0], roots], axis=1),)

    return read_both


def _greedy(
    points: Points,
    targets: Block,
    nearest: np.ndarray,
    weights: np.ndarray,
    scale: float,
    batch_size: int,
    costs: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Places of the picks and the gain of each, over the cost if there are costs; of equals the first place.

    A pick lowers gains and raises none. So those of earlier turns are bounds, and only the points with the
    highest are looked at again, twice as many each time, until one of them is the best.

    Source: Minoux (1978), Accelerated greedy algorithms for maximizing submodular set functions.
    """
    norms = squared_norms(targets)
    cover = np.exp(-nearest / np.float32(scale))
    gains = np.empty(len(points), dtype=np.float64)
    for part, block in points.blocks():
        gains[part] = _gains(block, points.norms[part], targets, norms, weights, cover, scale)
    if costs is not None:
        gains /= costs
    looked_at = np.zeros(len(points), dtype=np.int32)

    picked, worths = np.empty(batch_size, dtype=np.int64), np.empty(batch_size, dtype=np.float64)
    for turn in range(batch_size):
        count = _LOOKED_AT
        while looked_at[best := int(gains.argmax())] < turn:
            places = np.union1d(_highest(gains, count), [best])
            count = min(2 * count, len(points))
            places = places[(looked_at[places] < turn) & (gains[places] > -np.inf)]
            block = points.at(places)
            gains[places] = _gains(block, points.norms[places], targets, norms, weights, cover, scale)
            if costs is not None:
                gains[places] /= costs[places]
            looked_at[places] = turn
        picked[turn], worths[turn] = best, gains[best]
        gains[best] = -np.inf
        one = points.at(picked[turn : turn + 1])
        np.maximum(cover, _kernel(targets, norms, one, squared_norms(one), scale)[:, 0], out=cover)
    return picked, worths


def _highest(values: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` highest values, in any order."""
    return np.argpartition(-values, count)[:count] if count < len(values) else np.arange(len(values))


def _gains(
    block: Block,
    block_norms: np.ndarray,
    targets: Block,
    norms: np.ndarray,
    weights: np.ndarray,
    cover: np.ndarray,
    scale: float,
) -> np.ndarray:
    """What each point of a block would add to the coverage: shape (k,), float64."""
    gains = np.empty(len(block_norms), dtype=np.float64)
    step = max(64, _KERNEL_NUMBERS // max(1, len(weights)))
    for start in range(0, len(gains), step):
        few = slice(start, min(start + step, len(gains)))
        kernel = _kernel(tuple(factor[few] for factor in block), block_norms[few], targets, norms, scale)
        np.maximum(kernel, cover, out=kernel)
        kernel -= cover
        gains[few] = kernel @ weights
    return gains


def _kernel(
    block: Block, norms: np.ndarray, others: Block, other_norms: np.ndarray, scale: float
) -> np.ndarray:
    by_scale = np.float32(1 / scale)
    kernel = block[0] @ (others[0] * (2 * by_scale)).T
    kernel -= (norms * by_scale)[:, None]
    kernel -= other_norms * by_scale
    # Below exp(-80) is nothing to sums of float32, and denormal numbers are slow; above exp(0) is rounding.
    np.clip(kernel, -80, 0, out=kernel)
    return np.exp(kernel, out=kernel)


def _squared_radius(points: Points, quantile: float) -> float:
    """A quantile of the squared distances above 0 to the nearest other point; 0 where there is none."""
    everything = points.at(np.arange(len(points)))
    nearest = np.full(len(points), np.inf, dtype=np.float32)
    for part, block in points.blocks():
        distances = squared_distances(block, points.norms[part], everything, points.norms)
        distances[distances == 0] = np.inf
        nearest[part] = distances.min(axis=1)
    found = nearest[np.isfinite(nearest)]
    return float(np.quantile(found, quantile)) if len(found) else 0.0
