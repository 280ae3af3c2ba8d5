"""Confidence: blended with votes, and calibrated on gold."""

from __future__ import annotations

import numpy as np
import pytest
from crowds import coded, crowd, difficult, expected_calibration_error

from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes
from labelloop.fusion.calibration import (
    LEAST_GOLD,
    SHARED,
    blended,
    calibration_told,
    cautious,
    fitted_temperature,
    tempered,
)
from labelloop.fusion.choosing import auto
from labelloop.fusion.majority import majority
from labelloop.fusion.map_dawid_skene import map_dawid_skene

CALIBRATED = ("auto", "map_dawid_skene", "one_coin", "pooled_dawid_skene")


def hard_and_easy() -> tuple[Votes, np.ndarray]:
    """Items that nobody can tell among items that all can: errors are not independent."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    item, who = np.repeat(np.arange(600), 8), np.tile(np.arange(8), 600)
    looks_like = np.where(rng.random(600) < 0.25, (truth + 1) % 3, truth)
    label = np.where(rng.random(len(item)) < 0.8, looks_like[item], rng.integers(0, 3, len(item)))
    return coded(item, who, label, 600, 8, 3), truth


def test_the_temperature_is_found_again() -> None:
    """Probabilities that were sharpened by 3 and labels drawn before give about 3."""
    rng = np.random.default_rng(0)
    honest = rng.dirichlet(np.ones(4), 4000)
    truth = (rng.random((4000, 1)) > honest.cumsum(axis=1)).sum(axis=1)
    assert fitted_temperature(tempered(honest, 1 / 3), truth) == pytest.approx(3, rel=0.1)


@pytest.mark.parametrize("temperature", [0.5, 2.0, 10.0])
def test_a_temperature_changes_no_label(temperature: float) -> None:
    """Only the confidence moves: down above 1, up below."""
    votes, _ = crowd(200, 10, 4, 3)
    plain = map_dawid_skene(votes)
    warm = map_dawid_skene(votes, temperature=temperature)
    np.testing.assert_array_equal(plain.label, warm.label)
    assert (warm.posterior.max(axis=1).mean() < plain.posterior.max(axis=1).mean()) == (temperature > 1)
    np.testing.assert_allclose(warm.posterior.sum(axis=1), 1)


@pytest.mark.parametrize("method", CALIBRATED)
def test_gold_takes_overconfidence_away(method: str) -> None:
    """With shared errors and 100 items of gold, confidence on the rest is off by less than before by half."""
    votes, truth = hard_and_easy()
    gold = np.where(np.arange(600) < 100, truth, -1)
    plain, told = make_fuser(method)(votes), make_fuser(method)(votes, gold=gold)
    before, after = (
        expected_calibration_error(one.posterior[100:], one.label[100:], truth[100:]) for one in (plain, told)
    )
    assert told.temperature is not None
    assert told.temperature > 1
    assert told.raw is not None
    assert after < before / 2
    assert told.method.endswith("+temperature/1")


@pytest.mark.parametrize("method", CALIBRATED)
def test_little_gold_fits_no_temperature(method: str) -> None:
    """Below the least number of gold items a temperature would follow chance."""
    votes, truth = hard_and_easy()
    fusion = make_fuser(method)(votes, gold=np.where(np.arange(600) < LEAST_GOLD - 1, truth, -1))
    assert fusion.temperature is None
    assert (fusion.raw is None) == (method != "auto"), "`auto` alone is cautious then"


def test_blending_is_the_normalised_square_root_of_the_product() -> None:
    """Posterior and smoothed share weigh the same."""
    votes, _ = crowd(50, 6, 3, 3)
    posterior = map_dawid_skene(votes).posterior
    product = np.sqrt(posterior * majority(votes).posterior)
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(blended(posterior, votes), expected)
    np.testing.assert_allclose(map_dawid_skene(votes, blend_votes=True).posterior, expected)


def test_blending_ranks_what_a_model_is_certain_of_by_its_votes() -> None:
    """A posterior of 1 says nothing more; an item with a vote against it is less sure than one without."""
    votes = coded(
        np.array([0, 0, 0, 1, 1, 1]), np.tile(np.arange(3), 2), np.array([0, 0, 0, 0, 0, 1]), 2, 3, 2
    )
    clear, contested = blended(np.array([[1.0, 0.0], [1.0, 0.0]]), votes)[:, 0]
    assert contested < clear < 1


def test_without_gold_confidence_is_cautious_and_labels_stay() -> None:
    """Hard items make people err together: of labels at .95 fewer are wrong, the more so the more votes."""
    for per_item, least in ((5, 0.9), (10, 0.7)):
        votes, truth = difficult(0, n_items=1500, per_item=per_item)
        fusion = auto(votes)
        assert fusion.method.endswith("+caution/1")
        assert fusion.raw is not None and fusion.temperature is None
        np.testing.assert_array_equal(fusion.posterior.argmax(axis=1), fusion.raw.argmax(axis=1))
        wrong = [
            (fusion.label != truth)[rows.max(axis=1) >= 0.95].mean()
            for rows in (fusion.posterior, fusion.raw)
        ]
        assert wrong[0] < least * wrong[1]
        before = expected_calibration_error(fusion.raw, fusion.label, truth)
        assert expected_calibration_error(fusion.posterior, fusion.label, truth) < before - 0.03


def test_a_model_that_shares_the_errors_of_the_votes_counts_as_one_more_of_them() -> None:
    """Learned from people, it errs where they do; where it was not heard it takes no caution."""
    votes, truth = difficult(0, n_items=1500, per_item=2)
    shares = majority(votes, smoothing=1.0).posterior
    prior = shares.copy()
    prior[:500] = np.nan
    fusion = auto(votes, item_prior=prior)
    assert fusion.raw is not None and fusion.method.endswith("+caution/2")
    np.testing.assert_allclose(fusion.posterior[:500], tempered(fusion.raw[:500], 1 + SHARED), atol=1e-9)
    np.testing.assert_allclose(fusion.posterior[500:], tempered(fusion.raw[500:], 1 + 2 * SHARED), atol=1e-9)
    before = expected_calibration_error(fusion.raw[500:], fusion.label[500:], truth[500:])
    assert expected_calibration_error(fusion.posterior[500:], fusion.label[500:], truth[500:]) < before - 0.01


def test_caution_leaves_gold_and_single_votes_and_a_temperature_that_is_set() -> None:
    votes, truth = crowd(300, 10, 3, 4)
    gold = np.full(300, -1)
    gold[:5] = truth[:5]
    fusion = auto(votes, gold=gold)
    assert fusion.raw is not None
    np.testing.assert_array_equal(fusion.posterior[:5].max(axis=1), 1)
    assert (fusion.posterior[5:].max(axis=1) <= fusion.raw[5:].max(axis=1) + 1e-12).all()
    assert auto(votes, temperature=1.0).raw is None
    single = coded([0, 1, 1], [0, 0, 1], [0, 1, 1], 2, 2, 2)
    shown = cautious(majority(single), single)
    np.testing.assert_allclose(shown.posterior[0], majority(single).posterior[0])
    assert shown.posterior[1].max() < majority(single).posterior[1].max()


def test_what_is_told_of_calibration_is_so() -> None:
    votes, truth = crowd(300, 10, 3, 4)
    gold = np.full(300, -1)
    assert "not calibrated: no gold" in calibration_told(auto(votes), 0)
    gold[:9] = truth[:9]
    assert "not calibrated: 9 items" in calibration_told(auto(votes, gold=gold), 9)
    gold[:50] = truth[:50]
    assert "is calibrated (temperature" in calibration_told(auto(votes, gold=gold), 50)
    assert "not calibrated" in calibration_told(majority(votes, gold=gold), 50)
    chosen = {"temperature": 2.0}
    assert "as set" in calibration_told(auto(votes, gold=gold, **chosen), 50, chosen)
