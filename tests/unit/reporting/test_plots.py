"""Pictures: deterministic, whole, and made for every size of campaign."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from labelloop.reporting import plots


def a_curve(rounds: int) -> pd.DataFrame:
    labels = 40 * np.arange(1, rounds + 1)
    accuracy = 1 - 1.6 / np.sqrt(labels)
    control = pd.array([None, *(labels[1:] // 10)], dtype="Int64")
    return pd.DataFrame(
        {
            "labels": labels, "test_items": 300, "cost": 75 + labels * 0.15, "accuracy": accuracy,
            "accuracy_low": accuracy - 0.03, "accuracy_high": np.minimum(1, accuracy + 0.03),
            "control_labels": control,
            "control_accuracy": [None if c is pd.NA else 1 - 1 / np.sqrt(c) for c in control],
        }
    ).astype({"control_accuracy": float})  # fmt: skip


TWIN = pd.DataFrame({"labels": [40, 320], "accuracy": [0.7, 0.9], "low": [0.65, 0.88], "high": [0.75, 0.92]})


def backtest() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        [
            (strategy, seed, labels, rng.uniform(0.6, 0.9))
            for strategy in ("margin", "random", "entropy") for seed in range(3) for labels in (20, 40, 60)
        ],
        columns=["strategy", "seed", "labels", "accuracy"],
    )  # fmt: skip


def ink(path: Path) -> float:
    """Share of pixels that are not white."""
    return float((np.asarray(Image.open(path).convert("L")) < 250).mean())


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_same_numbers_give_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    for folder in ("one", "two"):
        target = tmp_path / folder
        plots.learning_curve(a_curve(8), target / f"curve.{suffix}", twin=TWIN, target=0.95, title="digits")
        plots.confusion_matrix(np.eye(4, dtype=int), list("abcd"), target / f"matrix.{suffix}")
        plots.backtest_curves(backtest(), target / f"backtest.{suffix}")
    for name in ("curve", "matrix", "backtest"):
        first, second = ((tmp_path / folder / f"{name}.{suffix}").read_bytes() for folder in ("one", "two"))
        assert first == second


def test_a_users_matplotlib_settings_change_nothing(tmp_path: Path) -> None:
    plots.learning_curve(a_curve(3), tmp_path / "one.png")
    with mpl.rc_context({"font.size": 20, "axes.facecolor": "black", "savefig.dpi": 30}):
        plots.learning_curve(a_curve(3), tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize("rounds", [1, 2, 8, 60])
def test_every_length_of_campaign_has_a_curve_of_the_same_size(tmp_path: Path, rounds: int) -> None:
    plots.learning_curve(a_curve(rounds), tmp_path / "curve.png", target=0.9)
    assert Image.open(tmp_path / "curve.png").size == (1080, 690)
    assert ink(tmp_path / "curve.png") > 0.01


def test_twin_target_and_control_arm_each_leave_ink(tmp_path: Path) -> None:
    curve = a_curve(8)
    without = curve.assign(control_accuracy=np.nan)
    plots.learning_curve(without, tmp_path / "plain.png")
    plain = (tmp_path / "plain.png").read_bytes()
    for table, options in ((curve, {}), (without, {"twin": TWIN}), (without, {"target": 0.9})):
        plots.learning_curve(table, tmp_path / "more.png", **options)  # type: ignore[arg-type]
        assert (tmp_path / "more.png").read_bytes() != plain


@pytest.mark.parametrize("n", [2, 10, 30, 150])
def test_every_number_of_classes_has_a_matrix(tmp_path: Path, n: int) -> None:
    matrix = np.eye(n, dtype=int) * 9
    matrix[-1] = 0  # a class without test items has no share to divide by
    plots.confusion_matrix(matrix, [f"class {k}" for k in range(n)], tmp_path / "matrix.png")
    assert max(Image.open(tmp_path / "matrix.png").size) <= 1700
    assert ink(tmp_path / "matrix.png") > 0.005


def test_class_names_with_dollars_and_long_names_are_drawn_as_text(tmp_path: Path) -> None:
    """matplotlib would read $...$ as a formula and refuse this one."""
    plots.confusion_matrix(np.eye(2), ["$\\wrong{$", "x" * 300], tmp_path / "matrix.png")
    assert ink(tmp_path / "matrix.png") > 0.01


def test_a_backtest_with_one_seed_has_no_band_but_a_picture(tmp_path: Path) -> None:
    curves = backtest()
    plots.backtest_curves(curves[curves["seed"] == 0], tmp_path / "backtest.png")
    assert ink(tmp_path / "backtest.png") > 0.01


def test_no_window_system_is_touched(tmp_path: Path) -> None:
    before = "matplotlib.pyplot" in sys.modules
    plots.learning_curve(a_curve(2), tmp_path / "curve.png")
    assert ("matplotlib.pyplot" in sys.modules) == before


def test_a_name_without_a_known_suffix_gets_a_png(tmp_path: Path) -> None:
    """A caller may draw onto a temporary name of its own."""
    plots.learning_curve(a_curve(2), tmp_path / ".writing-curve.png-0a1b2c3d")
    assert (tmp_path / ".writing-curve.png-0a1b2c3d").read_bytes().startswith(b"\x89PNG")


def test_nothing_is_left_behind_when_drawing_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        plots.learning_curve(a_curve(2).drop(columns="cost"), tmp_path / "curve.png")
    assert list(tmp_path.iterdir()) == []
