"""Rounds that only look again: further votes about unsure items once there is nothing new to ask about.

When the pool or the budget of labels is used up, the items of the last batches have had no second look yet,
and what earlier rounds put off is still unsure. So the campaign goes on with rounds whose batch is second
looks alone, each item asked of one more person, until none is worth its price, or money, hours or rounds are
used up. It then stops for the reason that it had before.

The price is what the last of `max_overlap` votes about an item brings on average: whoever allows so many
votes finds that worth a vote's money. No new item sets a price here, as it does in `second_looks`.

A round of second looks is opened only where some are found, and each asks somebody whom the item may still be
asked of, so such rounds end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.campaign import Annotation, CampaignSettings
from labelloop.datasets.base import Prepared
from labelloop.evaluation import curve as curves
from labelloop.fusion.vote_gain import last_votes_worth
from labelloop.ledger import LOOKS, Entry, read_frozen
from labelloop.reviewing import verdicts
from labelloop.stages.composing import cost_multiples
from labelloop.stages.fused_stream import ENDED, as_if_unread, ended_since
from labelloop.stages.one_scale import OlderItems, accuracy_of, weigh_older_items
from labelloop.stages.overruling import overrule
from labelloop.stages.people import annotation_of
from labelloop.stages.runner import Round
from labelloop.stages.second_looks import SecondLooks, further_votes
from labelloop.stopping import RoundSummary, item_cost
from labelloop.workspace import Workspace


def looks_left(
    workspace: Workspace, settings: CampaignSettings, entry: Entry, history: Sequence[RoundSummary]
) -> int:
    """How many second looks the next round would ask for if it asked about nothing else; 0: none is left.

    Args:
        settings: what the round would follow.
        history: finished rounds, oldest first.
    """
    before, annotation = workspace.folder(entry.previous), settings.annotation
    if annotation.max_overlap is None or _asked_nobody(workspace, entry):
        return 0
    about = {
        "previous": entry.previous, "new_items": 0, LOOKS: most_looks(settings),
        "money": money_for_looks(settings, history), ENDED: ended_since(workspace, before),
    }  # fmt: skip
    planned = Round(workspace, entry.id, (about, settings))
    asked, labels = tables.ASKED.read(before.asked), tables.LABELS.read(before.labels)
    said = verdicts.read(workspace.reviews)
    overruled = overrule(planned, before, labels, said, settings.review)
    asked, overruled = as_if_unread(planned, asked, labels, overruled)
    prepared = datasets.open_prepared(workspace.data)
    return len(choose_last_looks(planned, prepared, asked, overruled).further)


def most_looks(settings: CampaignSettings) -> int:
    """Second looks of a round without new items, at most: as many votes as a usual round has."""
    return settings.acquisition.batch_size * settings.annotation.overlap


def money_for_looks(settings: CampaignSettings, history: Sequence[RoundSummary]) -> float | None:
    """What is left of budget.money; None without such a budget."""
    budget = settings.budget.money
    return None if budget is None else budget - (history[-1].money if history else 0.0)


def choose_last_looks(
    current: Round, prepared: Prepared, asked: pd.DataFrame, labels: pd.DataFrame
) -> SecondLooks:
    """The second looks that are worth most for their money, each above the price, as far as money goes.

    Args:
        asked: `tables.ASKED` of the round before, as second looks see it.
        labels: the snapshot of the round before, as second looks see it.
    """
    annotation, n_classes = annotation_of(current), len(prepared.classes)
    accuracy = accuracy_of(current.settings, labels, n_classes)
    price = last_votes_worth(n_classes, accuracy, annotation.max_overlap or annotation.overlap)
    older = weigh_older_items(current, prepared, asked, labels, accuracy)
    paying = older.order[older.gain[older.order] >= max(price, 1e-9)]
    most, money = current.about[LOOKS], current.about.get("money")
    taken = (
        paying[:most] if money is None else affordable_looks(paying, _prices(current, older), money)[:most]
    )
    about: dict[str, Any] = {
        "votes": len(taken),
        "unsure": len(older.items),
        "paying": len(paying),
        "worth_of_a_vote": float(older.gain[taken].mean()) if len(taken) else None,
        "price_of_a_vote": price,
        "accuracy_of_a_vote": accuracy,
        "reason": _reason(len(older.items), len(paying), len(taken), price, annotation),
    }
    if annotation.routing.experts:
        about["asked_of_experts"] = int(older.above[taken].sum())
    if current.settings.review.cost_per_verdict is not None:
        about["for_review"] = older.for_review(price)
    return SecondLooks(further_votes(older.items, taken, older.gain), 0, about)


def looked_again(curve: pd.DataFrame) -> str:
    """What has been done since the last round with new items, in a sentence; empty where that was nothing.

    Args:
        curve: the learning curve.
    """
    labeling = curves.labeling_rounds(curve)
    if not len(labeling):
        return ""
    since = curve.loc[curve.index[curve["round"] == labeling["round"].iloc[-1]][0] :]
    rounds, votes = int(since[curves.ONLY_LOOKS].sum()), int(since["votes"].iloc[-1] - since["votes"].iloc[0])
    if not rounds:
        return ""
    which = "1 further round has" if rounds == 1 else f"{rounds} further rounds have"
    answers = "1 answer" if votes == 1 else f"{votes} answers"
    return f"{which} looked again at what was unsure, with {answers}."


def affordable_looks(order: np.ndarray, prices: np.ndarray, money: float) -> np.ndarray:
    """Of the positions, in their order, those that the money pays for; what is too dear is passed over.

    Args:
        order: positions in `prices`, the best first.
    """
    taken = []
    for place in order.tolist():
        # A sum of prices may end a hair above the money that it is meant to use up.
        if prices[place] <= money + 1e-9:
            taken.append(place)
            money -= float(prices[place])
    return np.array(taken, dtype=np.int64)


def _prices(current: Round, older: OlderItems) -> np.ndarray:
    """Money for one more vote about each item, by the dearest who may give it, and its part of re-asks."""
    annotation = current.settings.annotation
    expert = max(map(annotation.price_of, annotation.routing.experts), default=0.0)
    each = np.where(older.above, expert, item_cost(annotation, 1))
    each += current.settings.quality.reask_share * item_cost(annotation, 1, experts=True)
    times = cost_multiples(current.workspace, current.settings, older.items["item"])
    return each * np.array([times.get(item, 1.0) for item in older.items["item"]])


def _reason(unsure: int, paying: int, asked: int, price: float, annotation: Annotation) -> str:
    were = "1 older item is" if unsure == 1 else f"{unsure} older items are"
    looks = "1 second look is" if asked == 1 else f"{asked} second looks are"
    return (f"There is nothing new to ask about. {were} below {annotation.target_confidence:.0%}; one more "
            f"vote about {paying} of them is worth its price, {price:.2f} of a sure label: what the last of "
            f"{annotation.max_overlap} votes brings on average. {looks} asked for.")  # fmt: skip


def _asked_nobody(workspace: Workspace, entry: Entry) -> bool:
    """Whether the round before only looked again and found nobody to ask: another one would not either."""
    before = workspace.folder(entry.previous)
    if not before.closed.exists() or not read_frozen(before.settings)[0].get(LOOKS):
        return False
    return not files.read_json(before.closed)["asked"]
