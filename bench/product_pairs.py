"""crowd_product: pairs of product listings that people judged, with six measures of how alike they are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer

from labelloop.fusion.base import Votes

CLASSES = ("other", "same")
SAME = 1


@dataclass(frozen=True)
class Pairs:
    """Pairs of listings, what people said of them, and what is true."""

    features: np.ndarray
    """Shape (n_pairs, 6), float64."""
    truth: np.ndarray
    """Shape (n_pairs,), int64: 1 where both listings are of one product."""
    votes: pd.DataFrame
    """Columns item (a position among the pairs), worker and label."""

    def part(self, rows: np.ndarray, per_item: int, seed: int) -> tuple[np.ndarray, np.ndarray, Votes]:
        """Features, truth and at most `per_item` votes, drawn at random, of some of the pairs."""
        place = np.full(len(self.truth), -1)
        place[rows] = np.arange(len(rows))
        drawn = self.votes.sample(frac=1, random_state=seed).groupby("item").head(per_item)
        drawn = drawn[place[drawn["item"]] >= 0]
        workers, who = np.unique(drawn["worker"], return_inverse=True)
        votes = Votes(np.arange(len(rows)), workers, CLASSES, place[drawn["item"]], who,
                      drawn["label"].to_numpy())  # fmt: skip
        return self.features[rows], self.truth[rows], votes


def product_pairs() -> Pairs | None:
    """Read from the folder that `LABELLOOP_DATA` names; None, and said, where it is not there."""
    folder = Path(os.environ.get("LABELLOOP_DATA", "")) / "crowd_product"
    if not (folder / "labels.csv").exists():
        print("  crowd_product left out: LABELLOOP_DATA names no folder that has it")
        return None
    items = pd.read_csv(folder / "items.csv.gz").fillna("")
    truth = pd.read_csv(folder / "truth.csv").set_index("item")["truth"].reindex(items["item"]).to_numpy()
    votes = pd.read_csv(folder / "labels.csv")
    votes["item"] = votes["item"].map({item: code for code, item in enumerate(items["item"])})
    return Pairs(_features(items), truth, votes)


def _features(items: pd.DataFrame) -> np.ndarray:
    names = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))
    names.fit(pd.concat([items["name_a"], items["name_b"]]))
    one, other = names.transform(items["name_a"]), names.transform(items["name_b"])
    alike = np.asarray(one.multiply(other).sum(axis=1)).ravel()
    codes = [
        [set(re.findall(r"[a-z]*\d[\w-]*", text.lower())) for text in items[f"name_{s}"] + " "
         + items[f"description_{s}"]] for s in "ab"
    ]  # fmt: skip
    shared = np.array([len(a & b) for a, b in zip(*codes, strict=True)])
    every = np.array([max(len(a | b), 1) for a, b in zip(*codes, strict=True)])
    prices = [
        np.log(pd.to_numeric(items[f"price_{s}"].astype(str).str.replace(r"[^0-9.]", "", regex=True)))
        for s in "ab"
    ]
    apart = (prices[0] - prices[1]).abs().fillna(1).clip(0, 3).to_numpy()
    features = np.c_[alike, shared / every, shared > 0, apart, alike**2, alike * shared / every]
    return 3 * features.astype(float)
