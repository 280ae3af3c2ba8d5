"""Confidence that means what it says: blending with the votes, and a temperature fitted on gold.

Annotators who share an error are taken for independent by every model here, so posteriors come out too sure,
the more so the more votes there are. Both corrections, and caution without gold, work against that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from labelloop.errors import SettingsError
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.fitting import checked_gold, fused
from labelloop.fusion.majority import majority

LEAST_GOLD = 10
"""Items of gold below which no temperature is fitted: it would follow chance."""
LEAST_PROBABILITY = 1e-12
SHARED = 0.1
"""Correlation of votes on one item that is taken for granted where no gold says better; see `cautious`."""
_LOG_RANGE = (math.log(0.1), math.log(50.0))


def conclude(
    votes: Votes,
    run: Callable[[np.ndarray | None, np.ndarray | None], np.ndarray],
    method: str,
    *,
    gold: np.ndarray | None,
    warm_start: np.ndarray | None,
    blend_votes: bool,
    temperature: float | None,
) -> Fusion:
    """Run a method and calibrate what it says.

    The temperature is fitted on a posterior that was made without gold, since the method would otherwise
    be judged on what it was told; the labels are then made with gold, starting from there.

    Args:
        run: `run(gold, warm_start)` gives a posterior, shape (n_items, n_classes).
        temperature: what log posteriors are divided by; None fits it where there are at least `LEAST_GOLD`
            items of gold with votes, and is 1 elsewhere.
    """
    gold = checked_gold(gold, (len(votes.items), len(votes.classes)))
    voted = np.bincount(votes.item, minlength=len(votes.items)) > 0
    known = np.flatnonzero((gold >= 0) & voted) if gold is not None else np.empty(0, dtype=np.int64)
    if gold is not None and temperature is None and len(known) >= LEAST_GOLD:
        blind = run(None, warm_start)
        shown = blended(blind, votes) if blend_votes else blind
        temperature = fitted_temperature(shown[known], gold[known])
        warm_start = blind / blind.sum(axis=1, keepdims=True, dtype=np.float64)
    posterior = run(gold, warm_start)
    if blend_votes:
        posterior = blended(posterior, votes)
        method += "+blend/1"
    result = fused(with_gold(posterior, gold), method, gold)
    if temperature is None or temperature == 1:
        return result
    warm = fused(with_gold(tempered(posterior, temperature), gold), f"{method}+temperature/1", gold)
    # A temperature cannot change which class is likeliest, and rounding must not either.
    return dataclasses.replace(
        warm, label=result.label, tie=result.tie, raw=result.posterior, temperature=temperature
    )


def blended(posterior: np.ndarray, votes: Votes, smoothing: float = 1.0) -> np.ndarray:
    """The normalised geometric mean of a posterior and the smoothed shares of votes.

    Probabilities below `LEAST_PROBABILITY` count as that: of items of which a model is quite certain, those
    with fewer votes against them stay the surer ones.

    Args:
        posterior: shape (n_items, n_classes), rows sum to 1.
        smoothing: see `majority`.

    Returns:
        Shape (n_items, n_classes), float64, rows sum to 1.
    """
    mean = np.sqrt(np.maximum(posterior, LEAST_PROBABILITY) * majority(votes, smoothing=smoothing).posterior)
    rows: np.ndarray = mean / mean.sum(axis=1, keepdims=True)
    return rows


def tempered(posterior: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """Divide log probabilities by `temperature`, one or a column of them; shape and order of classes stay."""
    logs = np.log(np.maximum(posterior, LEAST_PROBABILITY)) / temperature
    logs -= logs.max(axis=1, keepdims=True)
    np.exp(logs, out=logs)
    rows: np.ndarray = logs / logs.sum(axis=1, keepdims=True)
    return rows


def cautious(fusion: Fusion, votes: Votes, heard: np.ndarray | None = None) -> Fusion:
    """The same labels with the confidence of votes that share errors, for where no gold calibrates it.

    An item's log posterior is divided by 1 + (n - 1) `SHARED`, with n its votes: what n votes of which each
    two are correlated so much tell is worth n over that many. Gold stays certain. The constant is the
    smallest that any leave-one-set-out choice took, by calibration error on seven real crowds with 3, 5 and
    every vote; there are crowds that would need five times of it, and some that would need none. A model's
    word is one vote more: it was trained on people's labels, and shares their errors.

    Args:
        heard: shape (n_items,), bool: items about which a model's word was heard.

    Source: the design effect of Kish (1965), Survey sampling, section 5.4.
    """
    total = np.bincount(votes.item, minlength=len(votes.items))
    if heard is not None:
        total = total + heard
    shown = tempered(fusion.posterior, 1 + SHARED * np.maximum(total - 1, 0)[:, None])
    if fusion.gold is not None:
        shown[fusion.gold] = fusion.posterior[fusion.gold]
    # What was made without a model is as it was under version 1.
    method = f"{fusion.method}+caution/{1 if heard is None else 2}"
    return dataclasses.replace(fusion, posterior=shown, raw=fusion.posterior, method=method)


def calibration_told(fusion: Fusion, gold_items: int, options: Mapping[str, Any] | None = None) -> str:
    """Whether confidence means what it says, in words.

    Args:
        gold_items: items of gold with votes.
        options: those that the method was given.
    """
    if fusion.temperature is not None:
        as_set = (options or {}).get("temperature") is not None
        rests = ", as set" if as_set else f", fitted on {gold_items} items of gold"
        return f"confidence is calibrated (temperature {fusion.temperature:.2f}{rests})"
    if not gold_items:
        return f"confidence is not calibrated: no gold ({LEAST_GOLD} items would do)"
    if gold_items < LEAST_GOLD:
        return f"confidence is not calibrated: {gold_items} items of gold with votes, {LEAST_GOLD} are needed"
    return "confidence is not calibrated: the method takes no gold, or temperature is set to 1"


def fitted_temperature(posterior: np.ndarray, truth: np.ndarray) -> float:
    """The temperature with the least log loss on known items.

    A normal prior on its logarithm, mean 0 and deviation 1, keeps few items that happen to be all right from
    making everything certain; from 50 items on it hardly matters.

    Args:
        posterior: shape (n, n_classes), made without knowing `truth`.
        truth: shape (n,), int64.

    Source: Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks.
    """
    rows = np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        right = tempered(posterior, math.exp(log_temperature))[rows, truth]
        return float(-np.log(right).sum() + log_temperature**2 / 2)

    found = minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded", options={"xatol": 1e-4})
    return float(math.exp(found.x))


def with_gold(posterior: np.ndarray, gold: np.ndarray | None) -> np.ndarray:
    """A copy in which known items have their true class for certain."""
    posterior = np.array(posterior, dtype=np.float64)
    if gold is not None:
        known = np.flatnonzero(gold >= 0)
        posterior[known] = 0
        posterior[known, gold[known]] = 1
    return posterior


def check_calibration(blend_votes: object, temperature: object) -> None:
    """Refuse options that are none."""
    if not isinstance(blend_votes, bool):
        raise SettingsError(f"fusion.options.blend_votes is {blend_votes!r}; it must be true or false")
    if temperature is None:
        return
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) \
            or not (math.isfinite(temperature) and temperature > 0):  # fmt: skip
        raise SettingsError(f"fusion.options.temperature is {temperature!r}; it must be a number above 0, or "
                            "null to fit it on gold")  # fmt: skip
