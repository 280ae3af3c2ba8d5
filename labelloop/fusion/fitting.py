"""What the models fitted by expectation-maximisation share: checks of their options, and the result."""

from __future__ import annotations

import math

import numpy as np

from labelloop.errors import DataError, SettingsError
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.expectation_maximisation import (
    Answers,
    Estimate,
    Fit,
    expectation_maximisation,
    vote_shares,
)

TIE = 1e-9
"""Posteriors that differ by less than this share are equal: sums in another order differ that much."""


def fit(
    votes: Votes,
    answers: Answers,
    estimate: Estimate,
    *,
    gold: np.ndarray | None,
    item_prior: np.ndarray | None,
    warm_start: np.ndarray | None,
    class_weight: float | None,
    max_iter: int,
    tol: float,
) -> Fit:
    """Check what was given and run `expectation_maximisation`.

    It starts from the shares of votes, times the item prior where there is one, or from a warm start.

    Raises:
        DataError: an array has another shape than the votes ask for, or holds what it must not.
    """
    shape = (len(votes.items), len(votes.classes))
    gold = checked_gold(gold, shape)
    item_prior = checked_rows(item_prior, shape, "item_prior")
    warm_start = checked_rows(warm_start, shape, "warm_start")
    start = vote_shares(votes)
    if item_prior is not None:
        given = ~np.isnan(item_prior).any(axis=1)
        start[given] = (start[given] + 1 / shape[1]) * item_prior[given]
        start /= start.sum(axis=1, keepdims=True)
    if warm_start is not None:
        given = ~np.isnan(warm_start).any(axis=1)
        start[given] = warm_start[given]
    return expectation_maximisation(
        answers,
        start,
        estimate,
        gold=gold,
        item_prior=item_prior,
        class_weight=class_weight,
        max_iter=max_iter,
        tol=tol,
    )


def fused(posterior: np.ndarray, method: str, gold: np.ndarray | None = None) -> Fusion:
    """The result for a posterior: the first of the likeliest classes, and whether there are several."""
    posterior = posterior.astype(np.float64, copy=False)
    posterior = posterior / posterior.sum(axis=1, keepdims=True)
    greatest = posterior.max(axis=1, keepdims=True, initial=0.0)
    likeliest = posterior >= greatest * (1 - TIE)
    return Fusion(
        posterior=posterior,
        label=likeliest.argmax(axis=1).astype(np.int64),
        tie=likeliest.sum(axis=1) > 1,
        method=method,
        gold=None if gold is None else np.asarray(gold) >= 0,
    )


def with_gold(posterior: np.ndarray, gold: np.ndarray | None) -> np.ndarray:
    """A copy in which known items have their true class for certain."""
    posterior = np.array(posterior, dtype=np.float64)
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        posterior[known] = 0
        posterior[known, gold[known]] = 1
    return posterior


def check_stopping(max_iter: object, tol: object) -> None:
    """Refuse a number of iterations or a tolerance that is none."""
    if isinstance(max_iter, bool) or not isinstance(max_iter, int) or max_iter < 1:
        raise SettingsError(f"fusion.options.max_iter is {max_iter!r}; it must be a whole number from 1 on")
    if isinstance(tol, bool) or not isinstance(tol, int | float) or math.isnan(tol):
        raise SettingsError(f"fusion.options.tol is {tol!r}; it must be a number")


def check_weight(name: str, value: object, least: float = 0.0) -> None:
    """Refuse a prior weight that is no number above `least`."""
    if isinstance(value, bool) or not isinstance(value, int | float) \
            or not (math.isfinite(value) and value > least):  # fmt: skip
        raise SettingsError(f"fusion.options.{name} is {value!r}; it must be a number above {least:g}")


def checked_gold(gold: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray | None:
    """Gold as int64, or an error that says what is wrong with it."""
    if gold is None:
        return None
    gold = np.asarray(gold)
    if gold.shape != shape[:1] or gold.dtype.kind not in "iu":
        raise DataError(f"gold has shape {gold.shape} and type {gold.dtype}; it must be whole numbers of "
                        f"shape {shape[:1]}, one an item, -1 where the truth is not known")  # fmt: skip
    wrong = (gold < -1) | (gold >= shape[1])
    if wrong.any():
        raise DataError(f"gold of item {int(wrong.argmax())} is {gold[wrong][0]}; it must be -1 or a class "
                        f"from 0 to {shape[1] - 1}")  # fmt: skip
    return gold.astype(np.int64)


def checked_rows(rows: np.ndarray | None, shape: tuple[int, int], name: str) -> np.ndarray | None:
    """Probabilities an item as float64, rows of NaN allowed, or an error; None where there are no items."""
    if rows is None or shape[0] == 0:
        return None
    rows = np.asarray(rows, dtype=np.float64)
    if rows.shape != shape:
        raise DataError(f"{name} has shape {rows.shape}; the votes ask for {shape} (items, classes)")
    given = rows[~np.isnan(rows).any(axis=1)]
    if (given < 0).any() or not np.allclose(given.sum(axis=1), 1, atol=1e-3):
        raise DataError(f"{name} must hold probabilities: rows of 0 or more that sum to 1, or rows of NaN "
                        "where nothing is known")  # fmt: skip
    return rows
