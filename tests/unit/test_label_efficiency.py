"""The measurement of label efficiency: what it remembers changes nothing; its figures are their formulas."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.label_efficiency import read_results
from bench.label_replay import Replay, sizes_of
from bench.label_sets import Split
from bench.label_table import area, labels_to
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
