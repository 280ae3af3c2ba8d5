"""Cleanlab's CROWDLAB: annotators and a classifier as members of one weighted ensemble."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration, conclude
from labelloop.fusion.fitting import checked_rows
from labelloop.fusion.majority import majority
from labelloop.fusion.peers import peer


def cleanlab_crowdlab(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    item_prior: np.ndarray | None = None,
    warm_start: np.ndarray | None = None,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by cleanlab's CROWDLAB, which weighs a classifier's probabilities against the annotators.

    With p the classifier's probabilities, w its weight, v_a that of annotator a, P the mean agreement with
    the consensus and K classes::

        q_ik ~ w p_ik + sum over a who answered i: v_a (P if a said k else (1 - P) / (K - 1))

    The label is the one that cleanlab calls the consensus of best quality. The probabilities are those that
    `fusion.model_prior: out_of_fold` gives. Without any, or where no item has two votes, nothing can be
    weighed: then votes are counted, which is where CROWDLAB begins, and `Fusion.reason` says so.

    Args:
        votes: coded votes; cleanlab needs a dense array of items by annotators, 8 bytes each.
        gold: shape (n_items,), int64, -1 where unknown; known items keep their class, and confidence is
            calibrated on them.
        item_prior: shape (n_items, n_classes): probabilities from a model that was trained without the
            item; rows of NaN, where the model was not asked, are fused by counting.
        warm_start: not used; accepted so that methods with an item prior are called alike.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Raises:
        SettingsError: cleanlab is not installed, or an option has a wrong value.
        DataError: `item_prior` has another shape than the votes ask for, or holds no probabilities.

    Source: Goh, Tkachenko and Mueller (2022), CROWDLAB: supervised learning to infer consensus labels and
    quality scores for data with multiple annotators; the package cleanlab.
    """
    check_calibration(False, temperature)
    module, version = peer("cleanlab.multiannotator", "cleanlab", "cleanlab_crowdlab")
    method = f"cleanlab_crowdlab/{version}"
    posterior, reason = majority(votes).posterior, ""
    shape = (len(votes.items), len(votes.classes))
    item_prior = checked_rows(item_prior, shape, "item_prior")
    if item_prior is None:
        reason = "there are no predicted probabilities (see fusion.model_prior)"
    else:
        voted = np.bincount(votes.item, minlength=len(votes.items))
        asked = (voted > 0) & ~np.isnan(item_prior).any(axis=1)
        if (voted[asked] > 1).any() and shape[1] > 1:
            posterior[asked] = _ensemble(module, votes, item_prior, asked)
        else:
            reason = "no item with a prediction has two votes"
    result = conclude(
        votes, lambda *_: posterior, method + ("+majority/1" if reason else ""), gold=gold, warm_start=None,
        blend_votes=False, temperature=temperature,
    )  # fmt: skip
    return dataclasses.replace(result, reason=f"votes are counted, since {reason}" if reason else "")


def _ensemble(module: Any, votes: Votes, predicted: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Shape (n_asked, n_classes): CROWDLAB's posterior, from the weights that cleanlab gives."""
    rows = np.flatnonzero(asked)
    place = np.full(len(asked), -1)
    place[rows] = np.arange(len(rows))
    kept = asked[votes.item]
    item, label = place[votes.item[kept]], votes.label[kept]
    present, who = np.unique(votes.annotator[kept], return_inverse=True)
    wide = np.full((len(rows), len(present)), np.nan)
    wide[item, who] = label
    predicted = predicted[rows]
    found = module.get_label_quality_multiannotator(
        wide, predicted, consensus_method="majority_vote", return_detailed_quality=False,
        return_annotator_stats=False, return_weights=True, verbose=False,
    )  # fmt: skip
    quality, n_classes = found["label_quality"], predicted.shape[1]
    several = quality["num_annotations"].to_numpy() != 1
    agreement = float(quality["annotator_agreement"].to_numpy()[several].mean())
    weight = np.asarray(found["annotator_weight"])[who]
    other = (1 - agreement) / (n_classes - 1)
    said = np.bincount(item * n_classes + label, weights=weight * (agreement - other),
                       minlength=predicted.size).reshape(predicted.shape)  # fmt: skip
    total = np.bincount(item, weights=weight, minlength=len(rows))[:, None]
    posterior: np.ndarray = found["model_weight"] * predicted + said + other * total
    return posterior / posterior.sum(axis=1, keepdims=True)
