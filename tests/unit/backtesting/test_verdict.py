"""What a backtest proves against random: sure or not said, and the same whatever else was tried."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.backtesting.verdict import (
    Against,
    Verdict,
    join_verdicts,
    judge_first_batch,
    judge_strategies,
    keep_verdict,
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


ABOUT = {"seeds": 6, "coverage": 0.95, "metric": "accuracy"}


def test_two_backtests_of_the_same_say_what_one_of_both_would() -> None:
    """As sure as if all had been tried at once, so that trying one after the other proves no more."""
    given = curves(bad=-0.1, good=0.1, level=0.0)
    parts = [Verdict(ABOUT, judge_strategies(given[given["strategy"].isin(["random", *names])], 0.95), {})
             for names in (["bad"], ["good", "level"])]  # fmt: skip
    joined, whole = join_verdicts(*parts).strategies, judge_strategies(given, 0.95)
    assert list(joined) == list(whole) == ["bad", "good", "level"]
    for name, found in whole.items():
        assert asdict(joined[name]) == pytest.approx(asdict(found))
    assert join_verdicts(parts[0], parts[0]) == parts[0]


def test_of_a_strategy_in_both_the_newer_counts() -> None:
    before, now = ({"s": Against(at, at - 0.1, at + 0.1)} for at in (0.3, -0.3))
    assert join_verdicts(Verdict(ABOUT, before, {}), Verdict(ABOUT, now, {})).strategies == now


def test_a_file_is_only_ever_told_more_or_something_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "backtest.json"
    bad, auto = {"bad": Against(-0.1, -0.2, -0.05)}, {"auto": Against(0.1, -0.1, 0.3)}
    assert "no strategy was compared" in keep_verdict(path, Verdict(ABOUT, {}, {})) and not path.exists()
    path.write_text("{}")
    said = keep_verdict(path, Verdict(ABOUT, bad, {}))
    assert said.endswith("stand against random: bad."), "what was damaged is mended"
    assert "bad, auto in the first batch" in keep_verdict(path, Verdict(ABOUT, {}, auto))
    assert read_verdict(path) == Verdict(ABOUT, bad, auto)
    other = {**ABOUT, "seeds": 7}
    assert "it tells of bad, and here no strategy" in keep_verdict(path, Verdict(other, {}, auto))
    assert read_verdict(path) == Verdict(ABOUT, bad, auto)
    assert "What it told of bad, auto in the first batch is gone" in keep_verdict(
        path, Verdict(other, auto, {})
    )
    assert read_verdict(path) == Verdict(other, auto, {})


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
