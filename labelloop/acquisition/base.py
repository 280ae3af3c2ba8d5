"""What a strategy takes and gives.

A strategy is a function that picks rows. It says what it needs by `needs`, so that the score stage
computes no more than that. Rows of all arrays are the rows of the pool; nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from labelloop.acquisition.embeddings import Embeddings, Ids

Need = Literal["probabilities", "embeddings", "members", "labels", "beliefs", "costs"]

HeldOut = Callable[[np.ndarray], np.ndarray]
"""`(k labeled rows) -> probabilities`, shape (k, n_classes); NaN where no model has a say."""


@dataclass(frozen=True)
class Context:
    """What is known of the pool when a batch is chosen."""

    candidates: np.ndarray
    """Shape (m,), int64, ascending: the rows that may be picked."""
    labeled: np.ndarray
    """Shape (l,), int64, ascending: the rows that are labeled already; never among the candidates, and
    picked again only where `beliefs` lets them."""
    probabilities: np.ndarray | None
    """Shape (n, n_classes), float32, may be memory-mapped; rows sum to 1."""
    embeddings: Embeddings | None
    """Shape (n, d), float32, may be memory-mapped. A picker of your own gets an array, a built-in one perhaps
    what makes rows when they are asked for."""
    seed: int
    ids: Ids | None = None
    """Shape (n,), object array of str, or what reads them when they are asked for, as with embeddings. Draws
    and ties are keyed by them, so that the order of the pool's rows decides nothing; without them content
    takes their place, or the row where there is none."""
    members: np.ndarray | None = None
    """Shape (n_members, n, n_classes), float32, may be memory-mapped: what the members of a committee say."""
    labels: np.ndarray | None = None
    """Shape (l,), int64: class codes of `labeled`; -1 for a row that was asked about and has no label."""
    reserved: np.ndarray | None = None
    """Shape (r,), int64: rows of the test set. No strategy may learn from where they lie."""
    costs: np.ndarray | None = None
    """Shape (n,), float64, above 0: money that all answers about each row cost, in the campaign's currency
    (`compose.cost_column` times the price of an answer times the overlap), or in the unit of a
    `Composition`; None: all the same. Only built-in strategies that pick by gain over cost are told, and
    functions that say ``@needs("costs")``."""
    beliefs: np.ndarray | None = None
    """Shape (l, n_classes), floats: chances of the classes of each of `labeled` by the votes about it; rows
    sum to 1, or are NaN for a row that is not asked about again. Without them none is. Only strategies that
    need beliefs may pick labeled rows, and only those with one."""
    classes: tuple[str, ...] = ()
    """Names of the classes, where they are known, for options that name one."""
    held_out: HeldOut | None = None
    """What models say of labeled rows that they were not trained on; `probabilities` come from the model that
    was. It costs training: only who reads it calls it."""

    @property
    def believed(self) -> np.ndarray:
        """The labeled rows that have a belief and may be asked about again; shape (k,), int64, ascending."""
        if self.beliefs is None:
            return np.empty(0, dtype=np.int64)
        return self.labeled[np.isfinite(self.beliefs).all(axis=1)]


@dataclass(frozen=True)
class Picks:
    """The rows chosen, best first."""

    rows: np.ndarray
    """Shape (batch_size,), int64."""
    scores: np.ndarray
    """Shape (batch_size,), float64: why; higher means picked earlier. NaN where a strategy has no score."""
    probabilities: np.ndarray
    """Shape (batch_size,), float64, in (0, 1]: chance of each row to be picked; 1 where chance had no part,
    NaN where it had one and is not known."""
    reason: str = ""
    """Why it was picked this way, as a sentence for the round's report; empty where the name says it all."""
    draws: np.ndarray | None = None
    """Shape (batch_size,), float64, in (0, 1]: chance of each row to be the next one drawn, given those
    picked before it, where every candidate (that a filter lets in) had such a chance; NaN or None where that
    is not so. Weighted estimates on asked items rest on it (labelloop/evaluation/weighted.py)."""


Picker = Callable[[Context, int], Picks]
AnyPicker = TypeVar("AnyPicker", bound=Callable[..., Picks])


def needs(
    *wanted: Need, cold: tuple[Need, ...] | None = None, doubt: bool | Callable[..., bool] | None = None
) -> Callable[[AnyPicker], AnyPicker]:
    """Say what a picker reads, as in ``@needs("probabilities")``; no argument means nothing at all.

    Args:
        cold: what is enough while there is no model, so no probabilities; None: nothing less will do.
        doubt: whether it looks for what the model doubts, or a function of a context (and of the picker's
            options) that tells; None: it does if it asks the model or a committee. Of a large pool it is then
            shown the most doubtful rows (`acquisition.candidates`), and else a random sample.
    """

    def mark(picker: AnyPicker) -> AnyPicker:
        picker.needs = frozenset(wanted)  # type: ignore[attr-defined]
        if cold is not None:
            picker.cold_needs = frozenset(cold)  # type: ignore[attr-defined]
        if doubt is not None:
            picker.doubt = doubt  # type: ignore[attr-defined]
        return picker

    return mark


@dataclass(frozen=True)
class Strategy:
    """A named way to pick rows."""

    name: str
    needs: frozenset[Need]
    pick: Picker
    cold_needs: frozenset[Need] | None = None
    """What is enough while there is no model; None: `needs`."""
    doubt: bool | Callable[[Context], bool] = True
    """Whether it looks for what the model doubts; a function tells of a context."""

    def required(self, *, model: bool) -> frozenset[Need]:
        """What must be there, with or without a model to ask."""
        return self.needs if model or self.cold_needs is None else self.cold_needs

    def goes_by_doubt(self, context: Context) -> bool:
        """Whether it looks for what the model doubts in this context."""
        return self.doubt(context) if callable(self.doubt) else self.doubt
