"""Who is asked about each item of a batch: what routing needs to know, and what comes of it.

What an item may be is told by the votes about it; of a new item nothing is taken for known. A model has no
say in who answers: somebody who says one class too often is the surest to know that class, and would be sent
whatever the model takes for it. Gold is dealt at random altogether, to experts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from labelloop import tables
from labelloop.annotators.answers import gold_codes
from labelloop.annotators.campaign_quality import answers_of_votes
from labelloop.annotators.copying import copying_pairs
from labelloop.annotators.routing import UNLIMITED, Asked, Assignment, route
from labelloop.annotators.skills import Skills, class_skills
from labelloop.asking import known_people
from labelloop.datasets.base import Prepared
from labelloop.fusion.coding import standing_votes
from labelloop.stages.asked_again import people_asked
from labelloop.stages.people import annotation_of
from labelloop.stages.reasks import choose_reasks
from labelloop.stages.runner import Round

SEED = 11
"""Tells this draw from the others of a round."""


@dataclass(frozen=True)
class Routed:
    """A batch, and who is asked about what."""

    batch: pd.DataFrame
    """`tables.BATCH`: as it was, less the copies that nobody could be found for."""
    further: pd.DataFrame
    """Second looks, less those that nobody could be found for; see `second_looks.SecondLooks`."""
    table: pd.DataFrame
    """`tables.ROUTING`, in the order of the items."""
    about: dict[str, Any]
    """What selection.json says besides; empty where anybody may answer."""


def route_batch(
    current: Round,
    prepared: Prepared,
    batch: pd.DataFrame,
    further: pd.DataFrame,
    labels: pd.DataFrame,
    gold: Mapping[str, str],
) -> Routed:
    """Find annotators for a batch, where that is wanted, and whom to ask something again.

    Args:
        batch: `tables.BATCH` without second looks.
        further: columns item, overlap, tier of the second looks.
        labels: the snapshot of the round before, as second looks see it.
        gold: true labels by item.
    """
    annotation = annotation_of(current)
    reasks = choose_reasks(current, int(batch["overlap"].sum()) + len(further), set(further["item"]))
    if not annotation.routing.on:
        return Routed(batch, further, reasks, {})
    routing, people = annotation.routing, sorted(known_people(annotation) or ())
    votes = tables.VOTES.read(current.previous.collected)
    skills = _skills(votes, people, prepared, gold)
    taken = reasks["annotator"].value_counts()
    load = np.array([taken.get(name, 0) for name in people], dtype=np.int64)
    quotas = [routing.quota_of(name) for name in people]
    room = np.array([UNLIMITED if quota is None else quota for quota in quotas]) - load
    asked = Asked(
        belief=_beliefs(batch, further, labels, len(prepared.classes)),
        needed=np.array([*batch["overlap"], *further["overlap"]], dtype=np.int64),
        may=_allowed(batch, further, people, routing.experts, people_asked(votes, set(further["item"]))),
        at_random=np.array([*(batch["arm"] == "gold"), *np.zeros(len(further), dtype=bool)], dtype=bool),
    )
    found = route(
        asked,
        skills.low,
        load,
        np.maximum(room, 0),
        explore=routing.explore,
        weight=routing.load_weight,
        seed=[current.about["seed"], SEED],
    )
    items = np.array([*batch["item"], *further["item"]], dtype=object)
    table = _table(found, asked, skills, items, np.array(people, dtype=object), routing)
    new, more = np.split(found.missing, [len(batch)])
    batch = batch.assign(overlap=batch["overlap"] - new)
    batch = batch[batch["overlap"] > 0].reset_index(drop=True)
    return Routed(
        batch.assign(rank=np.arange(len(batch))),
        further[more == 0].reset_index(drop=True),
        pd.concat([table, reasks], ignore_index=True) if len(reasks) else table,
        _about(table, skills, int(found.missing.sum())),
    )


def _skills(votes: pd.DataFrame, people: list[str], prepared: Prepared, gold: Mapping[str, str]) -> Skills:
    n_classes = len(prepared.classes)
    if not len(votes) or not len(standing_votes(votes)):
        return class_skills(None, people, n_classes)
    coded = answers_of_votes(votes, prepared.classes).votes
    known = pd.DataFrame({"item": list(gold), "label": list(gold.values())})
    codes = gold_codes(coded, known)[0] if gold else None
    return class_skills(coded, people, n_classes, codes, copying_pairs(coded).groups(len(coded.annotators)))


def _beliefs(batch: pd.DataFrame, further: pd.DataFrame, labels: pd.DataFrame, n_classes: int) -> np.ndarray:
    """Shape (len(batch) + len(further), n_classes): how likely each class is, as far as votes tell."""
    belief = np.full((len(batch) + len(further), n_classes), 1.0 / n_classes)
    if len(further):
        posterior = labels.set_index("item")["posterior"].loc[further["item"]]
        belief[len(batch) :] = np.stack(posterior.to_list())
    return belief


def _allowed(
    batch: pd.DataFrame,
    further: pd.DataFrame,
    people: list[str],
    experts: frozenset[str],
    had: Mapping[str, tuple[str, ...]],
) -> np.ndarray:
    """Shape (len(batch) + len(further), len(people)), bool: who may be asked about each."""
    expert = np.array([name in experts for name in people], dtype=bool)
    new = ~expert | (batch["arm"] == "gold").to_numpy()[:, None]
    above = (further["tier"] == "expert").to_numpy()[:, None]
    spoke = np.array([[name in had.get(item, ()) for name in people] for item in further["item"]], dtype=bool)
    more = np.where(above, expert, ~expert) & ~spoke.reshape(len(further), len(people))
    return np.concatenate([new, more])


def _table(
    found: Assignment, asked: Asked, skills: Skills, items: np.ndarray, people: np.ndarray, routing: Any
) -> pd.DataFrame:
    expert = np.isin(people, list(routing.experts))[found.person]
    why = np.where(found.explored, "explore", np.where(expert, "expert", "skill"))
    # An expert drawn for a second look is there for being one; gold is dealt to everybody.
    why = np.where(expert & ~asked.at_random[found.item], "expert", why)
    worth = (asked.belief[found.item] * skills.low[found.person]).sum(axis=1)
    return pd.DataFrame(
        {
            "item": items[found.item],
            "annotator": people[found.person],
            "why": why,
            "chance": found.chance,
            "worth": worth.round(6).clip(0.0, 1.0),
        }
    )


def _about(table: pd.DataFrame, skills: Skills, missing: int) -> dict[str, Any]:
    counts = table["why"].value_counts()
    given = table["annotator"].value_counts()
    rows = zip(skills.annotators, skills.low.mean(axis=1), skills.answers, strict=True)
    people = {
        name: {
            "answers": int(given.get(name, 0)),
            "proven": round(float(low), 4),
            "judged": round(float(many), 1),
        }
        for name, low, many in rows
    }
    answers = {why: int(counts.get(why, 0)) for why in ("skill", "explore", "expert")}
    return {"routing": {"answers": answers, "without_anybody": missing, "people": people}}
