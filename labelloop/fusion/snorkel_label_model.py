"""Snorkel's label model: accuracies from overlaps alone, for a handful of annotators or rules."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from labelloop.errors import DataError
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration, conclude
from labelloop.fusion.majority import majority
from labelloop.fusion.peers import peer, whole_number

LEAST_ANNOTATORS = 3
MOST_INDICATORS = 4000
"""Annotators times classes: snorkel holds a square matrix of that side."""


def snorkel_label_model(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    n_epochs: int = 100,
    seed: int = 0,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by snorkel's `LabelModel`, which fits accuracies to the annotators' overlaps by gradient descent.

    Made for labeling functions: few of them, each with a vote on many items; a missing vote abstains. With
    fewer than three annotators nothing can be fitted: then votes are counted, and `Fusion.reason` says so.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class, and confidence is
            calibrated on them.
        n_epochs: steps of gradient descent.
        seed: of snorkel's start; the generators that it seeds are put back afterwards.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Raises:
        SettingsError: snorkel is not installed, or an option has a wrong value.
        DataError: there are too many annotators and classes for it.

    Source: Ratner et al. (2019), Training complex models with multi-task weak supervision; the package
    snorkel.
    """
    whole_number("n_epochs", n_epochs, 1)
    whole_number("seed", seed, 0)
    check_calibration(False, temperature)
    module, version = peer("snorkel.labeling.model", "snorkel", "snorkel_label_model")
    method, reason = f"snorkel_label_model/{version}", ""
    used, label = np.unique(votes.label, return_inverse=True)
    people, who = np.unique(votes.annotator, return_inverse=True)
    posterior = majority(votes).posterior
    if len(people) < LEAST_ANNOTATORS or len(used) < 2:
        method += "+majority/1"
        reason = f"votes are counted, since {len(people)} annotators and {len(used)} classes are too few"
    elif len(people) * len(used) > MOST_INDICATORS:
        raise DataError(
            f"{len(people)} annotators times {len(used)} classes are more than snorkel_label_model can hold "
            f"({MOST_INDICATORS}); use another fusion.method"
        )
    else:
        voted, item = np.unique(votes.item, return_inverse=True)
        table = np.full((len(voted), len(people)), -1)
        table[item, who] = label
        posterior[voted] = 0
        posterior[np.ix_(voted, used)] = _fitted(module, table, len(used), n_epochs, seed)
    result = conclude(
        votes, lambda *_: posterior, method, gold=gold, warm_start=None, blend_votes=False,
        temperature=temperature,
    )  # fmt: skip
    return dataclasses.replace(result, reason=reason)


def _fitted(module: Any, table: np.ndarray, n_classes: int, n_epochs: int, seed: int) -> np.ndarray:
    """Shape (n_items, n_classes)."""
    import random

    import torch

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        model = module.LabelModel(cardinality=n_classes, verbose=False)
        model.fit(table, n_epochs=n_epochs, seed=seed, progress_bar=False)
        rows: np.ndarray = np.asarray(model.predict_proba(table), dtype=np.float64)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])
    if not np.isfinite(rows).all():
        raise DataError("snorkel_label_model gave no probabilities; use another fusion.method")
    return rows / rows.sum(axis=1, keepdims=True)
