"""What a model, asked out of fold, adds to people's votes: labels that are right at 1, 2 and 3 votes an item.

`digits` is scikit-learn's images with 30 simulated annotators who are right in 40 to 90 of 100 answers, and
logistic regression on the pixels: mean of five draws. `crowd_product` is 8,315 pairs of product listings that
176 real people judged (folder `LABELLOOP_DATA`, left out and said without it), with six measures of how alike
two listings are; at fewer than 3 votes an item, votes are drawn at random. `majority` and `auto` see votes
only; `auto + model` also hears the model as far as `fusion.model_prior.tuned_prior` allows. CROWDLAB gets the
same predictions; it runs where cleanlab is installed, and counts votes where no item has two. The model is
trained on what `auto` made of the votes, never on the truth, which only counts what is right.

    python -m bench model_prior
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from bench.figures import Figure
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.model_prior import tuned_prior

DRAWS = 5
FOLDS = 5
ITEMS = (100, 400, 1500)


def measure(folder: Path) -> list[Figure]:
    """Shares of right labels; `folder` is not needed."""
    figures = []
    for n_items in ITEMS:
        for per_item in (1, 2, 3):
            found = [_digits(n_items, per_item, seed) for seed in range(DRAWS)]
            figures += _figures(f"digits, {n_items} items", per_item, found)
    data = Path(os.environ.get("LABELLOOP_DATA", "")) / "crowd_product"
    if not (data / "labels.csv").exists():
        print("  crowd_product left out: LABELLOOP_DATA names no folder that has it")
        return figures
    features, truth, votes = _product(data)
    for per_item in (1, 2, 3):
        found = [
            shares(features, truth, _at_most(votes, per_item, len(truth), seed), 2)
            for seed in range(DRAWS if per_item < 3 else 1)
        ]
        figures += _figures(f"crowd_product, {len(truth)} items", per_item, found)
    return figures


def shares(features: np.ndarray, truth: np.ndarray, votes: Votes, n_classes: int) -> dict[str, float]:
    """Share of labels that are right, by method."""
    alone = make_fuser("auto")(votes)
    predicted = _out_of_fold(features, alone.label, n_classes)
    prior = tuned_prior(votes, predicted)
    heard = alone
    if prior.rows is not None:
        heard = make_fuser("auto", {"item_prior": prior.rows, "warm_start": prior.start})(votes)
    labels = {
        "majority": make_fuser("majority")(votes).label,
        "auto": alone.label,
        "model alone": np.nan_to_num(predicted).argmax(axis=1),
        "auto + model": heard.label,
    }
    if importlib.util.find_spec("cleanlab"):
        crowdlab = make_fuser("cleanlab_crowdlab", {"item_prior": predicted})
        labels["CROWDLAB"] = crowdlab(votes).label
    return {name: float((label == truth).mean()) for name, label in labels.items()}


def _figures(name: str, per_item: int, found: list[dict[str, float]]) -> list[Figure]:
    mean = {method: float(np.mean([one[method] for one in found])) for method in found[0]}
    note = ", ".join(f"{method} {100 * share:.1f}" for method, share in mean.items())
    gained = 100 * (mean["auto + model"] - mean["majority"])
    votes = "vote" if per_item == 1 else "votes"
    return [
        Figure(f"{name}, {per_item} {votes}: auto + model over majority", gained, "points", at_least=0,
               note=note, details={"draws": found})
    ]  # fmt: skip


def _out_of_fold(features: np.ndarray, label: np.ndarray, n_classes: int) -> np.ndarray:
    predicted = np.full((len(label), n_classes), np.nan)
    fold = np.random.default_rng(0).permutation(len(label)) % FOLDS
    for number in range(FOLDS):
        others = fold != number
        if len(np.unique(label[others])) < 2:
            continue
        model = LogisticRegression(max_iter=300).fit(features[others], label[others])
        rows = np.full(((~others).sum(), n_classes), 1e-6)
        rows[:, model.classes_] = model.predict_proba(features[~others])
        predicted[~others] = rows / rows.sum(axis=1, keepdims=True)
    return predicted


def _digits(n_items: int, per_item: int, seed: int) -> dict[str, float]:
    digits = load_digits()
    rng = np.random.default_rng([n_items, per_item, seed])
    rows = rng.permutation(len(digits.target))[:n_items]
    truth, skill = digits.target[rows], rng.uniform(0.4, 0.9, 30)
    who = np.argsort(rng.random((n_items, 30)), axis=1)[:, :per_item].ravel()
    item = np.repeat(np.arange(n_items), per_item)
    wrong = (truth[item] + rng.integers(1, 10, len(item))) % 10
    label = np.where(rng.random(len(item)) < skill[who], truth[item], wrong)
    votes = Votes(np.arange(n_items), np.arange(30), tuple("0123456789"), item, who, label)
    return shares(digits.data[rows] / 16, truth, votes, 10)


def _product(data: Path) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    items = pd.read_csv(data / "items.csv.gz").fillna("")
    truth = pd.read_csv(data / "truth.csv").set_index("item")["truth"].reindex(items["item"]).to_numpy()
    votes = pd.read_csv(data / "labels.csv")
    votes["item"] = votes["item"].map({item: code for code, item in enumerate(items["item"])})
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
    return 3 * features.astype(float), truth, votes


def _at_most(votes: pd.DataFrame, per_item: int, n_items: int, seed: int) -> Votes:
    drawn = votes.sample(frac=1, random_state=seed).groupby("item").head(per_item)
    workers, who = np.unique(drawn["worker"], return_inverse=True)
    item, label = drawn["item"].to_numpy(), drawn["label"].to_numpy()
    return Votes(np.arange(n_items), workers, ("0", "1"), item, who, label)
