"""fuse: make one label an item out of all votes so far."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from labelloop import datasets, files, tables
from labelloop.campaign import Fusion
from labelloop.datasets.base import Prepared
from labelloop.fusion.votes_table import FusedVotes, Predict, fuse_votes
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.stages.quality import judge_annotators
from labelloop.stages.review_list import write_review
from labelloop.stages.runner import Round
from labelloop.stages.train import untrained

UNHEARD = ("control", "gold", "audit", "test")
"""Arms whose labels judge strategies, annotators or models: no model may have a say in them."""


def fuse(current: Round) -> None:
    """Write fused.parquet, a posterior for every item with at least one vote, fusion.json and review.csv.

    Beside them what is known of annotators; see `judge_annotators`.
    """
    settings = current.settings.fusion
    votes = tables.VOTES.read(current.folder.collected)
    prepared = datasets.open_prepared(current.workspace.data)
    gold = read_gold_csv(current.folder.gold)
    paused, counted = judge_annotators(current, votes, prepared, gold), votes
    if current.settings.quality.drop_votes:
        counted = votes[~votes["annotator"].isin(paused)]
    fused = fuse_as_set(
        counted, prepared, settings, lambda: _predictor(current, prepared, settings.folds), gold=gold
    )
    tables.FUSED.write(fused.table, current.folder.fused)
    files.write_json(current.folder.fusion, fused.about)
    write_review(current, prepared, votes, fused.table)


def fuse_as_set(
    votes: Any,
    prepared: Prepared,
    settings: Fusion,
    predictor: Any,
    *,
    gold: Mapping[str, str] | None = None,
) -> FusedVotes:
    """Fuse as the settings say; `predictor()` is called only where they ask for a model's word."""
    predict = predictor() if settings.model_prior == "out_of_fold" else None
    return fuse_votes(votes, prepared.classes, settings.method, settings.options, gold=gold, predict=predict)


def out_of_fold(learner: Any, prepared: Prepared, folds: int, unheard: set[str]) -> Predict:
    """Ask a learner about every item when it has been trained on the other folds' items.

    Folds follow from the items' ids, so an item stays in its fold from round to round. Nothing is asked about
    an item whose label is of a class that the other folds do not have: the model cannot know it.

    Args:
        learner: untrained; copied for every fold.
        unheard: items that are neither trained on nor asked about.
    """

    def predict(items: np.ndarray, codes: np.ndarray) -> np.ndarray:
        predicted = np.full((len(items), len(prepared.classes)), np.nan)
        heard = np.array([item not in unheard for item in items], dtype=bool)
        fold = np.array([int(files.digest_of(item)[:8], 16) % folds for item in items])
        rows = prepared.pool.rows_of(list(items))
        for number in range(folds):
            others = heard & (fold != number)
            asked = heard & (fold == number) & np.isin(codes, codes[others])
            if not asked.any() or len(np.unique(codes[others])) < 2:
                continue
            order = np.flatnonzero(others)[np.argsort(rows[others], kind="stable")]
            fitted = copy.deepcopy(learner).fit(prepared.pool.inputs(rows[order]), codes[order])
            predicted[asked] = fitted.predict_proba(prepared.pool.inputs(rows[asked]))
        return predicted

    return predict


def _predictor(current: Round, prepared: Prepared, folds: int) -> Predict:
    asked = tables.ASKED.read(current.folder.asked)
    unheard = set(asked.loc[asked["arm"].isin(UNHEARD), "item"])
    return out_of_fold(untrained(current, prepared), prepared, folds, unheard)
