"""The round's review list: what people could not label or stay unsure of, and the queue's beginning."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from labelloop import files, tables
from labelloop.asking import state_of
from labelloop.datasets.base import Prepared
from labelloop.fusion.coding import without_reasks
from labelloop.reviewing.queue import Entry
from labelloop.reviewing.round_list import STILL_UNSURE, review_table
from labelloop.stages.acceptance import closed_at
from labelloop.stages.people import annotation_of
from labelloop.stages.review_queue import accepted_in
from labelloop.stages.runner import Round
from labelloop.stages.shown_items import shown_items
from labelloop.stages.unsure_items import unsure_items
from labelloop.stages.wanted import events_of, wanted_of

SHOWN = 3
"""Classes of an unsure item that its reason names, the likeliest first."""


def write_review(
    current: Round,
    prepared: Prepared,
    votes: pd.DataFrame,
    fused: pd.DataFrame,
    entries: Sequence[Entry] = (),
) -> None:
    """Write review.csv.

    Args:
        votes: all votes of the campaign so far.
        fused: what they were fused to.
        entries: of the review queue.
    """
    annotation, wanted = annotation_of(current), wanted_of(current.folder.tasks)
    gone = files.read_json(current.folder.closed).get("gone", [])
    asking = state_of(events_of(votes, wanted.copies), wanted.copies, annotation, gone, wanted.before)

    def texts(items: Sequence[str]) -> dict[str, str]:
        found = shown_items(prepared, items, annotation.payload_columns, current.workspace.root)
        return {item: shown.text for item, shown in found.items()}

    unsure = {}
    if annotation.max_overlap is not None:
        unsure = _still_unsure(current, prepared, votes, fused)
        for item in accepted_in(current.previous, fused, closed_at(current), current.settings.accept):
            unsure.pop(item, None)
    if current.settings.quality.drop_votes:
        unsure |= _uncounted(current, fused, asking.given_up())
    columns = (fused[name].tolist() for name in ("item", "label", "confidence"))
    labels = {item: (label, confidence) for item, label, confidence in zip(*columns, strict=True)}
    table = review_table(asking, texts, unsure, entries, labels, round_id=current.id)
    files.write_text(current.folder.review, table)


def _uncounted(
    current: Round, fused: pd.DataFrame, given_up: Sequence[str]
) -> dict[str, tuple[str, int, int]]:
    """Reason, answers and people asked, of items whose answers all come from people who are paused."""
    asked = tables.ASKED.read(current.folder.asked)
    lost = asked[~asked["item"].isin([*fused["item"], *given_up])]
    why = "all its answers are of paused annotators (quality.drop_votes)"
    people = zip(lost["item"].tolist(), lost["overlap"].tolist(), strict=True)
    return {item: (why, 0, overlap) for item, overlap in people}


def _still_unsure(
    current: Round, prepared: Prepared, votes: pd.DataFrame, fused: pd.DataFrame
) -> dict[str, tuple[str, int, int]]:
    """Reason, answers and people asked, of items that this round brought answers about and no other will."""
    asked = tables.ASKED.read(current.folder.asked)
    new = set(without_reasks(tables.VOTES.read(current.folder.votes))["item"])
    unsure = unsure_items(asked, fused[fused["item"].isin(new)], votes, annotation_of(current))
    unsure = unsure[unsure["complete"] & (unsure["room"] <= 0)]
    columns = (unsure[name].tolist() for name in ("item", "posterior", "answers", "total"))
    return {
        item: (_reason(answers, posterior, prepared.classes), answers, total)
        for item, posterior, answers, total in zip(*columns, strict=True)
    }


def _reason(answers: int, posterior: np.ndarray, classes: Sequence[str]) -> str:
    likeliest = np.argsort(-np.asarray(posterior), kind="stable")[:SHOWN]
    beliefs = ", ".join(f"{classes[code]} {posterior[code]:.2f}".replace(" 0.", " .") for code in likeliest)
    return f"{STILL_UNSURE} {answers} answers: {beliefs}"
