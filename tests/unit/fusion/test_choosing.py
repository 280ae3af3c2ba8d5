"""`auto`: what it chooses, why, and that it is no worse than majority; copying found before fusion."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from crowds import accuracy, coded, colluders, crowd

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.choosing import auto
from labelloop.fusion.dawid_skene import dawid_skene
from labelloop.fusion.dependence import copying
from labelloop.fusion.evidence import connectivity, evidence_of, without_copies
from labelloop.fusion.fitting import fused
from labelloop.fusion.majority import majority
from labelloop.fusion.pooled_dawid_skene import pooled_dawid_skene


def chosen(votes: Votes) -> tuple[str, str]:
    """The method and the reason."""
    fusion = auto(votes)
    return fusion.method.split("+")[1].split("/")[0], fusion.reason


@pytest.mark.parametrize(
    "sizes", [(600, 20, 2, 3), (600, 20, 5, 3), (1000, 100, 10, 2), (300, 40, 4, 6), (60, 5, 3, 3)]
)
def test_auto_is_no_worse_than_majority(sizes: tuple[int, int, int, int]) -> None:
    """Over five crowds of each size the mean accuracy is at most a point below, however few the votes."""
    gains = []
    for seed in range(5):
        votes, truth = crowd(*sizes, seed=seed)
        gains.append(accuracy(auto(votes).label, truth) - accuracy(majority(votes).label, truth))
    assert np.mean(gains) > -0.01


def test_enough_votes_are_estimated_from_and_the_reason_has_numbers() -> None:
    """The reason says how many votes there are and that all hangs together."""
    method, reason = chosen(crowd(300, 20, 4, 5)[0])
    assert method == "pooled_dawid_skene"
    assert "median 5 votes an item" in reason
    assert "connected" in reason


def test_one_vote_an_item_is_left_to_majority() -> None:
    """Nothing tells annotators apart: estimating would answer by chance."""
    votes, _ = crowd(500, 100, 10, 1)
    assert chosen(votes)[0] == "majority"
    assert "fewer than two" in chosen(votes)[1]
    np.testing.assert_array_equal(auto(votes).label, majority(votes).label)


def test_an_item_prior_makes_one_vote_an_item_enough() -> None:
    """With a model's chances labels are better than the votes' and better than the model's."""
    votes, truth = crowd(2000, 20, 4, 1, skill=(0.3, 0.99))
    rng = np.random.default_rng(0)
    guess = np.where(rng.random(2000) < 0.7, truth, (truth + rng.integers(1, 4, 2000)) % 4)
    prior = np.full((2000, 4), 0.1)
    prior[np.arange(2000), guess] = 0.7
    found = accuracy(auto(votes, item_prior=prior).label, truth)
    assert found > accuracy(majority(votes).label, truth) + 0.1
    assert found > accuracy(guess, truth) + 0.02


def test_annotators_of_one_vote_are_left_to_majority() -> None:
    """Who answered once cannot be judged."""
    item = np.repeat(np.arange(100), 3)
    method, reason = chosen(coded(item, np.arange(300), (item + np.arange(300) // 7) % 3, 100, 300, 3))
    assert method == "majority"
    assert "too few votes to be told apart" in reason


def test_votes_that_never_agree_are_left_to_majority() -> None:
    item, annotator = np.repeat(np.arange(60), 3), np.tile(np.arange(3), 60)
    label = (item + annotator) % 5
    names = np.array([f"i{n:02}" for n in range(60)], dtype=object)
    votes = Votes(names, np.array(["a", "b", "c"], dtype=object), tuple("vwxyz"), item, annotator, label)
    fusion = auto(votes)
    assert fusion.reason is not None
    assert fusion.reason.startswith("majority, since no two votes about an item are the same")


def test_separate_teams_are_left_to_majority() -> None:
    """Skills of people who share no item with each other cannot be compared."""
    one, _ = crowd(100, 4, 3, 3)
    other, _ = crowd(100, 4, 3, 3, seed=1)
    votes = coded(
        np.concatenate([one.item, 100 + other.item]),
        np.concatenate([one.annotator, 4 + other.annotator]),
        np.concatenate([one.label, other.label]), 200, 8, 3,
    )  # fmt: skip
    assert connectivity(one) == (1, 1.0)
    assert connectivity(votes) == (2, 0.5)
    method, reason = chosen(votes)
    assert method == "majority"
    assert "50% of the items are connected" in reason


def test_gold_that_speaks_for_majority_is_heard() -> None:
    """Where gold shows majority right and estimated skills wrong, majority decides."""
    votes, _ = crowd(600, 12, 4, 3, skill=(0.3, 0.95))
    blind, plain = auto(votes), majority(votes)
    assert blind.method.startswith("auto/1+pooled")
    differing = np.flatnonzero(blind.label != plain.label)[:20]
    gold = np.full(600, -1)
    gold[differing] = plain.label[differing]
    fusion = auto(votes, gold=gold)
    assert fusion.method.startswith("auto/1+majority/1")
    assert "majority has 20 more gold items right" in fusion.reason


def test_gold_clears_confusions_off_the_diagonal() -> None:
    """Where people mostly call a class by another's name, gold can show that they do; little gold cannot."""
    rng = np.random.default_rng(0)
    votes, truth = crowd(600, 12, 3, 6, skill=(0.8, 0.9))
    shy = (truth[votes.item] == 2) & (rng.random(len(votes.item)) < 0.6)
    votes = coded(votes.item, votes.annotator, np.where(shy, 0, votes.label), 600, 12, 3)
    gold = np.full(600, -1)
    gold[:60] = truth[:60]
    blind, told, little = (
        auto(votes),
        auto(votes, gold=gold),
        auto(votes, gold=np.where(np.arange(600) < 8, gold, -1)),
    )
    assert "off the diagonal" in blind.reason
    assert "off the diagonal" in little.reason
    assert told.method.startswith("auto/1+pooled")
    assert accuracy(told.label[60:], truth[60:]) > accuracy(blind.label[60:], truth[60:]) + 0.05


def turned(posterior: np.ndarray) -> np.ndarray:
    """Every class taken for the next."""
    return np.roll(posterior, 1, axis=1)


def without_the_last(posterior: np.ndarray) -> np.ndarray:
    """The last class spread evenly over the others."""
    moved = posterior + posterior[:, -1:] / (posterior.shape[1] - 1)
    moved[:, -1] = 0
    return moved


def every_third_turned(posterior: np.ndarray) -> np.ndarray:
    """Every third item labeled against its votes."""
    moved = posterior.copy()
    moved[::3] = np.roll(moved[::3], 1, axis=1)
    return moved


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [
        (turned, "off the diagonal"),
        (without_the_last, "makes the class 'c003' vanish"),
        (every_third_turned, r"overturns \d+ of \d+ unanimous items"),
    ],
)
def test_a_fit_that_went_wrong_is_left_to_majority(
    spoilt: Callable[[np.ndarray], np.ndarray], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels are compared with the votes after the fit, and what is wrong is the reason."""
    votes, _ = crowd(400, 10, 4, 4, skill=(0.8, 0.95))

    def went_wrong(*arguments: Any, **options: Any) -> Fusion:
        return fused(spoilt(pooled_dawid_skene(*arguments, **options).posterior), "pooled_dawid_skene/1")

    monkeypatch.setattr("labelloop.fusion.choosing.pooled_dawid_skene", went_wrong)
    fusion = auto(votes)
    assert fusion.method == "auto/1+majority/1"
    assert re.search(says, fusion.reason), fusion.reason
    np.testing.assert_array_equal(fusion.label, majority(votes).label)


def test_labels_that_follow_colluders_are_left_to_majority(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no group is found, the fit itself shows that it believes a few against the agreeing rest."""
    votes, truth = colluders(0, bots=4, share=0.95)
    monkeypatch.setattr("labelloop.fusion.evidence.copying_among", lambda *_: ())
    assert accuracy(pooled_dawid_skene(votes).label, truth) < accuracy(majority(votes).label, truth) - 0.1
    fusion = auto(votes)
    assert fusion.method == "auto/1+majority/1"
    assert "follow a few annotators" in fusion.reason


@pytest.mark.parametrize("bots", [2, 3])
def test_colluders_are_found_before_fusion_and_count_once(bots: int) -> None:
    """Bots that give one random answer fool Dawid and Skene, not `auto`; the reason names them."""
    votes, truth = crowd(500, 15, 5, 4, bots=bots)
    assert copying(votes) == (tuple(range(15, 15 + bots)),)
    fusion = auto(votes)
    assert accuracy(fusion.label, truth) > accuracy(majority(votes).label, truth) + 0.05
    assert "a00015, a00016" in fusion.reason
    if bots == 3:
        assert accuracy(dawid_skene(votes).label, truth) < accuracy(fusion.label, truth) - 0.3


def test_able_people_are_no_copies_of_each_other() -> None:
    """Experts who agree because they are right are not accused, even among weak annotators."""
    for seed in range(5):
        for n_classes in (2, 5):
            able, truth = crowd(400, 4, n_classes, 4, seed=seed, skill=(0.95, 0.98))
            rng = np.random.default_rng(seed)
            item = np.repeat(np.arange(400), 5)
            weak = np.where(rng.random(2000) < 0.6, truth[item], rng.integers(0, n_classes, 2000))
            votes = coded(
                np.concatenate([able.item, item]),
                np.concatenate([able.annotator, 4 + np.tile(np.arange(5), 400)]),
                np.concatenate([able.label, weak]), 400, 9, n_classes,
            )  # fmt: skip
            assert copying(votes) == ()


def test_what_copies_say_counts_once() -> None:
    """Of a group's votes on an item one is left, under the first member's code: what most members said."""
    votes = coded([0, 0, 0, 1, 1, 1, 1], [0, 1, 2, 1, 2, 3, 0], [0, 1, 0, 0, 1, 1, 0], 2, 4, 2)
    left = without_copies(votes, ((1, 2, 3),))
    assert left.item.tolist() == [0, 0, 1, 1]
    assert left.annotator.tolist() == [0, 1, 1, 0]
    assert left.label.tolist() == [0, 1, 1, 0], "of one against one the first member's, else the most given"


def test_evidence_of_no_votes_is_nothing() -> None:
    """An empty table is no error and is left to majority."""
    none = coded([], [], [], 0, 0, 3)
    assert evidence_of(none).votes_per_item == 0
    assert auto(none).method == "auto/1+majority/1"
