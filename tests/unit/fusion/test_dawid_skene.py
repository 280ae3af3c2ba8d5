"""Dawid and Skene's model: equal to the published formulas, whatever the numerics."""

from __future__ import annotations

import time

import numpy as np
import pytest
from crowds import accuracy, coded, crowd

from labelloop.errors import DataError, SettingsError
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.dawid_skene import LEAST_COUNT, dawid_skene, most_likely_rates
from labelloop.fusion.expectation_maximisation import answers_of, expectation_maximisation, vote_shares
from labelloop.fusion.map_dawid_skene import likely_rates, map_dawid_skene, same_prior
from labelloop.fusion.one_coin import coin_rates
from labelloop.fusion.pooled_dawid_skene import crowd_prior

FITTED = ("dawid_skene", "map_dawid_skene", "one_coin", "pooled_dawid_skene")


def slow(votes: Votes, steps: int, diagonal: float = 0.0, off_diagonal: float = 0.0) -> np.ndarray:
    """The formulas of 1979 with one loop a sum; with pseudo-votes, those of the maximum a posteriori."""
    n_items, n_people, n_classes = len(votes.items), len(votes.annotators), len(votes.classes)
    said = list(zip(votes.item, votes.annotator, votes.label, strict=True))
    posterior = np.zeros((n_items, n_classes))
    for item, _, label in said:
        posterior[item, label] += 1
    posterior /= posterior.sum(axis=1, keepdims=True)
    with_prior = diagonal > 0
    for _ in range(steps):
        rates = np.full((n_people, n_classes, n_classes), off_diagonal)
        for who in range(n_people):
            rates[who] += np.eye(n_classes) * (diagonal - off_diagonal)
        for item, who, label in said:
            rates[who, :, label] += posterior[item]
        if not with_prior:
            for who in range(n_people):
                used = sorted({label for _, one, label in said if one == who})
                rates[who][:, used] = np.maximum(rates[who][:, used], LEAST_COUNT)
        rates /= rates.sum(axis=2, keepdims=True)
        shares = (posterior.sum(axis=0) + with_prior) / (n_items + n_classes * with_prior)
        posterior = np.tile(shares, (n_items, 1))
        for item, who, label in said:
            posterior[item] *= rates[who, :, label]
        posterior /= posterior.sum(axis=1, keepdims=True)
    return posterior


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("steps", [1, 2, 15])
def test_dawid_skene_is_the_published_model(n_classes: int, steps: int) -> None:
    """Posteriors equal the slow loops over the formulas to 1e-8 after the same iterations."""
    votes, _ = crowd(60, 8, n_classes, 4)
    fast = dawid_skene(votes, max_iter=steps, tol=-np.inf).posterior
    np.testing.assert_allclose(fast, slow(votes, steps), atol=1e-8)


@pytest.mark.parametrize(("diagonal", "off_diagonal"), [(2.0, 0.1), (4.0, 1.0)])
def test_pseudo_votes_enter_every_confusion_matrix(diagonal: float, off_diagonal: float) -> None:
    """The maximum a posteriori form equals its slow loops, unused labels included."""
    votes, _ = crowd(60, 8, 4, 3)
    fast = map_dawid_skene(
        votes, diagonal=diagonal, off_diagonal=off_diagonal, max_iter=10, tol=-np.inf
    ).posterior
    np.testing.assert_allclose(fast, slow(votes, 10, diagonal, off_diagonal), atol=1e-8)


@pytest.mark.parametrize("with_gold", [False, True])
@pytest.mark.parametrize("with_prior", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_objective_never_falls(seed: int, with_gold: bool, with_prior: bool) -> None:
    """Whatever is clamped or given as item prior, each step raises likelihood times prior."""
    rng = np.random.default_rng(seed)
    votes, truth = crowd(80, 12, int(rng.integers(2, 6)), 3, seed=seed, skill=(0.2, 0.9))
    answers = answers_of(votes)
    gold = np.where(rng.random(80) < 0.2, truth, -1) if with_gold else None
    item_prior = rng.dirichlet(np.ones(len(votes.classes)), 80) if with_prior else None
    coin = expectation_maximisation(answers, vote_shares(votes), coin_rates(answers, 1.0), gold=gold,
                                    item_prior=item_prior, class_weight=None)  # fmt: skip
    crowd_wide = crowd_prior(answers, coin.posterior, 3.0, 3.0)
    models = {
        "pooled": (likely_rates(answers, *crowd_wide), 1.0),
        "likelihood": (most_likely_rates(answers), 0.0),
        "posterior": (likely_rates(answers, *same_prior(answers, 2.0, 0.1)), 1.0),
        "coin": (coin_rates(answers, 1.0), None),
    }
    for name, (estimate, weight) in models.items():
        fit = expectation_maximisation(
            answers, vote_shares(votes), estimate, gold=gold, item_prior=item_prior, class_weight=weight,
            max_iter=40, tol=-np.inf,
        )  # fmt: skip
        assert len(fit.objective) == 40
        assert np.diff(fit.objective).min() > -1e-7, name


@pytest.mark.parametrize("method", FITTED)
def test_gold_keeps_its_class_against_all_votes(method: str) -> None:
    """An item of gold has its class for certain, whatever was voted."""
    votes, truth = crowd(60, 6, 3, 4)
    gold = np.full(60, -1)
    gold[:5] = (truth[:5] + 1) % 3
    fusion = make_fuser(method)(votes, gold=gold)
    np.testing.assert_array_equal(fusion.label[:5], gold[:5])
    np.testing.assert_array_equal(fusion.posterior[np.arange(5), gold[:5]], 1)
    assert fusion.gold is not None
    assert fusion.gold.tolist() == [True] * 5 + [False] * 55


def test_gold_teaches_who_is_able() -> None:
    """Where two of three people are wrong together, gold shows whom to believe."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 150)
    item = np.repeat(np.arange(150), 3)
    label = (truth[item] + np.tile([0, 1, 1], 150)) % 3
    votes = coded(item, np.tile(np.arange(3), 150), label, 150, 3, 3)
    gold = np.where(np.arange(150) < 60, truth, -1)
    assert accuracy(map_dawid_skene(votes).label, truth) < 0.1
    assert accuracy(map_dawid_skene(votes, gold=gold).label[60:], truth[60:]) > 0.95


@pytest.mark.parametrize("method", [*FITTED[1:], "auto"])
def test_an_item_prior_decides_where_votes_do_not(method: str) -> None:
    """A model's chances raise accuracy at one vote an item."""
    votes, truth = crowd(400, 10, 4, 1, skill=(0.5, 0.7))
    prior = np.full((400, 4), 0.05)
    guess = np.where(np.random.default_rng(1).random(400) < 0.85, truth, (truth + 1) % 4)
    prior[np.arange(400), guess] = 0.85
    fuser = make_fuser(method)
    with_model = fuser(votes, item_prior=prior)  # type: ignore[call-arg]
    assert accuracy(with_model.label, truth) > 0.85
    assert accuracy(fuser(votes).label, truth) < 0.75


@pytest.mark.parametrize("method", FITTED)
def test_item_priors_of_nan_are_none(method: str) -> None:
    """Items about which a model says nothing are fused as without it."""
    votes, _ = crowd(100, 10, 3, 3)
    fuser = make_fuser(method)
    silent = fuser(votes, item_prior=np.full((100, 3), np.nan))  # type: ignore[call-arg]
    np.testing.assert_array_equal(silent.posterior, fuser(votes).posterior)


@pytest.mark.parametrize("method", ["dawid_skene", "map_dawid_skene", "one_coin"])
def test_a_warm_start_ends_where_a_cold_one_does(method: str) -> None:
    """Starting from an earlier posterior changes the way, not the labels."""
    votes, _ = crowd(300, 15, 3, 5)
    cold = make_fuser(method, {"tol": 1e-12, "max_iter": 1000})(votes)
    warm = make_fuser(method, {"max_iter": 3, "warm_start": cold.posterior})(votes)
    np.testing.assert_allclose(warm.posterior, cold.posterior, atol=1e-4)


def test_priors_hold_against_few_votes_an_annotator() -> None:
    """With three votes an annotator, maximum likelihood overfits and the prior from the crowd does not."""
    votes, truth = crowd(200, 200, 5, 3, skill=(0.5, 0.8))
    found = {method: accuracy(make_fuser(method)(votes).label, truth) for method in FITTED}
    assert found["pooled_dawid_skene"] > found["dawid_skene"] + 0.1
    assert found["map_dawid_skene"] > found["dawid_skene"]


def test_a_shared_confusion_is_undone() -> None:
    """Annotators who often call class 1 class 0 are understood; one chance each cannot tell."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 600)
    item, who = np.repeat(np.arange(600), 5), np.tile(np.arange(5), 600)
    label = np.where((truth[item] == 1) & (rng.random(3000) < 0.55), 0, truth[item])
    votes = coded(item, who, label, 600, 5, 3)
    assert accuracy(map_dawid_skene(votes).label, truth) > 0.95
    assert accuracy(make_fuser("one_coin")(votes).label, truth) < 0.93


def test_single_precision_agrees_with_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed in float32 for many items is the same to 1e-3."""
    votes, _ = crowd(500, 20, 4, 4)
    double = map_dawid_skene(votes).posterior
    monkeypatch.setattr("labelloop.fusion.expectation_maximisation.SINGLE_PRECISION_FROM", 1)
    single = map_dawid_skene(votes).posterior
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, double, atol=1e-3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_iter": 0}, "max_iter is 0"),
        ({"tol": "small"}, "tol is 'small'"),
        ({"diagonal": -1.0}, "diagonal is -1.0"),
        ({"off_diagonal": 0}, "off_diagonal is 0"),
        ({"temperature": 0}, "temperature is 0"),
        ({"blend_votes": "yes"}, "blend_votes is 'yes'"),
    ],
)
def test_options_that_are_none_are_refused(options: dict[str, object], says: str) -> None:
    """The message names the option and its value."""
    with pytest.raises(SettingsError, match=says):
        make_fuser("map_dawid_skene", options)


def test_arrays_of_a_wrong_shape_or_content_are_refused() -> None:
    """Gold and priors that do not belong to the votes are told, not broadcast."""
    votes, _ = crowd(20, 5, 3, 3)
    with pytest.raises(DataError, match="gold has shape"):
        map_dawid_skene(votes, gold=np.zeros(3, dtype=np.int64))
    with pytest.raises(DataError, match="gold of item 4 is 7"):
        map_dawid_skene(votes, gold=np.where(np.arange(20) == 4, 7, -1))
    with pytest.raises(DataError, match="item_prior has shape"):
        map_dawid_skene(votes, item_prior=np.ones((20, 2)) / 2)
    with pytest.raises(DataError, match="item_prior must hold probabilities"):
        map_dawid_skene(votes, item_prior=np.ones((20, 3)))


def test_half_a_million_votes_take_seconds() -> None:
    """100,000 items with 5 votes, 10 classes and 100 annotators: 20 iterations within 5 s of processor."""
    rng = np.random.default_rng(0)
    truth, item = rng.integers(0, 10, 100_000), np.repeat(np.arange(100_000), 5)
    label = np.where(rng.random(500_000) < 0.7, truth[item], rng.integers(0, 10, 500_000))
    votes = Votes(np.arange(100_000), np.arange(100), tuple("abcdefghij"), item,
                  rng.integers(0, 100, 500_000), label)  # fmt: skip
    begun = time.process_time()
    dawid_skene(votes, max_iter=20, tol=-np.inf)
    assert time.process_time() - begun < 5
