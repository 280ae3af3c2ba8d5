"""What a backtest proves against random: sure or not said, and the same whatever else was tried."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.backtesting.verdict import (
    Against,
    Verdict,
    judge_first_batch,
    judge_strategies,
    read_verdict,
    write_verdict,
)
from labelloop.errors import DamagedFileError


def curves(seeds: int = 6, noise: float = 0.01, **gains: float) -> pd.DataFrame:
    """Straight curves over the same money; a gain lifts all of a strategy's curve but the first point."""
    random = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        for name, gain in {"random": 0.0, **gains}.items():
            luck = gain + noise * random.normal()
            heights = [0.5, 0.6 + luck, 0.7 + luck]
            rows += [
                {"strategy": name, "seed": seed, "cost": 10.0 * (n + 1), "accuracy": height}
                for n, height in enumerate(heights)
            ]
    return pd.DataFrame(rows)


def test_what_is_sure_is_told_and_what_is_not_is_left_open() -> None:
    found = judge_strategies(curves(bad=-0.1, good=0.1, level=0.0), 0.95)
    assert [name for name, one in found.items() if one.worse] == ["bad"]
    assert [name for name, one in found.items() if one.better] == ["good"]
    assert "random" not in found


def test_the_difference_is_the_mean_height_over_the_money() -> None:
    """Half of the money has half of the gain, the other half all of it."""
    (found,) = judge_strategies(curves(noise=0.0, good=0.1), 0.95).values()
    assert (found.low, found.difference, found.high) == pytest.approx((0.075, 0.075, 0.075))


def test_curves_are_compared_where_both_have_spent() -> None:
    """What one alone could still pay for is nobody's lead."""
    given = curves(noise=0.0, good=0.1)
    longer = given[given["strategy"] == "good"].groupby("seed").last().reset_index()
    longer = longer.assign(cost=500.0, accuracy=1.0)
    both = pd.concat([given, longer], ignore_index=True).sort_values(["strategy", "seed", "cost"])
    assert judge_strategies(both, 0.95) == judge_strategies(given, 0.95)


def test_few_seeds_and_no_random_prove_nothing() -> None:
    assert judge_strategies(curves(seeds=4, bad=-0.3), 0.95) == {}
    assert judge_strategies(curves(bad=-0.3).query("strategy != 'random'"), 0.95) == {}
    assert judge_first_batch("auto", [0.1] * 4, [0.9] * 4, 0.95) == {}


def test_the_more_are_tried_the_surer_it_must_be() -> None:
    """With twenty strategies that are level with random one of them would else be called worse."""
    alone = judge_strategies(curves(s0=-0.01), 0.95)["s0"]
    many = judge_strategies(curves(s0=-0.01, **{f"s{n}": 0.0 for n in range(1, 20)}), 0.95)["s0"]
    assert many.high - many.low > 1.5 * (alone.high - alone.low)
    told = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        level = curves(**{f"s{n}": 0.0 for n in range(20)})
        level["accuracy"] = 0.5 + 0.05 * random.normal(size=len(level))
        told += any(one.worse for one in judge_strategies(level, 0.95).values())
    assert told <= 8, "at most about 2.5% of backtests of what is level call anything worse"


def test_a_verdict_is_read_as_it_was_written(tmp_path: Path) -> None:
    verdict = Verdict({"seeds": 6}, {"bad": Against(-0.1, -0.2, -0.05)}, {"auto": Against(0.1, -0.1, 0.3)})
    for name in ("a.json", "b.json"):
        write_verdict(tmp_path / name, verdict)
    assert read_verdict(tmp_path / "a.json") == verdict
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"about": {}, "strategies": {"a": 3}, "first_batch": {}}',
        '{"about": {}, "strategies": {"a": {"difference": 1, "low": "x", "high": 2}}, "first_batch": {}}',
    ],
)
def test_a_damaged_verdict_is_refused_with_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "backtest.json").write_text(content)
    with pytest.raises(DamagedFileError, match=r"backtest\.json"):
        read_verdict(tmp_path / "backtest.json")
