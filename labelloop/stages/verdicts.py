"""Reviewers' verdicts in a round: kept when it closes, and put in the place of what votes said."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from labelloop import datasets, files, tables
from labelloop.errors import DataError
from labelloop.fusion.coding import standing_votes
from labelloop.reviewing import verdicts
from labelloop.reviewing.verdicts import Verdict
from labelloop.stages.runner import Round


def keep_verdicts(current: Round) -> None:
    """Write the round's `reviews.json`: every verdict of the campaign so far, also when there is none."""
    files.write_json(
        current.folder.reviews, [asdict(one) for one in verdicts.read(current.workspace.reviews)]
    )


def overrule(current: Round, labels: pd.DataFrame) -> pd.DataFrame:
    """Labels with the round's verdicts in the place of what votes said; columns of `tables.LABELS`.

    Items that people could not label get their first label so. `votes`, `vote_ids`, `raw` and `prior` stay
    what votes made of the item; `agreeing` and `dissenters` are about the verdict's label.
    """
    said = verdicts.standing(Verdict(**one) for one in files.read_json(current.folder.reviews))
    if not said:
        return labels
    classes = list(datasets.open_prepared(current.workspace.data).classes)
    for one in said.values():
        if one.label not in classes:
            raise DataError(f"{current.folder.reviews}: the verdict about {one.item} is {one.label!r}, which "
                            f"is none of the campaign's classes: {', '.join(classes[:20])}")  # fmt: skip
    asked = tables.ASKED.read(current.folder.asked).set_index("item")
    votes = standing_votes(tables.VOTES.read(current.folder.collected))
    known = {str(row["item"]): row for row in labels.to_dict("records")}
    for item, one in said.items():
        if item in asked.index or item in known:
            mine = votes[votes["item"] == item]
            known[item] = _row(known.get(item), one, asked, mine, classes)
    return pd.DataFrame(list(known.values()), columns=list(labels.columns))


def reviewed(labels: pd.DataFrame, fused: pd.DataFrame) -> dict[str, int]:
    """Metrics: labels that rest on a verdict, and those of them that votes had otherwise."""
    verdict = labels[labels["status"] == "reviewed"]
    both = verdict.merge(fused[["item", "label"]], on="item", suffixes=("", "_votes"))
    overturned = int((both["label"] != both["label_votes"]).sum())
    return {"reviewed": len(verdict), "overturned": overturned}


def _row(
    before: dict[Any, Any] | None,
    one: Verdict,
    asked: pd.DataFrame,
    votes: pd.DataFrame,
    classes: list[str],
) -> dict[Any, Any]:
    """An item's row of labels.parquet under a verdict."""
    if before is None:
        arm = asked.at[one.item, "arm"]
        before = {
            "item": one.item, "arm": arm, "split": arm if arm in ("test", "gold") else "train",
            "round": asked.at[one.item, "round"], "raw": None, "prior": None, "gold": False, "parameters": "",
            "votes": len(votes), "vote_ids": sorted(votes["vote"]),
        }  # fmt: skip
    return before | {
        "label": one.label,
        "confidence": 1.0,
        "posterior": [float(name == one.label) for name in classes],
        "status": "reviewed",
        "entropy": 0.0,
        "agreeing": int((votes["value"] == one.label).sum()),
        "dissenters": sorted(votes.loc[votes["value"] != one.label, "annotator"]),
        "tie": False,
        "method": "review",
    }
