"""A model is heard when it knows something the votes confirm, and not otherwise."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from judged_models import CLASSES, crowd

from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.model_prior import LEAST_ITEMS, TEMPERATURES, tuned_prior
from labelloop.fusion.votes_table import fuse_votes


def model(truth: np.ndarray, accuracy: float, confidence: float, seed: int) -> np.ndarray:
    """Predictions that name the truth as often as told, and say so with the same confidence always."""
    rng = np.random.default_rng(seed)
    wrong = (truth + rng.integers(1, len(CLASSES), len(truth))) % len(CLASSES)
    named = np.where(rng.random(len(truth)) < accuracy, truth, wrong)
    predicted = np.full((len(truth), len(CLASSES)), (1 - confidence) / (len(CLASSES) - 1))
    predicted[np.arange(len(truth)), named] = confidence
    return predicted


@pytest.mark.parametrize("per_item", [1, 2, 3])
@pytest.mark.parametrize("confidence", [0.6, 0.99])
def test_a_model_that_knows_something_makes_labels_better(per_item: int, confidence: float) -> None:
    votes, truth = crowd(per_item, 0.65, per_item, items=600)
    prior = tuned_prior(votes, model(truth, 0.85, confidence, seed=9))
    assert prior.rows is not None and prior.gain > 0
    alone = make_fuser("auto")(votes)
    heard = make_fuser("auto", {"item_prior": prior.rows, "warm_start": prior.start})(votes)
    assert (heard.label == truth).mean() > (alone.label == truth).mean() + 0.05


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("per_item", [1, 2, 3])
def test_a_model_that_guesses_is_not_heard(per_item: int, seed: int) -> None:
    votes, truth = crowd(seed, 0.7, per_item, items=300)
    prior = tuned_prior(votes, model(truth, 0.25, 0.9, seed=seed + 100))
    assert prior.rows is None and "not heard" in prior.reason


def test_the_surer_the_model_the_higher_its_temperature() -> None:
    votes, truth = crowd(0, 0.8, 3, items=800)
    modest, sure = (tuned_prior(votes, model(truth, 0.7, c, seed=1)) for c in (0.7, 0.9999))
    assert sure.temperature > modest.temperature
    assert modest.temperature in TEMPERATURES


def test_few_items_are_not_judged() -> None:
    votes, truth = crowd(0, 0.8, 3, items=LEAST_ITEMS - 1)
    prior = tuned_prior(votes, model(truth, 0.95, 0.9, seed=1))
    assert prior.rows is None and np.isnan(prior.gain)


def test_items_without_a_prediction_get_no_prior() -> None:
    votes, truth = crowd(0, 0.7, 2, items=400)
    predicted = model(truth, 0.9, 0.8, seed=1)
    predicted[::3] = np.nan
    prior = tuned_prior(votes, predicted)
    assert prior.rows is not None and prior.start is not None
    assert np.array_equal(np.isnan(prior.rows).any(axis=1), np.isnan(predicted).any(axis=1))
    assert np.allclose(np.delete(prior.start, np.s_[::3], axis=0).sum(axis=1), 1)


def test_the_order_of_votes_decides_nothing() -> None:
    votes, truth = crowd(3, 0.7, 3, items=300)
    predicted = model(truth, 0.8, 0.9, seed=4)
    order = np.random.default_rng(0).permutation(len(votes.item))
    shuffled = Votes(votes.items, votes.annotators, CLASSES, votes.item[order], votes.annotator[order],
                     votes.label[order])  # fmt: skip
    one, other = tuned_prior(votes, predicted), tuned_prior(shuffled, predicted)
    assert one.temperature == other.temperature and one.reason == other.reason
    assert one.rows is not None and other.rows is not None and np.array_equal(one.rows, other.rows)


def test_the_temperature_is_fitted_on_a_part_of_very_many_items(monkeypatch: pytest.MonkeyPatch) -> None:
    from labelloop.fusion import model_prior

    votes, truth = crowd(0, 0.7, 2, items=1500)
    predicted = model(truth, 0.85, 0.9, seed=1)
    whole = tuned_prior(votes, predicted)
    monkeypatch.setattr(model_prior, "MOST_ITEMS", 700)
    part = tuned_prior(votes, predicted)
    steps = [TEMPERATURES.index(prior.temperature) for prior in (whole, part)]
    assert abs(steps[0] - steps[1]) <= 1
    assert part.rows is not None and part.rows.shape == predicted.shape


def _votes_table(votes: Votes) -> pd.DataFrame:
    names = np.array(CLASSES, dtype=object)
    return pd.DataFrame(
        {
            "vote": [f"v{number}" for number in range(len(votes.item))],
            "item": [f"i{number:04d}" for number in votes.item],
            "annotator": [f"p{number}" for number in votes.annotator],
            "value": names[votes.label],
        }
    )


def test_items_the_model_may_not_speak_of_are_fused_as_if_there_were_none() -> None:
    """Skills are learned with the model's help, so leaving out its prior alone would not do."""
    votes, truth = crowd(1, 0.65, 2, items=500)
    predicted = model(truth, 0.9, 0.9, seed=2)
    predicted[:100] = np.nan
    table = _votes_table(votes)
    alone = fuse_votes(table, CLASSES, "auto").table
    fused = fuse_votes(table, CLASSES, "auto", predict=lambda items, codes: predicted)
    heard = fused.table
    assert fused.about["model"]["heard"]
    assert heard["prior"].isna().tolist() == [True] * 100 + [False] * 400
    for column in ("label", "confidence", "tie"):
        assert heard[column][:100].tolist() == alone[column][:100].tolist()
    assert (heard["label"][100:] != alone["label"][100:]).mean() > 0.05
    right = np.array(CLASSES, dtype=object)[truth]
    assert (heard["label"] == right)[100:].mean() > (alone["label"] == right)[100:].mean() + 0.05


def test_a_model_that_the_method_cannot_use_is_not_said_to_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    from labelloop.fusion import choosing

    votes, truth = crowd(1, 0.7, 3, items=500)
    monkeypatch.setattr(choosing, "_against_result", lambda *_: "a test says so")
    predicted = model(truth, 0.9, 0.9, seed=2)
    fused = fuse_votes(_votes_table(votes), CLASSES, "auto", predict=lambda items, codes: predicted)
    assert not fused.about["model"]["heard"] and "a test says so" in fused.about["model"]["reason"]
    assert fused.table["prior"].isna().all() and "majority" in fused.about["method"]
