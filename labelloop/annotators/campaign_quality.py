"""What a campaign's votes say about its annotators: the full record, and the few figures that matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from labelloop import tables
from labelloop.annotators.agreement_file import LEAST_SHARED, agreement_by_slice, agreement_summary
from labelloop.annotators.answers import SECONDS, Answers, answers_of, gold_codes
from labelloop.annotators.quality import annotator_quality
from labelloop.annotators.quality_file import annotators_summary
from labelloop.evaluation.intervals import wilson
from labelloop.fusion.coding import latest_rows, standing_votes

MOST_PAIRS = 2000
"""Pairs of annotators that are kept, those with the most shared items first."""


def answers_of_votes(votes: pd.DataFrame, classes: Sequence[str]) -> Answers:
    """`tables.VOTES` as answers: what stands of each task, in the order of time."""
    stood = standing_votes(votes).rename(columns={"value": "label"})
    table = stood[["item", "annotator", "label", "answered_at", SECONDS]]
    if table[SECONDS].isna().all():
        table = table.drop(columns=SECONDS)
    return answers_of(table, classes)


def campaign_quality(
    votes: pd.DataFrame,
    classes: Sequence[str],
    gold: Mapping[str, str],
    *,
    ordered: bool = False,
    slices: Mapping[str, Mapping[str, str]] | None = None,
    resamples: int = 200,
) -> dict[str, Any]:
    """Everything that votes say of the people who gave them, JSON-like.

    Args:
        votes: `tables.VOTES`.
        gold: true labels by item; those without votes do not matter.
        ordered: `classes` have an order: answers near each other agree in part.
        slices: by column of the data, the slice of every item.

    Returns:
        `people` (see `quality_file.annotators_summary`; each annotator also with `cost`, the money for all
        that they answered; `repeats` and `consistency` are those of `own_repeats`) and `agreement` (see
        `agreement_file.agreement_summary`; each row of `by_slice` also with `column`); both None where no
        vote stands.
    """
    stood = standing_votes(votes) if len(votes) else votes
    if not len(stood):
        return {"people": None, "agreement": None}
    answers = answers_of_votes(votes, classes)
    codes, told = None, None
    if gold:
        table = pd.DataFrame({"item": list(gold), "label": list(gold.values())})
        codes, told = gold_codes(answers.votes, table)
    people = annotators_summary(answers, annotator_quality(answers, codes)) | {"gold": told}
    cost = votes.groupby("annotator")["cost"].sum()
    repeats = own_repeats(votes, stood)
    for one in people["annotators"]:
        one["cost"] = round(float(cost[one["annotator"]]), 6)
        same, of = repeats.get(one["annotator"], (0, 0))
        one["repeats"], one["consistency"] = of, share_of(same, of)
    level = "ordinal" if ordered else "nominal"
    agreement = agreement_summary(answers, level=level, ordered=ordered, resamples=resamples)
    items = answers.standing["item"].tolist()
    agreement["by_slice"] = [
        {"column": column} | row
        for column, slice_of in (slices or {}).items()
        for row in agreement_by_slice(
            answers.votes, [slice_of[item] for item in items], level=level, resamples=resamples
        )
    ]
    agreement["pairs"] = sorted(
        agreement["pairs"], key=lambda pair: (-pair["shared"], pair["one"], pair["other"])
    )[:MOST_PAIRS]
    return {"people": people, "agreement": agreement}


def own_repeats(votes: pd.DataFrame, stood: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """By annotator: questions answered as before, of those that were asked again.

    Args:
        votes: `tables.VOTES`; of those that are `reasked` the latest about an item counts.
        stood: the answers that stand.
    """
    again = votes[votes["action"] == tables.REASKED]
    if not len(again):
        return {}
    again = again.iloc[latest_rows(again)][["item", "annotator", "value"]]
    pairs = again.merge(stood[["item", "annotator", "value"]], on=["item", "annotator"])
    same = (pairs["value_x"] == pairs["value_y"]).groupby(pairs["annotator"]).agg(["sum", "count"])
    return {str(name): (int(row["sum"]), int(row["count"])) for name, row in same.iterrows()}


def share_of(hits: int, of: int) -> dict[str, Any]:
    """As `quality.Share`, JSON-like."""
    if not of:
        return {"hits": 0, "of": 0, "share": None, "low": None, "high": None}
    low, high = wilson(hits, of)
    return {"hits": hits, "of": of, "share": hits / of, "low": low, "high": high}


def headline(quality: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of `campaign_quality` that status, report and MLflow tell.

    Returns:
        seen (annotators), votes, alpha (value, low, high, level, and undefined: why there is none), pair (the
        two who disagree most, of those with `LEAST_SHARED` items in common: one, other, shared, agreement,
        kappa; or None), slice (the one with the least alpha, of those with `LEAST_SHARED` items that have two
        votes: column, slice, items, alpha, low, high; or None), gold (answers, right, share, low, high; or
        None), consistency (of questions asked again: answers, same, share, low, high; or None), flagged
        (annotator and flags).
    """
    people, agreement = quality["people"], quality["agreement"]
    if people is None:
        return {"seen": 0, "votes": 0, "alpha": None, "pair": None, "slice": None, "gold": None,
                "consistency": None, "flagged": []}  # fmt: skip
    records = people["annotators"]
    overall = agreement["overall"]
    pairs = [pair for pair in agreement["pairs"]
             if pair["shared"] >= LEAST_SHARED and pair["kappa"] is not None]  # fmt: skip
    worst = min(pairs, key=lambda pair: (pair["kappa"], pair["one"], pair["other"]), default=None)
    right = sum(one["gold"]["hits"] for one in records)
    answers = sum(one["gold"]["of"] for one in records)
    gold = None
    if answers:
        low, high = wilson(right, answers)
        gold = {"answers": answers, "right": right, "share": right / answers, "low": low, "high": high}
    same, asked = (sum(one["consistency"][key] for one in records) for key in ("hits", "of"))
    again = None
    if asked:
        low, high = wilson(same, asked)
        again = {"answers": asked, "same": same, "share": same / asked, "low": low, "high": high}
    return {
        "seen": len(records),
        "votes": people["votes"],
        "alpha": {**overall["alpha"], "level": overall["level"], "undefined": overall["undefined"]},
        "pair": worst and {key: worst[key] for key in ("one", "other", "shared", "agreement", "kappa")},
        "slice": _least_agreeing(agreement["by_slice"]),
        "gold": gold,
        "consistency": again,
        "flagged": [
            {"annotator": one["annotator"], "flags": one["flags"]} for one in records if one["flags"]
        ],
    }


def _least_agreeing(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    told = [row for row in rows if row["items"] >= LEAST_SHARED and row["alpha"]["value"] is not None]
    if not told:
        return None
    least = min(told, key=lambda row: (row["alpha"]["value"], row["column"], row["slice"]))
    alpha = least["alpha"]
    return {key: least[key] for key in ("column", "slice", "items")} | {
        "alpha": alpha["value"],
        "low": alpha["low"],
        "high": alpha["high"],
    }
