"""The review queue as of the round that is being fused, and what a model says of labels it has not seen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files, models, tables
from labelloop.campaign import Acceptance
from labelloop.datasets.base import Prepared
from labelloop.models.out_of_fold import out_of_fold
from labelloop.reviewing import verdicts
from labelloop.reviewing.overturning import Overturned, by_reason
from labelloop.reviewing.queue import DISAGREES, RANDOM, UNSURE, Entry, queue_of, shortened
from labelloop.reviewing.random_slice import resting_on_votes
from labelloop.reviewing.round_list import count_reasons
from labelloop.round_folder import RoundFolder
from labelloop.stages.acceptance import closed_at, vouched_for
from labelloop.stages.overruling import kept_verdicts
from labelloop.stages.revoking import why_revoked
from labelloop.stages.runner import Round
from labelloop.stages.snapshot import before_review
from labelloop.stages.train import untrained


def listed_entries(current: Round, prepared: Prepared) -> list[Entry]:
    """The beginning of the queue, as long as `review.list_unsure` and its neighbours say.

    Of labels by votes without a verdict so far. What people gave up is not among them: the round's list has
    that by itself. Needs fused.parquet.
    """
    review, seed = current.settings.review, current.settings.campaign.seed
    labels, said = before_review(current), kept_verdicts(current)
    entries = queue_of(
        labels,
        (),
        classes=prepared.classes,
        unsure_below=review.unsure_below,
        at_random=review.list_random,
        seed=seed,
        probabilities=held_out_words(current, prepared, labels) if review.list_disagreeing else None,
        done=verdicts.standing(said),
        drawn_before={one.item for one in said if one.reason == RANDOM},
        worth_it=left_to_reviewers(current.folder),
        accepted=accepted_in(current.previous, labels, closed_at(current), current.settings.accept),
    )
    return shortened(entries, {UNSURE: review.list_unsure, DISAGREES: review.list_disagreeing})


def review_metrics(current: Round) -> dict[str, Any]:
    """What the round's list holds, and what all verdicts before it say, for metrics.json and the report.

    Returns:
        to_review: rows of the list by reason. overturned_by_reason: for each reason for which anything was
            reviewed, reviewed, overturned, missing, low and high (Wilson, 95%); see `reviewing.overturning`.
        review_error, review_error_low, review_error_high: share of labels by votes that the random slice
            finds wrong; None as long as nothing of it was reviewed.
    """
    labels, seed = labels_by_votes(before_review(current)), current.settings.campaign.seed
    rows = by_reason(kept_verdicts(current), labels, seed)
    error = next((row for row in rows if row.reason == RANDOM), Overturned(RANDOM, 0, 0))
    low, high = error.interval
    return {
        "to_review": count_reasons(current.folder.review.read_text(encoding="utf-8")),
        "overturned_by_reason": {row.reason: _told(row) for row in rows},
        "review_error": error.share,
        "review_error_low": low,
        "review_error_high": high,
    }


def labels_by_votes(labels: pd.DataFrame) -> dict[str, str]:
    """The labels that votes made, by item; see `random_slice.resting_on_votes`."""
    voted = resting_on_votes(labels)
    return dict(zip(voted["item"].astype(str), voted["label"].astype(str), strict=True))


def _told(row: Overturned) -> dict[str, Any]:
    low, high = row.interval
    return {"reviewed": row.reviewed, "overturned": row.overturned, "missing": row.missing, "low": low,
            "high": high}  # fmt: skip


def accepted_in(
    folder: RoundFolder, labels: pd.DataFrame, now: datetime, settings: Acceptance
) -> frozenset[str]:
    """Items for whose label by votes a round's certificate vouches still: nobody need review them."""
    told = files.read_json(folder.certificate)
    if why_revoked(told.get("fused", {}), settings):
        return frozenset()
    accepted = vouched_for(tables.ACCEPTED.read(folder.accepted), told, now)
    return frozenset(labels[["item", "label"]].merge(accepted, on=["item", "label"])["item"])


def drawn_verdicts(current: Round) -> dict[str, str]:
    """What reviewers have said of items that were drawn at random, by item: no model had a say in which.

    Nothing where these verdicts are to prove labels by votes: what proves labels has no say in how they are
    made.
    """
    if current.settings.accept.fused.target_error is not None:
        return {}
    said = kept_verdicts(current)
    standing = verdicts.standing(said)
    return {one.item: standing[one.item].label for one in said if one.reason == RANDOM}


def left_to_reviewers(folder: RoundFolder) -> list[str]:
    """Items that the round's choice found worth a verdict rather than a vote; see `stages/one_scale.py`."""
    looks = files.read_json(folder.selection).get("second_looks", {})
    return [str(item) for item in looks.get("for_review", [])]


def held_out_words(current: Round, prepared: Prepared, labels: pd.DataFrame) -> np.ndarray:
    """What models trained without an item say of it; shape (n_labels, n_classes), NaN where nothing.

    None is asked about test items or gold, which no model may learn from. What the learner makes of the
    pool is left out: its gate trains many times over for every fold.
    """
    unheard = set(labels.loc[labels["split"] != "train", "item"])
    learner = models.without_pool(untrained(current, prepared))
    ask = out_of_fold(learner, prepared, current.settings.fusion.folds, unheard)
    code = {name: number for number, name in enumerate(prepared.classes)}
    codes = labels["label"].map(code).to_numpy(dtype=np.int64)
    return ask(labels["item"].to_numpy(dtype=object), codes)
