"""Items of earlier rounds whose label is unsure, and which of them somebody may be asked about again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from labelloop.asking import experts_left, usual_people
from labelloop.fusion.coding import latest_rows, without_reasks
from labelloop.settings.annotation import Annotation
from labelloop.stages.asked_again import people_asked
from labelloop.stages.overruling import METHOD

ARMS = ("strategy", "control")
"""Whose items may be looked at again."""


def by_votes(labels: pd.DataFrame) -> pd.DataFrame:
    """The labels that rest on votes, also those that wait for a reviewer."""
    return labels[labels["status"].isin(("fused", "in review")) & (labels["method"] != METHOD)]


def eligible_items(
    asked: pd.DataFrame, labels: pd.DataFrame, votes: pd.DataFrame, annotation: Annotation
) -> pd.DataFrame:
    """Items that may be asked about again, by item.

    Those whose label is below the target, that have all answers which were wanted so far, fewer of them than
    `max_overlap` or no expert's, and somebody left who has not been asked. What was given up has an answer
    missing.

    Returns:
        Columns item, posterior, total (people wanted so far), room (further people who could be asked), tier.
    """
    found = unsure_items(asked, labels, votes, annotation)
    found = found[found["complete"] & (found["room"] > 0) & (found["skipped"] < annotation.skips_to_review)]
    return found[["item", "posterior", "total", "room", "tier"]].reset_index(drop=True)


def unsure_items(
    asked: pd.DataFrame, labels: pd.DataFrame, votes: pd.DataFrame, annotation: Annotation
) -> pd.DataFrame:
    """Items of the strategy's and the control arm whose label is below the target, by item.

    Args:
        labels: columns of `tables.FUSED`.
        votes: all votes so far.

    Returns:
        Columns item, posterior, answers, total (people wanted so far, or more who answered), room (further
        people who could be asked), tier (of those people), skipped (people) and complete (whether all answers
        wanted are in).
    """
    below = labels[(labels["confidence"] < annotation.target_confidence) & ~labels["gold"]]
    unsure = below[["item", "posterior", "tie"]].merge(
        asked.loc[asked["arm"].isin(ARMS), ["item", "overlap"]], on="item"
    )
    mine = without_reasks(votes[votes["item"].isin(set(unsure["item"]))])
    last = mine.iloc[latest_rows(mine)]
    given = last[last["action"].isin(["submitted", "updated"])]["item"].value_counts()
    skips = last[last["action"] == "skipped"]["item"].value_counts()
    answers = unsure["item"].map(given).fillna(0).astype(int)
    total = np.maximum(unsure["overlap"], answers)
    room = (annotation.max_overlap or 0) - total
    usual = usual_people(annotation)
    experts = experts_left(annotation)
    spoke = people_asked(mine, set(unsure["item"])) if usual is not None else {}
    if usual is not None:
        room = np.minimum(room, unsure["item"].map(_left(usual, spoke)).astype(int))
    # One expert's word is asked for, as long as there is one who may be asked.
    asked_above = unsure["item"].map(lambda item: bool(experts & set(spoke.get(item, ())))).astype(bool)
    above = ((room <= 0) | unsure["tie"]) & ~asked_above
    above &= unsure["item"].map(_left(experts, spoke)).astype(int) > 0
    return (
        unsure.drop(columns="tie")
        .assign(
            answers=answers,
            total=total,
            room=np.where(above, 1, room),
            tier=np.where(above, "expert", "usual"),
            skipped=unsure["item"].map(skips).fillna(0).astype(int),
            complete=answers >= unsure["overlap"],
        )
        .sort_values("item", ignore_index=True)
    )


def _left(people: frozenset[str], spoke: dict[str, tuple[str, ...]]) -> Callable[[str], int]:
    """How many of these people have not been asked about an item."""
    return lambda item: len(people - set(spoke.get(item, ())))
