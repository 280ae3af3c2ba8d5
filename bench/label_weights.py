"""What it buys to weigh training labels by how sure they are: accuracy of the model, against equal weights.

Simulated crews of 12 people who are right in 60 to 85 of 100 answers label random items, 1, 2 or 3 votes
each; `auto` fuses them, with or without 50 items of gold to calibrate on; the campaign's learners train on
the result and are judged on true labels. `confidence` weighs each label by its confidence; `above_chance` by
how far that is above guessing, mean 1; `soft` shows every item once for each class, weighed by its posterior.
Differences are paired by draw; the interval is two standard errors.

`digits` is scikit-learn's; ag_news and sms_spam lie in the folder `LABELLOOP_DATA` (left out without it).

    python -m bench label_weights
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from bench.figures import Figure
from labelloop import models
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes

DRAWS = 10
ITEMS = (100, 400)
PER_ITEM = (1, 2, 3)
CREW, GOLD = 12, 50
SKILL = (0.6, 0.85)
TEST = 1500
SCHEMES = ("confidence", "above_chance", "soft")


@dataclass(frozen=True)
class Set:
    """A data set with the learner that judges on it."""

    name: str
    learner: str
    kind: str
    """text or features."""
    inputs: np.ndarray
    codes: np.ndarray


def measure(folder: Path) -> list[Figure]:
    """Points of accuracy that weights add; `folder` is not needed."""
    figures = []
    for data in sets():
        for n_items in ITEMS:
            for per_item in PER_ITEM:
                for gold in (0, GOLD):
                    found = [draw(data, n_items, per_item, gold, seed) for seed in range(DRAWS)]
                    figures += _figures(data, n_items, per_item, gold, found)
    return figures


def sets() -> Iterator[Set]:
    """Digits by two learners; texts where they are there."""
    pixels, codes = load_digits(return_X_y=True)
    for learner in ("logistic", "mlp"):
        yield Set("digits", learner, "features", (pixels / 16).astype(np.float32), codes.astype(np.int64))
    root = Path(os.environ.get("LABELLOOP_DATA", ""))
    for name in ("ag_news", "sms_spam"):
        path = root / name / f"{name}.csv.gz"
        if not path.exists():
            print(f"  {name} left out: LABELLOOP_DATA names no folder that has it")
            continue
        table = pd.read_csv(path, dtype=str).sample(4000, random_state=0)
        codes = pd.factorize(table["label"], sort=True)[0].astype(np.int64)
        columns = [column for column in ("title", "description", "text") if column in table]
        texts = table[columns].fillna("").agg("\n".join, axis=1).to_numpy(dtype=object)
        yield Set(name, "tfidf_logistic", "text", texts, codes)


def draw(data: Set, n_items: int, per_item: int, gold: int, seed: int) -> dict[str, float]:
    """Accuracy on true labels by weights, for one crew and one sample of items."""
    rng = np.random.default_rng([seed, n_items, per_item])
    order = rng.permutation(len(data.codes))
    known, train, test = np.split(order[: GOLD + n_items + TEST], [GOLD, GOLD + n_items])
    asked = np.concatenate([known[:gold], train])
    n_classes = int(data.codes.max()) + 1
    votes = crew_votes(data.codes[asked], per_item, n_classes, rng)
    truth = np.full(len(asked), -1)
    truth[:gold] = data.codes[asked[:gold]]
    posterior = make_fuser("auto")(votes, gold=truth if gold else None).posterior[gold:]
    label, sure = posterior.argmax(axis=1), posterior.max(axis=1)
    above = np.maximum((sure - 1 / n_classes) / (1 - 1 / n_classes), 0.02)
    item, kind = np.nonzero(posterior > 0.02)
    rows = {
        "none": (train, label, None),
        "confidence": (train, label, sure),
        "above_chance": (train, label, above / above.mean()),
        "soft": (train[item], kind, posterior[item, kind]),
    }
    accuracy = {"labels": float((label == data.codes[train]).mean())}
    untrained = models.make_learner(
        data.learner, n_classes=n_classes, seed=seed, options={}, input_kind=data.kind
    )
    untrained.observe([data.inputs[order[: GOLD + n_items + TEST]]])
    for name, (taken, targets, weight) in rows.items():
        learner = copy.deepcopy(untrained).fit(data.inputs[taken], targets, weight)
        right = learner.predict_proba(data.inputs[test]).argmax(axis=1) == data.codes[test]
        accuracy[name] = float(right.mean())
    return accuracy


def crew_votes(truth: np.ndarray, per_item: int, n_classes: int, rng: np.random.Generator) -> Votes:
    """Votes of a crew; errors are even over the other classes."""
    skill = rng.uniform(*SKILL, CREW)
    item = np.repeat(np.arange(len(truth)), per_item)
    who = np.concatenate([rng.choice(CREW, per_item, replace=False) for _ in truth])
    wrong = (truth[item] + rng.integers(1, n_classes, len(item))) % n_classes
    label = np.where(rng.random(len(item)) < skill[who], truth[item], wrong)
    return Votes(
        items=np.arange(len(truth)).astype(object),
        annotators=np.arange(CREW).astype(object),
        classes=tuple(str(code) for code in range(n_classes)),
        item=item,
        annotator=who,
        label=label,
    )


def _figures(
    data: Set, n_items: int, per_item: int, gold: int, found: list[dict[str, float]]
) -> list[Figure]:
    plain = np.array([one["none"] for one in found])
    parts = []
    for name in SCHEMES:
        gained = 100 * (np.array([one[name] for one in found]) - plain)
        error = 2 * gained.std(ddof=1) / np.sqrt(len(gained))
        parts.append((name, gained.mean(), error))
    right = np.mean([one["labels"] for one in found])
    note = ", ".join(f"{name} {mean:+.1f} ± {error:.1f}" for name, mean, error in parts)
    votes = "vote" if per_item == 1 else "votes"
    title = f"{data.name}, {data.learner}, {n_items} items, {per_item} {votes}, gold {gold}"
    note = f"labels right {100 * right:.1f}, plain {100 * plain.mean():.1f}; {note}"
    figure = Figure(title, parts[0][1], "points", at_least=0, note=note, details={"draws": found})
    print(f"  {title}: {figure.note}", flush=True)
    return [figure]
