"""What a model, asked out of fold, adds to people's votes: labels that are right at 1, 2 and 3 votes an item.

`digits` is scikit-learn's images with 30 simulated annotators who are right in 40 to 90 of 100 answers, and
logistic regression on the pixels: mean of five draws. `crowd_product` is 8,315 pairs of product listings that
176 real people judged (folder `LABELLOOP_DATA`, left out and said without it), with six measures of how alike
two listings are; at fewer than 3 votes an item, votes are drawn at random. `majority` and `auto` see votes
only; `auto + model` also hears the model as far as `fusion.model_prior.tuned_prior` allows. CROWDLAB gets the
same predictions; it runs where cleanlab is installed, and counts votes where no item has two. The model is
trained on what `auto` made of the votes, never on the truth, which only counts what is right.

Then where it hurts: leads over `auto` by class on all pairs, on draws of few pairs, and on draws in which
only 2 of 100 pairs are the same product.

    python -m bench model_prior
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from bench.figures import Figure
from bench.product_pairs import SAME, Pairs, product_pairs
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.model_prior import tuned_prior

DRAWS = 5
PART_DRAWS = 20
FOLDS = 5
ITEMS = (100, 400, 1500)
PARTS = (200, 500, 2000)
RARE = 0.02


@dataclass(frozen=True)
class Drawn:
    """What is right in one draw of pairs and votes."""

    shares: dict[str, float]
    """Of all pairs, by method."""
    parts: dict[str, tuple[float, ...]]
    """Of some pairs, by `auto` and by `auto + model`."""
    mended: float
    """Share of all labels that the model puts right."""
    spoiled: float


def measure(folder: Path) -> list[Figure]:
    """Shares of right labels; `folder` is not needed."""
    figures = []
    for n_items in ITEMS:
        for per_item in (1, 2, 3):
            found = [_digits(n_items, per_item, seed) for seed in range(DRAWS)]
            figures += _over_majority(f"digits, {n_items} items", per_item, found)
    pairs = product_pairs()
    if pairs is None:
        return figures
    everything = np.arange(len(pairs.truth))
    for per_item in (1, 2, 3):
        # Every pair has three votes, so that there is one draw of three.
        draws = DRAWS if per_item < 3 else 1
        drawn = [_product(pairs, everything, per_item, seed) for seed in range(draws)]
        name = f"crowd_product, {len(everything)} items"
        figures += _over_majority(name, per_item, [one.shares for one in drawn])
        figures += _over_auto(name, per_item, drawn)
    for n_items in PARTS:
        figures += _on_parts(f"{n_items} pairs of crowd_product", pairs, _some(pairs, n_items))
    return figures + _on_parts(f"crowd_product with {RARE:.0%} of one product", pairs, _with_few_same(pairs))


def labels_by_method(features: np.ndarray, votes: Votes, n_classes: int) -> dict[str, np.ndarray]:
    """Class codes, shape (n_items,), by method."""
    alone = make_fuser("auto")(votes)
    predicted = out_of_fold(features, alone.label, n_classes)
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
    return labels


def out_of_fold(
    features: np.ndarray,
    label: np.ndarray,
    n_classes: int,
    taught: np.ndarray | None = None,
    learner: Callable[[], object] = lambda: LogisticRegression(max_iter=300),
) -> np.ndarray:
    """Train a learner on the other folds' items, or on `taught` ones of them, and ask it about each item.

    Returns:
        Shape (n_items, n_classes); NaN where the other folds know one class only.
    """
    predicted = np.full((len(label), n_classes), np.nan)
    fold = np.random.default_rng(0).permutation(len(label)) % FOLDS
    for number in range(FOLDS):
        asked = fold == number
        others = ~asked if taught is None else ~asked & taught
        if len(np.unique(label[others])) > 1:
            predicted[asked] = asked_about(learner(), features, label, n_classes, others, asked)
    return predicted


def asked_about(
    learner: object,
    features: np.ndarray,
    label: np.ndarray,
    n_classes: int,
    taught: np.ndarray,
    asked: np.ndarray,
) -> np.ndarray:
    """Train on some items and ask about some; shape (n_asked, n_classes), also of classes never seen."""
    model = learner.fit(features[taught], label[taught])  # type: ignore[attr-defined]
    rows = np.full((int(asked.sum()), n_classes), 1e-6)
    rows[:, model.classes_] = model.predict_proba(features[asked])
    return rows / rows.sum(axis=1, keepdims=True)


def interval(values: np.ndarray) -> float:
    """Half of the 95% interval of a mean over draws (Student's t); infinite for one draw."""
    if len(values) < 2:
        return float("inf")
    return float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))


def _over_majority(name: str, per_item: int, found: list[dict[str, float]]) -> list[Figure]:
    mean = {method: float(np.mean([one[method] for one in found])) for method in found[0]}
    note = ", ".join(f"{method} {100 * share:.1f}" for method, share in mean.items())
    gained = 100 * (mean["auto + model"] - mean["majority"])
    title = f"{name}, {votes_told(per_item)}: auto + model over majority"
    return [Figure(title, gained, "points", at_least=0, note=note, details={"draws": found})]


def _over_auto(name: str, per_item: int, found: list[Drawn]) -> list[Figure]:
    """The lead over `auto`, and which labels it comes from."""
    lead = 100 * np.array([one.shares["auto + model"] - one.shares["auto"] for one in found])
    told = (
        [f"± {interval(lead):.2f}, below 0 in {(lead < 0).sum()} of {len(found)}"] if len(found) > 1 else []
    )
    for part in found[0].parts:
        before, after = 100 * np.mean([one.parts[part] for one in found], axis=0)
        told.append(f"{part} {before:.1f} -> {after:.1f}")
    mended, spoiled = (100 * np.mean([getattr(one, of) for one in found]) for of in ("mended", "spoiled"))
    told.append(f"{mended:.1f}% put right, {spoiled:.1f}% put wrong")
    title = f"{name}, {votes_told(per_item)}: auto + model over auto"
    details = {"draws": [vars(one) for one in found]}
    return [Figure(title, float(lead.mean()), "points", at_least=0, note=", ".join(told), details=details)]


def _on_parts(name: str, pairs: Pairs, rows_of: Callable[[int], np.ndarray]) -> list[Figure]:
    figures = []
    for per_item in (1, 2, 3):
        drawn = [_product(pairs, rows_of(seed), per_item, seed) for seed in range(PART_DRAWS)]
        figures += _over_auto(name, per_item, drawn)
    return figures


def _some(pairs: Pairs, n_items: int) -> Callable[[int], np.ndarray]:
    return lambda seed: np.random.default_rng(seed).permutation(len(pairs.truth))[:n_items]


def _with_few_same(pairs: Pairs) -> Callable[[int], np.ndarray]:
    """All pairs of different products, and so few others drawn that they are `RARE` of all."""
    same, others = (np.flatnonzero(pairs.truth == code) for code in (SAME, 1 - SAME))
    few = round(len(others) * RARE / (1 - RARE))
    return lambda seed: np.r_[others, np.random.default_rng(seed).permutation(same)[:few]]


def _product(pairs: Pairs, rows: np.ndarray, per_item: int, seed: int) -> Drawn:
    features, truth, votes = pairs.part(rows, per_item, seed)
    labels = labels_by_method(features, votes, 2)
    counts = np.bincount(votes.item, minlength=len(rows))
    ones = np.bincount(votes.item, weights=votes.label, minlength=len(rows))
    divided = (ones > 0) & (ones < counts)
    two = [labels[method] for method in ("auto", "auto + model")]
    before, after = (label == truth for label in two)
    of = {"one product": truth == SAME, "two products": truth != SAME, "unanimous": ~divided,
          "divided": divided}  # fmt: skip
    of = {name: some for name, some in of.items() if some.any()}
    parts = {name: (float(before[some].mean()), float(after[some].mean())) for name, some in of.items()}
    parts["F1 of one product"] = tuple(f1_score(truth, label, pos_label=SAME) for label in two)
    shares = {method: float((label == truth).mean()) for method, label in labels.items()}
    return Drawn(shares, parts, float((after & ~before).mean()), float((before & ~after).mean()))


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
    labels = labels_by_method(digits.data[rows] / 16, votes, 10)
    return {method: float((label == truth).mean()) for method, label in labels.items()}


def votes_told(per_item: int) -> str:
    """In words."""
    return "1 vote" if per_item == 1 else f"{per_item} votes"
