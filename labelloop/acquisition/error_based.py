"""Error-based: ask about items that are like those the model gets wrong."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.canonical import canonical_order
from labelloop.acquisition.embeddings import rows_with
from labelloop.acquisition.k_means import Clusters, take_turns
from labelloop.acquisition.named import rows_named
from labelloop.acquisition.points import centred_reader, points_of, squared_distances, squared_norms
from labelloop.acquisition.top import pick_highest

MOST_ERRORS = 500
_LEAST_SHARE = 0.1


@needs("probabilities", "embeddings", "labels", doubt=False)
def pick_error_based(context: Context, batch_size: int, *, wrong: Sequence[int | str] = ()) -> Picks:
    """Pick the unlabeled neighbours of errors: the nearest one of each error, then the second nearest.

    A row belongs to the error it is nearest to; errors with many such rows come first.

    Args:
        wrong: errors that are known from elsewhere, such as users' complaints: ids of items, or row numbers.
            Without them the errors are labeled rows to whose label the model gives less probability than to
            another class; where there is none, the tenth of the labeled rows with the least probable labels.
            The model is one that was trained without the row's label, where the context has it (`held_out`):
            a learner that knows its labels by heart is never wrong about them.
            At most `MOST_ERRORS`: of named ones those that cover the rest, of found ones those of the highest
            loss. Test items among the named ones are left aside, and the reason says so.

    Returns:
        Picks without scores; probability 1. With nothing labeled and nothing wrong, the rows of the least
        confident predictions.

    Raises:
        SettingsError: an id or row of `wrong` is not in the pool.

    Time: O(n d errors), in matrix products. Memory: 60 bytes a row and the errors' embeddings.

    Source: query by the nearest neighbours of errors, as in Sener and Savarese's covers restricted to where
    the loss is; in production use as error mining.
    """
    assert context.probabilities is not None
    assert context.embeddings is not None
    errors, said = _rows_named(context, wrong)
    if len(errors) == 0:
        errors = _errors(context)
    if len(errors) == 0:
        doubts = 1 - np.asarray(context.probabilities)[context.candidates].max(axis=1)
        return replace(pick_highest(doubts.astype(np.float32), context, batch_size), reason=said)
    embeddings = context.embeddings
    rows = canonical_order(context, context.candidates, "error_based")
    errors = canonical_order(context, np.sort(errors), "error_based")
    read = centred_reader(embeddings, rows)
    points = points_of(rows, read, embeddings.shape[1])
    centres = read(errors)
    norms = squared_norms(centres)
    nearest, distance = np.empty(len(rows), dtype=np.int32), np.empty(len(rows), dtype=np.float32)
    step = max(64, (1 << 18) // len(errors))
    for part, block in points.blocks():
        for start in range(part.start, part.stop, step):
            few = slice(start, min(start + step, part.stop))
            inside = slice(few.start - part.start, few.stop - part.start)
            some = tuple(factor[inside] for factor in block)
            squared = squared_distances(some, points.norms[few], centres, norms)
            nearest[few] = squared.argmin(axis=1)
            distance[few] = squared.min(axis=1)
    uncovered = np.zeros(len(errors), dtype=bool)
    picks = take_turns(Clusters(rows, nearest, distance, uncovered), distance, batch_size, chance=1.0)
    return replace(picks, reason=said)


def _errors(context: Context) -> np.ndarray:
    assert context.probabilities is not None
    assert context.labels is not None
    has_label = context.labels >= 0
    rows, labels = context.labeled[has_label], context.labels[has_label]
    if len(rows) == 0:
        return rows
    said = np.asarray(context.probabilities)[rows].astype(np.float32)
    if context.held_out is not None:
        unseen = context.held_out(rows).astype(np.float32)
        said = np.where(np.isnan(unseen).any(axis=1, keepdims=True), said, unseen)
    given = said[np.arange(len(rows)), labels]
    errors = np.flatnonzero(given < said.max(axis=1))
    if len(errors) == 0:
        errors = np.arange(len(rows))
        most = max(1, int(np.ceil(_LEAST_SHARE * len(rows))))
    else:
        most = MOST_ERRORS
    return _least(context, rows[errors], given[errors], min(most, MOST_ERRORS))


def _least(context: Context, rows: np.ndarray, given: np.ndarray, most: int) -> np.ndarray:
    """The rows whose labels are the least probable; ties by key."""
    order = canonical_order(context, rows, "errors")
    return order[np.argsort(given[np.searchsorted(rows, order)], kind="stable")[:most]]


def _rows_named(context: Context, wrong: Sequence[int | str]) -> tuple[np.ndarray, str]:
    """Rows of the errors that may be used, and what is to be said about the others."""
    assert context.embeddings is not None
    ids = context.ids
    find = None if ids is None else functools.partial(rows_with, ids)
    rows = np.unique(rows_named(wrong, len(context.embeddings), find))
    said = []
    if context.reserved is not None and np.isin(rows, context.reserved).any():
        tested = np.isin(rows, context.reserved)
        said.append(f"{tested.sum()} of {len(rows)} errors named are test items and were left aside.")
        rows = rows[~tested]
    if len(rows) > MOST_ERRORS:
        said.append(f"Of {len(rows)} errors named the {MOST_ERRORS} that lie farthest apart were followed.")
        rows = _apart(context, rows)
    return rows, " ".join(said)


def _apart(context: Context, rows: np.ndarray) -> np.ndarray:
    """`MOST_ERRORS` rows that cover the others: first the one nearest to the mean, then always the farthest.

    No chance and no order of the pool is in it: rows go by id, or by content where there are none.

    Source: Gonzalez (1985), Clustering to minimize the maximum intercluster distance.
    """
    assert context.embeddings is not None
    points = context.embeddings[rows].astype(np.float32)
    order = np.lexsort(points.T[::-1]) if context.ids is None else np.argsort(context.ids[rows].astype(str))
    rows, points = rows[order], points[order] - points[order].mean(axis=0)
    picked = [int(np.einsum("ij,ij->i", points, points).argmin())]
    left = np.full(len(rows), np.inf, dtype=np.float32)
    while len(picked) < MOST_ERRORS:
        step = points - points[picked[-1]]
        left = np.minimum(left, np.einsum("ij,ij->i", step, step))
        left[picked] = -1
        picked.append(int(left.argmax()))
    return rows[picked]
