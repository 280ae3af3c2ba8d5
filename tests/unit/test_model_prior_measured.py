"""How a model as a witness is measured on crowd_product: what it is asked, taught and judged by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bench import judged_model
from bench.judged_model import JUDGES, MODELS, Drawn, Judge
from bench.model_prior import out_of_fold
from bench.product_pairs import Pairs


def pairs(n_items: int = 600) -> Pairs:
    """Each pair judged by three of ten people, with a feature that tells the truth in nine of ten cases."""
    rng = np.random.default_rng(0)
    truth = (rng.random(n_items) < 0.3).astype(np.int64)
    who = np.argsort(rng.random((n_items, 10)), axis=1)[:, :3].ravel()
    item = np.repeat(np.arange(n_items), 3)
    label = np.where(rng.random(len(item)) < 0.75, truth[item], 1 - truth[item])
    told = np.where(rng.random(n_items) < 0.9, truth, 1 - truth)
    features = np.c_[told + rng.normal(0, 0.1, n_items), rng.normal(0, 1, n_items)]
    return Pairs(features, truth, pd.DataFrame({"item": item, "worker": who, "label": label}))


class Remembers:
    """A learner whose items are told apart by their one feature."""

    def __init__(self, asked_of: list[tuple[set[float], set[float]]]) -> None:
        self.asked_of = asked_of

    def fit(self, features: np.ndarray, label: np.ndarray) -> Remembers:
        self.taught, self.classes_ = set(features[:, 0]), np.unique(label)
        return self

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        self.asked_of.append((self.taught, set(features[:, 0])))
        return np.full((len(features), len(self.classes_)), 1 / len(self.classes_))


def test_a_model_out_of_fold_is_taught_neither_what_it_is_asked_nor_what_is_kept_from_it() -> None:
    features, label, taught = np.arange(100.0)[:, None], np.arange(100) % 2, np.arange(100) >= 20
    asked_of: list[tuple[set[float], set[float]]] = []
    predicted = out_of_fold(features, label, 2, taught, lambda: Remembers(asked_of))
    assert np.isfinite(predicted).all()
    assert set.union(*(asked for _, asked in asked_of)) == set(range(100))
    for known, asked in asked_of:
        assert known and not known & asked and not known & set(range(20))


def test_a_part_has_its_own_votes_and_no_more_than_allowed() -> None:
    whole = pairs()
    rows = np.random.default_rng(1).permutation(600)[:50]
    features, truth, votes = whole.part(rows, 2, seed=3)
    np.testing.assert_array_equal(features, whole.features[rows])
    np.testing.assert_array_equal(truth, whole.truth[rows])
    assert np.bincount(votes.item, minlength=50).tolist() == [2] * 50
    given = set(whole.votes.itertuples(index=False, name=None))
    for item, who, label in zip(votes.item, votes.annotators[votes.annotator], votes.label, strict=True):
        assert (rows[item], who, label) in given


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.name)
def test_labels_are_compared_on_pairs_that_no_judge_uses(judge: Judge) -> None:
    assert max(judge.known, judge.kept_out) <= judged_model.KEPT


def test_a_model_that_the_judge_drops_leaves_the_labels_of_the_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judged_model, "ITEMS", 600)
    drawn = Drawn(pairs(), 2, 0)
    judge = Judge("200 gold", 200, 200, True)
    able = drawn.outcome(MODELS["out of fold"], judge)
    assert able["heard"] and not able["dropped"]
    assert float(able["right judged"]) == float(able["right heard"]) > float(able["right alone"]) + 2
    echo = drawn.outcome(MODELS["in fold, whole tree"], judge)
    assert echo["heard"] and echo["dropped"]
    assert echo["right judged"] == echo["right alone"] and echo["loss judged"] == echo["loss alone"]
    assert float(echo["loss heard"]) > float(echo["loss alone"])
