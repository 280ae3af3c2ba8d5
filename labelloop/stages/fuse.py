"""fuse: make one label an item out of all votes so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from labelloop import datasets, files, tables
from labelloop.campaign import CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.fusion.votes_table import FusedVotes, Predict, fuse_votes
from labelloop.models.out_of_fold import out_of_fold
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.stages.quality import judge_annotators
from labelloop.stages.review_list import write_review
from labelloop.stages.review_queue import drawn_verdicts, listed_entries
from labelloop.stages.runner import Round
from labelloop.stages.train import untrained

APART = ("control", "gold", "audit")
"""Arms whose labels judge strategies, annotators or what is accepted: no model may have a say in them. What a
model that never saw them says of them only judges the model."""
UNHEARD = ("test",)
"""Not even asked about."""


def fuse(current: Round) -> None:
    """Write fused.parquet, a posterior for every item with at least one vote, fusion.json and review.csv.

    Beside them what is known of annotators; see `judge_annotators`.
    """
    settings = current.settings
    votes = tables.VOTES.read(current.folder.collected)
    prepared = datasets.open_prepared(current.workspace.data)
    gold = read_gold_csv(current.folder.gold)
    paused, counted = judge_annotators(current, votes, prepared, gold), votes
    if settings.quality.drop_votes:
        counted = votes[~votes["annotator"].isin(paused)]
    fused = fuse_as_set(
        counted,
        prepared,
        settings,
        lambda: _predictor(current, prepared),
        gold=gold,
        apart=_items_of(current, APART),
        known=drawn_verdicts(current),
    )
    tables.FUSED.write(fused.table, current.folder.fused)
    files.write_json(current.folder.fusion, fused.about)
    write_review(current, prepared, votes, fused.table, listed_entries(current, prepared))


def fuse_as_set(
    votes: Any,
    prepared: Prepared,
    settings: CampaignSettings,
    predictor: Any,
    *,
    gold: Mapping[str, str] | None = None,
    apart: Collection[str] = (),
    known: Mapping[str, str] | None = None,
) -> FusedVotes:
    """Fuse as the settings say; `predictor()` is called only where they ask for a model's word."""
    how = settings.fusion
    predict = predictor() if how.model_prior == "out_of_fold" else None
    return fuse_votes(
        votes,
        prepared.classes,
        how.method,
        how.options,
        gold=gold,
        predict=predict,
        apart=apart,
        known=known,
        ordered=settings.labels.ordered,
    )


def _predictor(current: Round, prepared: Prepared) -> Predict:
    unheard, apart = _items_of(current, UNHEARD), _items_of(current, APART)
    return out_of_fold(untrained(current, prepared), prepared, current.settings.fusion.folds, unheard, apart)


def _items_of(current: Round, arms: Collection[str]) -> set[str]:
    asked = tables.ASKED.read(current.folder.asked)
    return set(asked.loc[asked["arm"].isin(arms), "item"])
