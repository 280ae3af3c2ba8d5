"""Reviewers' verdicts in a round: kept when it closes, and put in the place of what votes said.

Where the campaign has review gates, this is also where a label is told to wait at one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from labelloop import datasets, files, tables
from labelloop.campaign import Review
from labelloop.errors import DataError
from labelloop.evaluation.intervals import wilson
from labelloop.fusion.coding import standing_votes
from labelloop.reviewing import verdicts
from labelloop.reviewing.gates import Place, Voted, gate_counts, places
from labelloop.reviewing.verdicts import Verdict
from labelloop.round_folder import RoundFolder
from labelloop.stages.runner import Round


def keep_verdicts(current: Round) -> None:
    """Write the round's `reviews.json`: every verdict of the campaign so far, also when there is none."""
    files.write_json(
        current.folder.reviews, [asdict(one) for one in verdicts.read(current.workspace.reviews)]
    )


def known_verdicts(current: Round) -> list[Verdict]:
    """What reviewers had said when the round's items were chosen; writes verdicts.json where it is not there.

    A look at labels that somebody has reviewed since they were made is a vote for nothing.
    """
    path = current.folder.verdicts
    if not path.exists():
        files.write_json(path, [asdict(one) for one in verdicts.read(current.workspace.reviews)])
    return [Verdict(**one) for one in files.read_json(path)]


def kept_verdicts(current: Round) -> list[Verdict]:
    """What `keep_verdicts` wrote."""
    return [Verdict(**one) for one in files.read_json(current.folder.reviews)]


def overrule(
    current: Round, folder: RoundFolder, labels: pd.DataFrame, said: Sequence[Verdict], review: Review
) -> pd.DataFrame:
    """Labels with verdicts in the place of what votes said, and with those marked that wait at a gate.

    Items that people could not label get their first label so. `votes`, `vote_ids`, `raw` and `prior` stay
    what votes made of the item; `agreeing` and `dissenters` are about the verdict's label.

    Args:
        folder: the round whose questions and votes are gone by.
        labels: columns of `tables.LABELS`, as votes and given labels have them.
        said: all verdicts that count, oldest first.

    Raises:
        DataError: a verdict is none of the campaign's classes.
    """
    if not said and not review.gates:
        return labels
    classes = list(datasets.open_prepared(current.workspace.data).classes)
    for one in said:
        if one.label not in classes:
            raise DataError(f"{folder.path}: the verdict about {one.item} is {one.label!r}, which "
                            f"is none of the campaign's classes: {', '.join(classes[:20])}")  # fmt: skip
    asked = tables.ASKED.read(folder.asked).set_index("item")
    known = {str(row["item"]): row for row in labels.to_dict("records")}
    found = _places(known, asked, said, review, current.settings.campaign.seed)
    votes = standing_votes(tables.VOTES.read(folder.collected))
    votes = votes[votes["item"].isin({item for item, place in found.items() if place.words})]
    by_item = {str(item): mine for item, mine in votes.groupby("item")}
    for item, place in found.items():
        if place.words:
            mine = by_item.get(item, votes.iloc[:0])
            known[item] = _row(known.get(item), item, place.label, asked, mine, classes)
        if place.waits_at and item in known:
            known[item]["status"] = "in review"
    if review.hold_from_training:
        _hold(known)
    return pd.DataFrame(list(known.values()), columns=list(labels.columns))


def _hold(known: dict[str, dict[Any, Any]]) -> None:
    """Keep labels that wait out of training, unless what is left of it could not be told apart.

    A round without two classes to train on would never close, and only closed rounds can be reviewed.
    """
    learned = [row for row in known.values() if row["split"] == "train"]
    if len({row["label"] for row in learned if row["status"] != "in review"}) < MIN_CLASSES:
        return
    for row in learned:
        if row["status"] == "in review":
            row["split"] = "held"


MIN_CLASSES = 2
"""Classes that a model must be trained on."""


def places_in(
    current: Round,
    labels: pd.DataFrame,
    said: Sequence[Verdict],
    review: Review,
    given_up: Iterable[str] = (),
) -> dict[str, Place]:
    """Where labels stand, by item; arguments as for `overrule`.

    Args:
        given_up: items without a label that somebody is to look at all the same.
    """
    asked = tables.ASKED.read(current.folder.asked).set_index("item")
    known = {str(row["item"]): row for row in labels.to_dict("records")}
    found = _places(known, asked, said, review, current.settings.campaign.seed)
    left = [Voted(item) for item in given_up if item not in known and item not in found]
    return found | places(left, (), review, current.settings.campaign.seed)


def reviewed(labels: pd.DataFrame, fused: pd.DataFrame) -> dict[str, int]:
    """Metrics: labels that rest on a verdict, those of them that votes had otherwise, and those that wait."""
    verdict = labels[labels["method"] == METHOD]
    both = verdict.merge(fused[["item", "label"]], on="item", suffixes=("", "_votes"))
    overturned = int((both["label"] != both["label_votes"]).sum())
    waiting = int((labels["status"] == "in review").sum())
    return {"reviewed": len(verdict), "overturned": overturned, "in_review": waiting}


def gate_table(found: dict[str, Place], said: Sequence[Verdict], review: Review, seed: int) -> str:
    """What each gate has done so far, as a table in Markdown; empty without gates."""
    if not review.gates:
        return ""
    lines = ["| gate | waiting | reviewed | overturned | of its random share | reviewers divided |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for row in gate_counts(found, said, review, seed):
        lines.append(
            f"| {row.gate} | {row.waiting} | {row.reviewed} | {_share(row.overturned, row.reviewed)} | "
            f"{_share(row.drawn_wrong, row.drawn)} | {row.divided} |"
        )
    return "\n".join(lines)


METHOD = "review"
"""What made a label that rests on a verdict, in the column `method`."""


def _places(
    known: dict[str, dict[Any, Any]], asked: pd.DataFrame, said: Sequence[Verdict], review: Review, seed: int
) -> dict[str, Place]:
    """Gates look at what votes made, but for gold; whatever else was reviewed has a place as well."""
    named = {one.item for one in said if one.item in asked.index or one.item in known}
    looked_at = {
        item for item, row in known.items()
        if review.gates and row["status"] == "fused" and row["split"] != "gold"
    }  # fmt: skip
    voted = [
        Voted(item, row["label"], float(row["confidence"]), bool(row["tie"])) if (row := known.get(item))
        else Voted(item)
        for item in sorted(named | looked_at)
    ]  # fmt: skip
    return places(voted, said, review, seed)


def _share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    low, high = wilson(part, whole)
    return f"{part} of {whole} ({low:.0%} to {high:.0%})"


def _row(
    before: dict[Any, Any] | None,
    item: str,
    label: str,
    asked: pd.DataFrame,
    votes: pd.DataFrame,
    classes: list[str],
) -> dict[Any, Any]:
    """An item's row of labels.parquet under a verdict."""
    if before is None:
        arm = asked.at[item, "arm"]
        before = {
            "item": item, "arm": arm, "split": arm if arm in ("test", "gold") else "train",
            "round": asked.at[item, "round"], "raw": None, "prior": None, "gold": False, "parameters": "",
            "votes": len(votes), "vote_ids": sorted(votes["vote"]),
        }  # fmt: skip
    # What was held for a review is trained on once it has had one; gates that stop it again hold it again.
    split = "train" if before["split"] == "held" else before["split"]
    return before | {
        "split": split,
        "label": label,
        "confidence": 1.0,
        "posterior": [float(name == label) for name in classes],
        "status": "reviewed",
        "entropy": 0.0,
        "agreeing": int((votes["value"] == label).sum()),
        "dissenters": sorted(votes.loc[votes["value"] != label, "annotator"]),
        "tie": False,
        "method": METHOD,
    }
