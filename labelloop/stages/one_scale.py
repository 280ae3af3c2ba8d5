"""The strategy `relabel` in a campaign: every vote of a round where it tells most for its money.

Without it a strategy picks the new items, and second looks are weighed against what a vote about any new item
brings. Here each new item has a gain of its own (see acquisition/relabel.py), so the round's votes are given
out one by one, to the best of all new and older items, and how many are second looks follows from that alone.

An answer's cost is that of the item (`acquisition.compose.cost_column`) times that of whoever is left to
answer: a second look that only a dear annotator could give must tell as much more. Where verdicts have a
price (`review.cost_per_verdict`) they are on the scale as well: an item of which a verdict tells more for its
money than another vote is left to the reviewers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelloop import tables
from labelloop.acquisition.composition_columns import costs_of
from labelloop.acquisition.relabel import vote_gain
from labelloop.asking import experts_left, usual_people
from labelloop.campaign import Annotation, CampaignSettings, Review
from labelloop.datasets.base import Prepared
from labelloop.fusion.vote_gain import verdicts_worth
from labelloop.stages.asked_again import people_asked
from labelloop.stages.composing import open_rows
from labelloop.stages.people import annotation_of
from labelloop.stages.quotas import experts_room
from labelloop.stages.runner import Round
from labelloop.stages.second_looks import (
    SecondLooks,
    expert_votes,
    further_votes,
    votes_accuracy,
    worth_of_a_look,
)
from labelloop.stages.strategy_arm import scores_array
from labelloop.stages.unsure_items import by_votes, eligible_items

STRATEGY = "relabel"


def choose_on_one_scale(
    current: Round,
    prepared: Prepared,
    asked: pd.DataFrame,
    labels: pd.DataFrame,
    candidates: np.ndarray,
    new_items: int,
) -> SecondLooks:
    """Give the strategy's votes to new and to older items; the new ones are then picked by the same gains.

    Args:
        asked: `tables.ASKED` of the round before.
        labels: the snapshot of the round before.
        candidates: rows of the pool that the strategy may pick.
        new_items: what it could ask about if it had all of the round's votes.
    """
    annotation, settings = annotation_of(current), current.settings
    accuracy = accuracy_of(settings, labels, len(prepared.classes))
    weighed = weigh_older_items(current, prepared, asked, labels, accuracy)
    older, gain, above = weighed.items, weighed.gain, weighed.above
    each = _costs(prepared, settings)
    probabilities = scores_array(current, "probabilities")
    assert probabilities is not None
    if settings.acquisition.compose.is_set:
        taken = prepared.pool.rows_of(sorted({*asked["item"], *labels["item"]}))
        candidates = np.intersect1d(candidates, open_rows(prepared, settings, taken))
    gains = vote_gain(probabilities, candidates, accuracy=accuracy, votes=annotation.overlap)
    new = np.sort(gains / each[candidates])[::-1]
    order = weighed.order
    spent = np.where(above[order], expert_votes(annotation), 1.0)
    all_votes = new_items * annotation.overlap
    new_taken, looks = share_votes(new, gain[order], all_votes, annotation.overlap, spent)
    order = order[:looks]
    about: dict[str, Any] = {
        "votes": looks,
        "of_votes": all_votes,
        "unsure": len(older),
        "asked_of_experts": int(above[order].sum()),
        "new_items_left_out": new_items - new_taken,
        "worth_of_a_vote": float(gain[order].mean()) if looks else None,
        "worth_of_a_vote_about_a_new_item": float(new[:new_taken].mean()) if new_taken else None,
        "accuracy_of_a_vote": accuracy,
        "reason": reason_for(looks, float(spent[:looks].sum()), new_taken, len(older), annotation),
    }
    if settings.review.cost_per_verdict is not None:
        last = min([*new[:new_taken][-1:], *gain[order][-1:]], default=0.0)
        about["for_review"] = weighed.for_review(last)
    told = {"accuracy": accuracy, "votes": annotation.overlap}
    return SecondLooks(further_votes(older, order, gain), new_taken, about, told)


@dataclass(frozen=True)
class OlderItems:
    """Items that may be asked about again, and what that brings; arrays have a value an item."""

    items: pd.DataFrame
    """See `eligible_items`."""
    gain: np.ndarray
    """What one more vote is expected to add, in sure labels, over what it costs in usual answers."""
    verdict: np.ndarray
    """The same of a reviewer's verdict; 0 where verdicts have no price."""
    room: int | None
    """Looks that the experts may have; None without a limit."""

    @property
    def above(self) -> np.ndarray:
        """Whether an expert's word is wanted; bool."""
        return (self.items["tier"] == "expert").to_numpy()

    @property
    def order(self) -> np.ndarray:
        """Positions of those that votes tell more about than a verdict for its money, the best first."""
        order = np.argsort(-self.gain, kind="stable")
        order = order[self.verdict[order] <= self.gain[order]]
        if self.room is not None:
            above = self.above[order]
            order = order[~above | (np.cumsum(above) <= self.room)]
        return order

    def for_review(self, bar: float) -> list[str]:
        """Items of which a verdict tells more than a vote, and than the bar; the best first."""
        names, bars = self.items["item"].tolist(), np.maximum(self.gain, bar)
        best = np.argsort(-self.verdict, kind="stable")
        return [names[place] for place in best if self.verdict[place] > bars[place]]


def weigh_older_items(
    current: Round, prepared: Prepared, asked: pd.DataFrame, labels: pd.DataFrame, accuracy: float
) -> OlderItems:
    """What may be asked about again, by its gain for the money.

    Args:
        asked: `tables.ASKED` of the round before.
        labels: the snapshot of the round before.
        accuracy: of a vote by anybody but an expert.
    """
    annotation, settings = annotation_of(current), current.settings
    votes = tables.VOTES.read(current.previous.collected)
    older = eligible_items(asked, by_votes(labels), votes, annotation)
    room = experts_room(settings, annotation, current.about["new_items"])
    gain = worth_of_a_look(older, accuracy)
    if not len(older):
        return OlderItems(older, gain, np.zeros(0), room)
    rows, above = prepared.pool.rows_of(older["item"].tolist()), (older["tier"] == "expert").to_numpy()
    each = _costs(prepared, settings)[rows]
    gain = gain / (each * prices_of_those_left(annotation, votes, older["item"], above))
    verdict = verdicts_worth(np.stack(older["posterior"].to_list()))
    return OlderItems(older, gain, verdict / _verdict_price(annotation, settings.review), room)


def accuracy_of(settings: CampaignSettings, labels: pd.DataFrame, n_classes: int) -> float:
    """How often a vote is right: as the options of `relabel` say, else by the labels that votes made."""
    acquisition = settings.acquisition
    told = acquisition.options.get("accuracy") if acquisition.strategy == STRATEGY else None
    return told or votes_accuracy(labels, n_classes)


def share_votes(
    new: np.ndarray, again: np.ndarray, votes: float, overlap: int, each: np.ndarray | None = None
) -> tuple[int, int]:
    """How many new items (of `overlap` votes) and second looks (of one) the votes are best spent on.

    The best gain first, a new item before a second look that brings the same. No second look that brings
    nothing is bought; new items are, since somebody else's votes there could say what no model foresees.

    Args:
        new: gains of each vote about the new items, falling.
        again: gains of a vote about the older ones, falling.
        each: votes that each second look counts as, such as an expert's; None: one.

    Returns:
        New items and second looks; together at most `votes`, and fewer only where what comes next does not
        fit any more.
    """
    items = looks = 0
    while votes > 0:
        price = 1.0 if each is None or looks == len(each) else float(each[looks])
        fits = items < len(new) and votes >= overlap
        pays = looks < len(again) and again[looks] > 0 and votes >= price
        if fits and not (pays and again[looks] > new[items]):
            items, votes = items + 1, votes - overlap
        elif pays:
            looks, votes = looks + 1, votes - price
        else:
            break
    return items, looks


def prices_of_those_left(
    annotation: Annotation, votes: pd.DataFrame, items: Iterable[str], above: np.ndarray
) -> np.ndarray:
    """Mean price of an answer by whoever may still be asked, over the usual mean; 1 where nobody is named.

    Args:
        above: shape (n_items,), bool: items that are for experts.

    Returns:
        Shape (n_items,), above 0.
    """
    usual = usual_people(annotation) or frozenset()
    mean = _usual_price(annotation)
    names = list(items)
    if not usual or mean <= 0:
        return np.ones(len(names))
    spoke = people_asked(votes, set(names))
    found = []
    for item, expert in zip(names, above, strict=True):
        people = experts_left(annotation) if expert else usual
        left = [annotation.price_of(name) for name in sorted(people - set(spoke.get(item, ())))]
        found.append(max(float(np.mean(left)), 1e-9) / mean if left else 1.0)
    return np.array(found)


def _usual_price(annotation: Annotation) -> float:
    """What an answer costs on average, of those who are asked about everything."""
    people = usual_people(annotation)
    each = [annotation.price_of(name) for name in sorted(people or ())] or [annotation.cost_per_vote]
    return float(np.mean(each))


def _verdict_price(annotation: Annotation, review: Review) -> float:
    """What a verdict costs, over a vote by anybody; without bound where it is not weighed."""
    usual = _usual_price(annotation)
    return review.cost_per_verdict / usual if review.cost_per_verdict is not None and usual else np.inf


def _costs(prepared: Prepared, settings: CampaignSettings) -> np.ndarray:
    """What an answer about each row costs, as a multiple of the usual; shape (n,)."""
    column = settings.acquisition.compose.cost_column
    return np.ones(len(prepared.pool)) if column is None else costs_of(column, prepared.pool.values)


def reason_for(looks: int, votes: float, new_items: int, older: int, annotation: Annotation) -> str:
    """What was spent on what, in words.

    Args:
        votes: that the second looks count as; an expert's counts as several.
    """
    target = f"{annotation.target_confidence:.0%}"
    if not older:
        return f"No older item that may be asked again is below {target}."
    were = "1 older item" if older == 1 else f"{older} older items"
    if not looks:
        return f"A vote about none of the {were} below {target} brings more for its cost than new items do."
    again = "1 second look" if looks == 1 else f"{looks} second looks"
    return (f"{again} took {round(votes, 1):g} of the round's votes and {new_items} new items "
            f"{new_items * annotation.overlap}, wherever one brings most for its cost ({were} below "
            f"{target}).")  # fmt: skip
