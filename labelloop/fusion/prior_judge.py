"""Does a model's word make labels better? Judged where the model can have had no part in the truth.

A model that was trained on labels which it has shaped itself agrees with them, and makes the votes of these
items likelier, whether it is right or not. It cannot do so where nothing was ever trained on the item and the
truth comes from elsewhere: gold, and a reviewer's word about items drawn at random. And where nobody knows
the truth, but the model was kept out, as in the control arm, its word must not make the votes less likely.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from labelloop.fusion.ordinal import medians

LEAST_KNOWN = 20
"""Items whose truth is known below which labels are not judged by it."""
LEAST_APART = 50
"""Items that the model was kept out of below which their votes do not judge."""
SURELY = 2.0
"""Standard errors by which the log loss, or the votes' likelihood, must be worse."""
LEAST_CHANCE = 0.025
"""Chance of so many more wrong labels, were both as good, below which the model is surely worse."""
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True)
class Judgement:
    """What known items, and the votes of items that the model was kept out of, say of its word."""

    known: int = 0
    """Items whose truth is known, with votes and a prediction."""
    right_with: int = 0
    right_without: int = 0
    loss_with: float | None = None
    """Mean log loss on them, in nats; None where there are too few to be looked at."""
    loss_without: float | None = None
    apart: int = 0
    """Items that the model was kept out of, with votes and a prediction."""
    apart_gain: float | None = None
    """Nats an item by which their votes are likelier with the model; None where there are too few."""
    against: str = ""
    """What shows that the model makes labels worse; empty where nothing does."""

    @property
    def told(self) -> str:
        """In words; empty where nothing could be judged."""
        said = []
        if self.loss_with is not None:
            said.append(
                f"on {self.known} items whose truth is known {self.right_with} labels are right with it and "
                f"{self.right_without} without, with a log loss of {self.loss_with:.3f} and "
                f"{self.loss_without:.3f}"
            )
        if self.apart_gain is not None:
            said.append(f"it makes the votes about {self.apart} items that it was kept out of "
                        f"{self.apart_gain:+.3f} nats an item likelier")  # fmt: skip
        return "; ".join(said)

    @property
    def figures(self) -> dict[str, Any]:
        """JSON-like."""
        return dict(vars(self))


def judged(
    with_model: np.ndarray,
    without: np.ndarray,
    truth: np.ndarray,
    gains: np.ndarray | None = None,
    *,
    ordered: bool = False,
) -> Judgement:
    """Compare two posteriors of the same items, both made without knowing the truth.

    The model is surely worse where labels are wrong more often (sign test on the items on which exactly one
    is right; where classes have an order, on those of which one is nearer), where the log loss is higher, or
    where votes are less likely, by `SURELY` standard errors.

    Args:
        with_model, without: shape (n, n_classes), rows sum to 1.
        truth: shape (n,), int64.
        gains: shape (m,), of each item that the model was kept out of: nats by which its votes are likelier
            with the model.
        ordered: classes have an order, and the label is the posterior's median; see `ordinal`.

    Source: paired comparison as in Dietterich (1998), Approximate statistical tests for comparing supervised
    classification learning algorithms.
    """
    rows = np.arange(len(truth))
    found: dict[str, Any] = {"known": len(truth)}
    against = []
    if len(truth) >= LEAST_KNOWN:
        off, off_without = (_steps_off(one, truth, ordered) for one in (with_model, without))
        loss, loss_without = (
            -np.log(np.maximum(one[rows, truth], LEAST_PROBABILITY)) for one in (with_model, without)
        )
        found |= {"right_with": int((off == 0).sum()), "right_without": int((off_without == 0).sum()),
                  "loss_with": float(loss.mean()), "loss_without": float(loss_without.mean())}  # fmt: skip
        worse, better = int((off > off_without).sum()), int((off < off_without).sum())
        if binom.sf(worse - 1, worse + better, 0.5) < LEAST_CHANCE:
            against.append("more labels are further off" if ordered else "more labels are wrong")
        elif _surely_above_zero(loss - loss_without):
            against.append("the log loss is higher")
    if gains is not None and len(gains):
        found["apart"] = len(gains)
        if len(gains) >= LEAST_APART:
            found["apart_gain"] = float(gains.mean())
            if _surely_above_zero(-gains):
                against.append("votes it was kept out of are less likely")
    return Judgement(**found, against=", and ".join(against))


def _steps_off(posterior: np.ndarray, truth: np.ndarray, ordered: bool) -> np.ndarray:
    """How far the label is off; where classes have no order, 1 if it is wrong. Shape (n,), int64."""
    if ordered:
        return np.asarray(np.abs(medians(posterior) - truth))
    return np.asarray(posterior.argmax(axis=1) != truth, dtype=np.int64)


def _surely_above_zero(differences: np.ndarray) -> bool:
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return bool(differences.mean() > max(SURELY * error, 1e-9))
