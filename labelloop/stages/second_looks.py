"""The relabel arm: which older items get further votes, and how many a round spends on that.

New items and second looks are bought with the same votes, so they are put on one scale: what a vote is
expected to add, counted in labels that are surely right (see fusion/vote_gain.py). A new item's votes set
the price. Older items about which one more vote brings more are asked about again, the best first, by one
person a round: what that one says decides about the next. Each `overlap` of them take the place of one new
item. The control arm is never crowded out.

Control items are looked at again by the same rule as the strategy's: labels of both arms are then equally
good, and what the control arm says about savings stays a comparison of which items were asked. Test items are
not: they have an overlap of their own, which no model had a part in.

Where there are annotators of tier expert, one of them is asked about what the others have split on or leave
unsure with `max_overlap` answers. Those looks come first and count as many votes as they cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from labelloop import tables
from labelloop.asking import experts_left, usual_people
from labelloop.datasets.base import Prepared
from labelloop.fusion.vote_gain import annotator_accuracy, another_votes_worth, new_votes_worth
from labelloop.settings.annotation import Annotation
from labelloop.stages.people import annotation_of
from labelloop.stages.quotas import experts_room
from labelloop.stages.runner import Round
from labelloop.stages.unsure_items import by_votes, eligible_items

EXPERT_ACCURACY = 0.95
"""How often an expert's answer is taken to be right when looks at different items are compared."""
NO_SECOND_LOOKS = pd.DataFrame({"item": [], "overlap": [], "score": [], "total": [], "tier": []})


@dataclass(frozen=True)
class SecondLooks:
    """Further votes of a round."""

    further: pd.DataFrame
    """Columns item, overlap (further people wanted: 1), score (what the vote is worth, in sure labels), total
    (people wanted in all rounds together), tier (whose word is wanted); experts' first, then the best."""
    new_items: int
    """New items of the strategy that are still asked about."""
    about: dict[str, Any]
    """What selection.json says."""
    told: dict[str, Any] = field(default_factory=dict)
    """Options of the strategy that follow from the campaign's votes."""


def choose_second_looks(
    current: Round, prepared: Prepared, asked: pd.DataFrame, labels: pd.DataFrame, new_items: int
) -> SecondLooks:
    """Weigh further votes about older items against the strategy's picks.

    Args:
        asked: `tables.ASKED` of the round before.
        labels: the snapshot of the round before.
        new_items: what the strategy could ask about if it had all of the round's votes.
    """
    annotation = annotation_of(current)
    room = experts_room(current.settings, annotation, current.about["new_items"])
    known = by_votes(labels)
    n_classes = len(prepared.classes)
    accuracy = votes_accuracy(known, n_classes)
    price = new_votes_worth(n_classes, accuracy, annotation.overlap)
    open_ones = eligible_items(asked, known, tables.VOTES.read(current.previous.collected), annotation)
    return _choose(open_ones, price, accuracy, new_items, annotation, room)


def votes_accuracy(labels: pd.DataFrame, n_classes: int) -> float:
    """How often a vote has been right, by the labels that votes made."""
    known = by_votes(labels)
    confidence, agreeing, votes = (
        known[name].to_numpy(float) for name in ("confidence", "agreeing", "votes")
    )
    return annotator_accuracy(confidence, agreeing, votes, n_classes)


def with_second_looks(
    batch: pd.DataFrame, asked: pd.DataFrame, further: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The batch with the relabel arm behind the others, and `asked` with the people wanted in all."""
    rows = pd.DataFrame(
        {
            "item": further["item"],
            "arm": "relabel",
            "rank": len(batch) + np.arange(len(further)),
            "score": further["score"],
            "probability": 1.0,
            "draw_probability": np.nan,
            "overlap": further["overlap"],
        }
    )
    together = pd.concat([batch, rows], ignore_index=True) if len(batch) else rows
    wanted = asked["item"].map(further.set_index("item")["total"])
    return together, asked.assign(overlap=wanted.fillna(asked["overlap"]).astype(int))


def _choose(
    open_ones: pd.DataFrame,
    price: float,
    accuracy: float,
    new_items: int,
    annotation: Annotation,
    room: int | None = None,
) -> SecondLooks:
    """The looks of experts, then further votes that bring more than `price`, for whole new items' votes.

    Args:
        room: looks that the experts may have; None without a limit.
    """
    overlap = annotation.overlap
    most = math.floor(annotation.second_look_share * new_items + 1e-9)
    worth, above = worth_of_a_look(open_ones, accuracy), (open_ones["tier"] == "expert").to_numpy()
    order = np.argsort(-worth, kind="stable")
    experts, usual = order[above[order]], order[~above[order]]
    each = expert_votes(annotation)
    if each > 0:  # whose answers cost nothing may be asked about everything
        experts = experts[: math.floor(most * overlap / each + 1e-9)]
    experts = experts[:room]
    spent = each * len(experts)
    paying = int((worth[usual] > price).sum())
    replaced = min(most, math.ceil((spent + paying) / overlap - 1e-9))
    usual = usual[: math.floor(replaced * overlap - spent + 1e-9)]
    taken = np.concatenate([experts, usual])
    about: dict[str, Any] = {
        "votes": len(taken),
        "of_votes": new_items * overlap,
        "unsure": len(open_ones),
        "paying": paying,
        "new_items_left_out": replaced,
        "worth_of_a_vote": float(worth[usual].mean()) if len(usual) else None,
        "worth_of_a_vote_about_a_new_item": price,
        "accuracy_of_a_vote": accuracy,
        "reason": _reason(int((~above).sum()), paying, replaced, most, len(usual), price, annotation),
    }
    if annotation.routing.experts:
        about |= {"for_experts": int(above.sum()), "asked_of_experts": len(experts),
                  "votes_that_an_expert_costs": each}  # fmt: skip
        about["reason"] = _with_experts(int(above.sum()), len(experts)) + about["reason"]
    return SecondLooks(further_votes(open_ones, taken, worth), new_items - replaced, about)


def worth_of_a_look(open_ones: pd.DataFrame, accuracy: float) -> np.ndarray:
    """What one more vote about each item adds, by whose word is wanted; in sure labels, shape (n,).

    Args:
        open_ones: see `eligible_items`.
        accuracy: of a vote by anybody but an expert.
    """
    worth = np.zeros(len(open_ones))
    above = (open_ones["tier"] == "expert").to_numpy()
    for tier, right in ((above, EXPERT_ACCURACY), (~above, accuracy)):
        if tier.any():
            worth[tier] = another_votes_worth(np.stack(open_ones["posterior"][tier].to_list()), right)
    return worth


def further_votes(open_ones: pd.DataFrame, taken: np.ndarray, worth: np.ndarray) -> pd.DataFrame:
    """`SecondLooks.further`: one more person about each of the items taken.

    Args:
        open_ones: see `eligible_items`.
        taken: positions in it, in their order; shape (k,).
        worth: of a vote about each of `open_ones`; shape (n,).
    """
    return pd.DataFrame(
        {
            "item": open_ones["item"].to_numpy()[taken],
            "overlap": 1,
            "score": worth[taken],
            "total": open_ones["total"].to_numpy()[taken] + 1,
            "tier": open_ones["tier"].to_numpy()[taken],
        }
    )


def as_dealt(about: dict[str, Any], further: pd.DataFrame) -> dict[str, Any]:
    """What selection.json says once it is known which looks somebody was found for.

    Args:
        about: of the looks that were wanted; see `SecondLooks`.
        further: those that are asked; see `SecondLooks`.
    """
    votes = int(further["overlap"].sum())
    lost = about["votes"] - votes
    said = about | {"votes": votes}
    if "asked_of_experts" in about:
        said["asked_of_experts"] = int((further["tier"] == "expert").sum())
    if lost:
        said["reason"] += f" For {lost} of these looks nobody was left who may be asked."
    return said


def expert_votes(annotation: Annotation) -> float:
    """What an expert's answer costs, in usual ones: the dearest expert's over the usual mean; 0 or more."""
    experts, usual = experts_left(annotation), usual_people(annotation)
    if not experts or not usual:
        return 1.0
    mean = float(np.mean([annotation.price_of(name) for name in sorted(usual)]))
    return max(map(annotation.price_of, experts)) / mean if mean > 0 else 1.0


def _with_experts(waiting: int, asked: int) -> str:
    if not waiting:
        return ""
    were = "1 older item was" if waiting == 1 else f"{waiting} older items were"
    return f"{were} split or unsure with every answer in; experts are asked about {asked}. "


def _reason(
    unsure: int, paying: int, replaced: int, most: int, spent: int, price: float, annotation: Annotation
) -> str:
    target = f"{annotation.target_confidence:.0%}"
    if not unsure:
        return f"No older item that may be asked again is below {target}."
    older = f"{unsure} older {'item' if unsure == 1 else 'items'} below {target}"
    new = f"a vote about a new item, which brings {price:.2f} of a sure label"
    if not paying:
        return f"{older}, but one more vote about none of them is worth more than {new}."
    if not spent:
        return f"{older}, but annotation.second_look_share leaves no whole new item's votes for them."
    limit = " (as many as annotation.second_look_share allows)" if replaced == most else ""
    were = "1 new item was" if replaced == 1 else f"{replaced} new items were"
    return (f"{spent} votes went to second looks{limit}: of {older}, one more vote about {paying} is worth "
            f"more than {new}. {were} put off.")  # fmt: skip
