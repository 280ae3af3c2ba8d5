"""The meter's intervals over whole campaigns whose savings are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from bench.savings import judge
from bench.savings_campaigns import SLOW, STEEP, Campaign, Plan, simulated
from labelloop.evaluation.half_samples import HalfSamples
from labelloop.settings.acquisition import Acquisition
from labelloop.settings.judging import Stopping

CAMPAIGNS = 60
DEFAULTS = Plan(int(Stopping().max_rounds or 0), Acquisition().batch_size, Acquisition().control_share)
LONGER = Plan(15, 40, 0.3)


@dataclass(frozen=True)
class WithoutLuck(HalfSamples):
    """Says that draws make no difference."""

    variance = 0.0  # type: ignore[assignment]
    difference = 0.0  # type: ignore[assignment]


@pytest.fixture(scope="module")
def campaigns() -> dict[tuple[str, float], list[Campaign]]:
    """Of either learner and plan, as good as random and far better."""
    kinds = {
        f"{name}, {size}": (learner, plan)
        for name, learner in (("slow", SLOW), ("steep", STEEP))
        for size, plan in (("defaults", DEFAULTS), ("longer", LONGER))
    }
    return {
        (name, ratio): [simulated(learner, plan, ratio, seed) for seed in range(CAMPAIGNS)]
        for name, (learner, plan) in kinds.items()
        for ratio in (1.0, 0.3)
    }


def test_it_speaks_at_the_default_settings_and_its_intervals_hold(
    campaigns: dict[tuple[str, float], list[Campaign]],
) -> None:
    """In every campaign; of 95% intervals no fewer hold than chance in so many explains (at 1%)."""
    found = {key: judge(made, key[1]) for key, made in campaigns.items()}
    assert {told["spoke"] for told in found.values()} == {1.0}
    held = np.mean([told["held"] for told in found.values()])
    assert held >= 0.95 - 2.33 * np.sqrt(0.95 * 0.05 / (CAMPAIGNS * len(found)))
    assert min(told["held"] for told in found.values()) >= 0.95 - 2.33 * np.sqrt(0.95 * 0.05 / CAMPAIGNS)


def test_large_savings_are_found(campaigns: dict[tuple[str, float], list[Campaign]]) -> None:
    """At the defaults, with a learner that climbs fast; and nothing is claimed more often than it may be."""
    assert judge(campaigns["steep, defaults", 0.3], 0.3)["saving"] >= 0.75
    assert judge(campaigns["steep, defaults", 1.0], 1.0)["saving"] <= 0.1


def test_without_the_luck_of_the_draw_the_intervals_would_not_hold(
    campaigns: dict[tuple[str, float], list[Campaign]],
) -> None:
    """So the tests above would fail if it were left out."""
    held = [judge([_lucky(one) for one in made], ratio)["held"] for (_, ratio), made in campaigns.items()]
    assert np.mean(held) <= 0.85


def _lucky(one: Campaign) -> Campaign:
    return Campaign(one.curve, WithoutLuck(one.control.sample, one.control.right), one.classes)
