"""What the judge of a model's word does with able, self-fed and bad models, on real votes and features.

A draw is 2,000 of crowd_product's 8,315 pairs (folder `LABELLOOP_DATA`) at 1, 2 or 3 votes a pair. Models are
trained on what `auto` makes of the votes, and each is judged in five ways: by 50 or 200 items of gold, which
it was kept out of; by the votes about 200 control items, which it was kept out of as well; by 50 or 200
reviews of random items, of which it says what it says of all others, so that an in-fold model has been
trained on them. Labels are compared on the 1,800 pairs that no judge uses: `alone` without the model,
`heard` with it wherever the votes are likelier with it (`tuned_prior`, no judge), and `judged` as
`labelloop fuse` and campaigns make them. Log loss is that of posteriors as they are told, calibrated where
there is gold.

A figure's value is the mean of right labels `judged` over `alone`; its note has the others, with 95%
intervals (Student's t over 20 draws, which overlap, as the set is one).

    python -m bench judged_model
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from bench.figures import Figure
from bench.model_prior import asked_about, interval, out_of_fold, votes_told
from bench.product_pairs import Pairs, product_pairs
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import tempered
from labelloop.fusion.model_prior import tuned_prior
from labelloop.fusion.votes_table import with_model

DRAWS = 20
ITEMS = 2000
KEPT = 200
"""Items that some judge may use: the first ones of a draw."""
WAYS = ("alone", "heard", "judged")
LEAST_LEAD = -0.5
"""Points that labels may lose by a model that was judged."""
FED = 3
"""Times that a model is trained on labels that it has shaped."""


@dataclass(frozen=True)
class Judge:
    """What a model is judged by."""

    name: str
    known: int
    """Items whose truth is known."""
    kept_out: int
    """Items that the model is not trained on."""
    gold: bool
    """Known items are gold: they calibrate, and keep their class."""


JUDGES = (
    Judge("50 gold", 50, 50, True),
    Judge("200 gold", 200, 200, True),
    Judge("200 control", 0, 200, False),
    Judge("50 reviews", 50, 0, False),
    Judge("200 reviews", 200, 0, False),
)


class Drawn:
    """Some pairs with some of their votes."""

    def __init__(self, pairs: Pairs, per_item: int, seed: int) -> None:
        rows = np.random.default_rng([per_item, seed]).permutation(len(pairs.truth))[:ITEMS]
        self.features, self.truth, self.votes = pairs.part(rows, per_item, seed)
        self.seed = seed

    def outcome(self, model: Model, judge: Judge) -> dict[str, float | str]:
        """Whether the model is heard and dropped, and what labels are worth."""
        place = np.arange(len(self.truth))
        truth = np.where(place < judge.known, self.truth, -1)
        gold = truth if judge.gold else None
        apart = place < judge.kept_out
        alone = make_fuser("auto")(self.votes, gold=gold)
        predicted = model(self, alone.label, ~apart)
        judged, found = with_model(self.votes, alone, predicted, "auto", None, gold, apart=apart, truth=truth)
        against = found.judgement.against if found.judgement else ""
        heard = _heard(self.votes, predicted, apart, gold) if against else judged
        outcome: dict[str, float | str] = {
            "heard": float(bool(against) or found.rows is not None),
            "dropped": float(bool(against)),
            "against": against,
            "temperature": found.temperature,
        }
        for name, fusion in zip(WAYS, (alone, heard, judged), strict=True):
            outcome |= {f"right {name}": self._right(fusion), f"loss {name}": self._loss(fusion)}
        return outcome

    def _right(self, fusion: Fusion) -> float:
        return 100 * float((fusion.label == self.truth)[KEPT:].mean())

    def _loss(self, fusion: Fusion) -> float:
        told = fusion.posterior[np.arange(len(self.truth)), self.truth]
        return float(-np.log(np.maximum(told, 1e-6))[KEPT:].mean())


Model = Callable[[Drawn, np.ndarray, np.ndarray], np.ndarray]
"""`(draw, labels by votes, which items are taught) -> probabilities`, shape (n_items, 2)."""


def honest(drawn: Drawn, label: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Logistic regression, asked about items that it was not trained on."""
    return out_of_fold(drawn.features, label, 2, taught)


def too_sure(drawn: Drawn, label: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """The honest one with its log odds times ten."""
    return tempered(honest(drawn, label, taught), 0.1)


def shuffled(drawn: Drawn, label: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Logistic regression, out of fold, on other items' features."""
    order = np.random.default_rng([drawn.seed, 7]).permutation(len(label))
    return out_of_fold(drawn.features[order], label, 2, taught)


def overfitted(drawn: Drawn, label: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """A whole decision tree, asked out of fold: always quite sure, and often wrong."""
    return out_of_fold(drawn.features, label, 2, taught, lambda: DecisionTreeClassifier(random_state=0))


def in_fold(drawn: Drawn, label: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """A whole decision tree, asked about what it was trained on: it repeats the labels."""
    everything = np.ones(len(label), dtype=bool)
    return asked_about(DecisionTreeClassifier(random_state=0), drawn.features, label, 2, taught, everything)


def fed(drawn: Drawn, label: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """A tree with five items a leaf, in fold, trained again and again on the labels that its word made."""
    everything = np.ones(len(label), dtype=bool)
    for number in range(FED):
        tree = DecisionTreeClassifier(min_samples_leaf=5, random_state=0)
        predicted = asked_about(tree, drawn.features, label, 2, taught, everything)
        if number < FED - 1:
            label = _heard(drawn.votes, predicted, ~taught).label
    return predicted


def _heard(votes: Votes, predicted: np.ndarray, apart: np.ndarray, gold: np.ndarray | None = None) -> Fusion:
    """The fusion with the model's word, judged by nothing but the likelihood of the votes."""
    prior = tuned_prior(votes, predicted, apart)
    options = {} if prior.rows is None else {"item_prior": prior.rows, "warm_start": prior.start}
    return make_fuser("auto", options)(votes, gold=gold)


MODELS: dict[str, Model] = {
    "out of fold": honest,
    "out of fold, log odds x 10": too_sure,
    "out of fold, shuffled features": shuffled,
    "out of fold, whole tree": overfitted,
    "in fold, whole tree": in_fold,
    f"in fold, fed its labels {FED} times": fed,
}


def measure(folder: Path) -> list[Figure]:
    """What the judge decides and what labels are worth, by votes and model; `folder` is not needed."""
    pairs = product_pairs()
    figures = []
    for per_item in (1, 2, 3) if pairs else ():
        drawn = [Drawn(pairs, per_item, seed) for seed in range(DRAWS)]
        for name, model in MODELS.items():
            for judge in JUDGES:
                title = f"{votes_told(per_item)}, {name}, by {judge.name}"
                figures.append(_figure(title, [one.outcome(model, judge) for one in drawn]))
    return figures


def _figure(name: str, draws: list[dict[str, float | str]]) -> Figure:
    right, loss = (
        {of: np.array([one[f"{what} {of}"] for one in draws], dtype=float) for of in WAYS}
        for what in ("right", "loss")
    )
    heard, dropped = (round(sum(float(one[what]) for one in draws)) for what in ("heard", "dropped"))
    gained = {of: right[of] - right["alone"] for of in WAYS}
    note = (
        f"{heard} of {len(draws)} heard, {dropped} of them dropped; right alone {right['alone'].mean():.1f}, "
        + ", ".join(f"{of} {gained[of].mean():+.2f} ± {interval(gained[of]):.2f}" for of in WAYS[1:])
        + "; log loss "
        + ", ".join(f"{of} {loss[of].mean():.3f}" for of in WAYS)
    )
    value = float(gained["judged"].mean())
    title = f"{name}: right labels, judged over alone"
    return Figure(title, value, "points", at_least=LEAST_LEAD, note=note, details={"draws": draws})
