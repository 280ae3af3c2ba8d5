"""Votes to measure on: real crowds with a known truth, subsamples of them, and simulated ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from labelloop.fusion.base import Votes
from labelloop.fusion.coding import code_votes

EMOTION_EDGES = (0.5, 33.5, 66.5)
"""Scores of an emotion, 0 to 100, are called none, weak, middle or strong."""


@dataclass(frozen=True)
class Crowd:
    """What people said, and what is true."""

    votes: Votes
    truth: np.ndarray
    """Shape (n_items,), int64: class code, -1 where it is not known."""


def simulated(n_items: int) -> Votes:
    """Five votes an item by 100 annotators who are right in 55 to 91 of 100 answers; ten classes."""
    rng = np.random.default_rng(0)
    truth, skill = rng.integers(0, 10, n_items), rng.uniform(0.5, 0.9, 100)
    first, step = rng.integers(0, 100, (n_items, 1)), rng.integers(1, 20, (n_items, 1))
    item, who = np.repeat(np.arange(n_items), 5), ((first + np.arange(5) * step) % 100).ravel()
    label = np.where(rng.random(len(item)) < skill[who], truth[item], rng.integers(0, 10, len(item)))
    return Votes(np.arange(n_items), np.arange(100), tuple("abcdefghij"), item, who, label)


def real_crowds(data: Path) -> dict[str, Crowd]:
    """Each folder `crowd_*` with labels.csv (item, worker, label) and truth.csv (item, truth) of classes."""
    found = {}
    for truth_file in sorted(data.glob("crowd_*/truth.csv")):
        files = sorted(truth_file.parent.glob("labels.csv*"))
        truth = pd.read_csv(truth_file, dtype=str)
        if not files or "truth" not in truth.columns or "numeric" in truth_file.parent.name:
            continue
        labels = pd.read_csv(files[0], dtype=str, usecols=["item", "worker", "label"])
        found[truth_file.parent.name.removeprefix("crowd_")] = _crowd(labels, truth)
    return found


def further_crowds(data: Path) -> dict[str, Crowd]:
    """Real crowds that were not asked for a class: marked words, and scores put into four classes.

    `btc_trained` and `btc_crowd` ask of each word of a tweet and each type of name whether the word belongs
    to such a name; `emotion` how strong an emotion is.
    """
    found = {}
    if (data / "crowd_spans_btc" / "labels.csv").exists():
        found = {"btc_trained": _words(data / "crowd_spans_btc", "a"),
                 "btc_crowd": _words(data / "crowd_spans_btc", "e")}  # fmt: skip
    if (data / "crowd_emotion_numeric" / "labels.csv").exists():
        labels, truth = (pd.read_csv(data / "crowd_emotion_numeric" / f"{name}.csv", dtype={"item": str})
                         for name in ("labels", "truth"))  # fmt: skip
        labels["label"], truth["truth"] = _strength(labels["label"]), _strength(truth["truth"])
        found["emotion"] = _crowd(labels, truth)
    return found


def at_most(votes: Votes, most: int, seed: int) -> Votes:
    """At most so many votes an item, drawn at random."""
    order = np.random.default_rng(seed).permutation(len(votes.item))
    order = order[np.argsort(votes.item[order], kind="stable")]
    item = votes.item[order]
    rank = np.arange(len(item)) - np.searchsorted(item, item)
    kept = np.sort(order[rank < most])
    return Votes(votes.items, votes.annotators, votes.classes, votes.item[kept], votes.annotator[kept],
                 votes.label[kept])  # fmt: skip


def _crowd(labels: pd.DataFrame, truth: pd.DataFrame) -> Crowd:
    table = labels.rename(columns={"worker": "annotator"})
    votes = code_votes(table, sorted({*table["label"], *truth["truth"]}))
    known = truth.set_index("item")["truth"].reindex(votes.items)
    codes = pd.Categorical(known, categories=list(votes.classes)).codes
    return Crowd(votes, np.asarray(codes, dtype=np.int64))


def _strength(scores: pd.Series) -> np.ndarray:
    return np.array(["0 none", "1 weak", "2 middle", "3 strong"])[np.searchsorted(EMOTION_EDGES, scores)]


def _words(folder: Path, section: str) -> Crowd:
    """Classes no and yes; an item is a word of a tweet and a type of name."""
    items = pd.read_csv(folder / "items.csv")
    items = items[items["section"] == section].set_index("item")
    judged = pd.read_csv(folder / "labels.csv")
    judged = judged[judged["item"].isin(items.index)]
    length = items["tokens"].map(lambda text: len(json.loads(text))).loc[judged["item"]].to_numpy()
    row = np.repeat(np.arange(len(judged)), length)
    token = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
    marked = np.zeros(len(row), dtype=bool)
    starts = np.cumsum(length) - length
    for start, told in zip(starts, judged["token_indices"].fillna("").astype(str), strict=True):
        marked[start + np.array(told.split(), dtype=np.int64)] = True
    what = judged[["item", "type"]].astype(str).agg("/".join, axis=1).to_numpy()[row]
    labels = pd.DataFrame(
        {"item": [f"{name}/{n:03}" for name, n in zip(what, token, strict=True)],
         "worker": judged["worker"].to_numpy()[row], "label": np.where(marked, "yes", "no")}
    )  # fmt: skip
    types = {str(name): told.split() for name, told in items["gold_types"].items()}
    truth = pd.DataFrame({"item": labels["item"].unique()})
    parts = [name.split("/") for name in truth["item"]]
    truth["truth"] = ["yes" if types[tweet][int(n)] == kind else "no" for tweet, kind, n in parts]
    return _crowd(labels, truth)
