"""A model's word is dropped where known items, or votes it was kept out of, show it makes labels worse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from judged_models import APART, CLASSES, able, crowd, echo, names, sure_of

from labelloop.fusion.base import Votes
from labelloop.fusion.majority import majority
from labelloop.fusion.prior_judge import LEAST_APART, LEAST_KNOWN, judged
from labelloop.fusion.votes_table import FusedVotes, fuse_votes


def fuse(
    votes: Votes,
    predicted: np.ndarray | None,
    gold: dict[str, str],
    apart: set[str],
    known: dict[str, str] | None = None,
) -> FusedVotes:
    table = pd.DataFrame({
        "vote": [f"v{number}" for number in range(len(votes.item))], "item": votes.items[votes.item],
        "annotator": votes.annotators[votes.annotator], "value": np.array(CLASSES)[votes.label],
    })  # fmt: skip
    predict = None if predicted is None else (lambda items, codes: predicted)
    return fuse_votes(table, CLASSES, "auto", gold=gold, predict=predict, apart=apart, known=known)


@pytest.mark.parametrize("seed", range(4))
def test_a_model_that_feeds_on_its_own_labels_is_unmasked_by_gold_and_by_the_control_arm(seed: int) -> None:
    votes, truth = crowd(seed)
    predicted = echo(votes, truth, seed)
    nothing_known = fuse(votes, predicted, {}, set()).about["model"]
    assert nothing_known["heard"], "the votes alone are taken in, or this test tests nothing"
    gold = names(votes, truth, slice(0, 50))
    by_gold = fuse(votes, predicted, gold, set(gold))
    assert not by_gold.about["model"]["heard"]
    assert by_gold.about["model"]["judged"]["known"] == 50
    assert "more labels are wrong" in by_gold.about["model"]["reason"]
    control = {str(item) for item in votes.items[:APART]}
    by_control = fuse(votes, predicted, {}, control)
    assert not by_control.about["model"]["heard"]
    assert "votes it was kept out of are less likely" in by_control.about["model"]["reason"]
    pd.testing.assert_frame_equal(by_control.table, fuse(votes, None, {}, set()).table)


@pytest.mark.parametrize("seed", range(4))
def test_a_model_that_was_taught_the_reviewed_items_too_is_unmasked_by_its_confidence(seed: int) -> None:
    """It repeats their labels, so as many are right as without it; it makes the wrong ones sure."""
    votes, truth = crowd(seed)
    predicted = sure_of(majority(votes).label)
    reviewed = names(votes, truth, slice(0, 200))
    told = fuse(votes, predicted, {}, set(), reviewed).about["model"]
    assert told["judged"]["known"] == 200 and not told["heard"]
    assert abs(told["judged"]["right_with"] - told["judged"]["right_without"]) < 20
    assert told["judged"]["against"] == "the log loss is higher"


@pytest.mark.parametrize("seed", range(4))
def test_an_able_model_stays_heard_and_has_no_say_in_the_items_it_is_judged_by(seed: int) -> None:
    votes, truth = crowd(seed)
    gold = names(votes, truth, slice(0, 50))
    apart = {str(item) for item in votes.items[:APART]}
    fused = fuse(votes, able(votes, truth, seed), gold, apart)
    told = fused.about["model"]
    assert told["heard"] and told["judged"]["against"] == ""
    assert told["judged"]["right_with"] > told["judged"]["right_without"]
    assert told["judged"]["apart_gain"] > 0 and told["judged"]["apart"] == APART
    assert "on 50 items whose truth is known" in told["reason"]
    assert fused.table["prior"][:APART].isna().all() and fused.table["prior"][APART:].notna().all()
    alone = fuse(votes, None, gold, set()).table
    np.testing.assert_array_equal(
        np.stack(fused.table["posterior"][:APART].to_list()), np.stack(alone["posterior"][:APART].to_list())
    )


def test_as_good_a_model_is_rarely_taken_for_a_worse_one() -> None:
    rng = np.random.default_rng(0)
    dropped = 0
    for _ in range(400):
        truth = rng.integers(0, 4, 60)
        one, other = (sure_of(np.where(rng.random(60) < 0.8, truth, (truth + 1) % 4), 0.8) for _ in range(2))
        dropped += bool(judged(one, other, truth, rng.normal(0, 1, 80)).against)
    assert dropped <= 0.09 * 400


def test_too_few_items_judge_nothing() -> None:
    truth = np.zeros(LEAST_KNOWN - 1, dtype=np.int64)
    worse, better = sure_of(truth + 1), sure_of(truth)
    found = judged(worse, better, truth, np.full(LEAST_APART - 1, -1.0))
    assert (found.against, found.told, found.loss_with, found.apart_gain) == ("", "", None, None)
    more = np.zeros(LEAST_KNOWN, dtype=np.int64)
    assert judged(sure_of(more + 1), sure_of(more), more).against == "more labels are wrong"


def test_a_model_that_is_as_often_right_but_far_too_sure_is_worse() -> None:
    truth = np.arange(100) % 4
    wrong = np.where(np.arange(100) < 20, (truth + 1) % 4, truth)
    found = judged(sure_of(wrong, 0.99999), sure_of(wrong, 0.8), truth)
    assert found.against == "the log loss is higher"


def test_classes_with_an_order_are_judged_by_the_medians_that_will_be_their_labels() -> None:
    """The likeliest class is as often right with the model; the median is two steps off instead of one."""
    truth = np.zeros(40, dtype=np.int64)
    better = np.tile([0.3, 0.36, 0.34, 0.0], (40, 1))
    worse = np.tile([0.3, 0.19, 0.5, 0.01], (40, 1))
    assert judged(worse, better, truth).against == ""
    found = judged(worse, better, truth, ordered=True)
    assert found.against == "more labels are further off"
    assert judged(better, worse, truth, ordered=True).against == ""
    right = np.tile([0.45, 0.1, 0.45, 0.0], (40, 1))
    assert judged(right, better, truth + 1, ordered=True).right_with == 40


def test_how_many_items_are_known_is_told_also_where_they_are_too_few_to_judge_by() -> None:
    votes, truth = crowd(0)
    gold = names(votes, truth, slice(0, LEAST_KNOWN - 1))
    told = fuse(votes, able(votes, truth, 0), gold, set()).about["model"]["judged"]
    assert (told["known"], told["loss_with"]) == (LEAST_KNOWN - 1, None)
