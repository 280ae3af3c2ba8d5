"""The measurement of label efficiency: what it remembers changes nothing; its figures are their formulas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.label_efficiency import read_results
from bench.label_replay import Replay, sizes_of
from bench.label_sets import Split
from bench.label_table import area, labels_to, print_tables, ratio_to_baseline
from labelloop.models import graph_smoothing, neighbours


def clouds(n: int = 240) -> Split:
    random = np.random.default_rng(0)
    codes = random.integers(3, size=2 * n)
    points = (2 * np.eye(3, 12)[codes] + random.normal(size=(2 * n, 12))).astype(np.float32)
    return Split(points[:n], codes[:n], points[n:], codes[n:], 3)


def test_remembered_neighbours_change_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph_smoothing, "nearest", neighbours.nearest)
    remembering = Replay(clouds(), "graph", 0)
    assert hasattr(graph_smoothing.nearest, "answers")
    first = remembering.run("auto", 30)
    monkeypatch.setattr(graph_smoothing, "nearest", neighbours.nearest)
    assert remembering.run("auto", 30) == first


def test_every_round_adds_half_of_the_labels_and_at_least_the_first_batch() -> None:
    assert sizes_of(4, 100) == [10, 20, 30, 45, 67, 100]
    assert sizes_of(150, 400) == [150, 225, 337, 400]
    assert sizes_of(4, 7) == [7]


def test_random_goes_on_until_it_is_good_enough_and_no_further() -> None:
    replay = Replay(clouds(), "", 0)
    short = replay.run("random", 30)
    assert [labels for labels, _ in short] == [10, 20, 30]
    assert replay.run("random", 30, aim=max(reached for _, reached in short)) == short
    assert replay.run("random", 30, aim=2.0)[-1][0] == 240


def test_labels_to_a_share_lie_on_the_line_between_two_rounds() -> None:
    curve = {"labels": np.array([10, 20, 40]), "accuracy": np.array([0.5, 0.7, 0.9]), "full": 1.0}
    assert labels_to(curve, 0.8) == pytest.approx(30)
    assert labels_to(curve, 0.4) == 10
    assert labels_to(curve, 0.95) == float("inf")


def test_area_is_the_mean_height_over_the_logarithm_of_the_labels() -> None:
    flat = {"labels": np.array([10, 20, 80]), "accuracy": np.full(3, 0.7)}
    assert area(flat) == pytest.approx(0.7)
    rising = {"labels": np.array([10, 20, 80]), "accuracy": np.array([0.4, 0.6, 0.6])}
    assert area(rising) == pytest.approx((0.5 * 1 + 0.6 * 2) / 3)
    assert area(rising, most=20) == pytest.approx(0.5)


def test_results_are_read_line_by_line(tmp_path: Path) -> None:
    line = {
        "set": "a",
        "seed": 3,
        "arm": "auto+graph",
        "full": 0.9,
        "points": [[10, 0.5], [20, 0.8]],
        "seconds": 1,
    }
    (tmp_path / "r.jsonl").write_text(json.dumps(line) + "\n")
    found = read_results(tmp_path / "r.jsonl")
    assert list(found) == [("a", 3, "auto+graph")]
    assert found["a", 3, "auto+graph"]["labels"].tolist() == [10, 20]
    assert read_results(tmp_path / "none.jsonl") == {}


def reaching(labels: float) -> dict[str, Any]:
    """A curve that has 90% of the full-pool accuracy with so many labels."""
    return {"labels": np.array([1.0, labels, 1e6]), "accuracy": np.array([0.1, 0.9, 0.91]), "full": 1.0}


def noisy(seeds: int, ratio: float, noise: float, seed: int = 0) -> dict[tuple[str, int, str], Any]:
    """Two sets; random's labels vary tenfold from seed to seed, the arm's are `ratio` of them, with noise."""
    random, found = np.random.default_rng(seed), {}
    for name in ("a", "b"):
        for number in range(seeds):
            base = 100 * 10 ** random.random()
            found[name, number, "random"] = reaching(base)
            found[name, number, "auto"] = reaching(base * ratio * np.exp(noise * random.normal()))
    return found


def test_the_interval_of_a_ratio_is_paired_by_seed() -> None:
    """Luck that both arms share moves nothing; the order of the lines does not either."""
    ratio, interval, sets = ratio_to_baseline(noisy(20, 0.5, 0.0), ["a", "b"], "auto", 0.9)
    assert sets == 2 and (ratio, *interval) == pytest.approx((0.5, 0.5, 0.5))
    results = noisy(8, 0.5, 0.3)
    turned = dict(reversed(results.items()))
    first, again = (ratio_to_baseline(found, ["a", "b"], "auto", 0.9) for found in (results, turned))
    assert first == again


def test_intervals_of_ratios_hold_the_true_one_about_as_often_as_they_say() -> None:
    """Of 200 measurements of 20 seeds; a percentile bootstrap of so few is a little short of its 95%."""
    held = 0
    for seed in range(200):
        _, (low, high), _ = ratio_to_baseline(noisy(20, 0.5, 0.4, seed), ["a", "b"], "auto", 0.9)
        held += low <= 0.5 <= high
    assert 0.88 <= held / 200 <= 0.99


def test_one_seed_of_a_set_gives_a_ratio_without_an_interval(capsys: pytest.CaptureFixture[str]) -> None:
    results = noisy(1, 0.5, 0.0)
    ratio, interval, sets = ratio_to_baseline(results, ["a", "b"], "auto", 0.9)
    assert (ratio, sets) == (pytest.approx(0.5), 2) and np.isnan(interval).all()
    print_tables(results, ["random", "auto"])
    assert "| auto | 2 x 1 | 0.50 (2) |" in capsys.readouterr().out
    print_tables(noisy(5, 0.5, 0.0), ["random", "auto"])
    out = capsys.readouterr().out
    assert "| auto | 2 x 5 | 0.50, 0.50 to 0.50 (2) |" in out and "| random | 2 x 5 | 1.00 (2) |" in out
