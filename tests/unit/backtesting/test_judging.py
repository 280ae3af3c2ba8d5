"""Trials compared by the recall of a class: by hand, in all that a backtest writes, in its refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.backtesting.judging import judge
from labelloop.errors import DataError, SettingsError
from labelloop.stages.backtest import backtest

PARAMS = """
campaign: {name: rare}
dataset: {kind: table, path: rows.csv, label_column: label}
model: {name: logistic, pool: none}
acquisition: {strategy: random, batch_size: 10}
evaluation: {test_size: 100}
stopping: {max_rounds: 3}
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """One item in twelve is spam, near the others."""
    rng = np.random.default_rng(0)
    spam = rng.random(360) < 1 / 12
    rows = pd.DataFrame(rng.normal(1.2 * spam[:, None], 1.0, (360, 4)), columns=list("abcd"))
    rows.assign(label=np.where(spam, "spam", "ham")).to_csv(tmp_path / "rows.csv", index=False)
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


def test_recall_by_hand() -> None:
    true, said = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 0, 2])
    classes = ("a", "b", "c", "d")
    assert judge("accuracy", true, said, classes) == pytest.approx(3 / 6)
    assert judge("recall:b", true, said, classes) == pytest.approx(1 / 2)
    assert judge("macro_recall", true, said, classes) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    with pytest.raises(DataError, match="none of the 6 test items is of class 'c'"):
        judge("recall:c", true, said, classes)


def test_trials_are_compared_by_it(params: Path, tmp_path: Path) -> None:
    """The same replays as by accuracy; the summary, the page and the curves hold the recall."""
    plain = backtest(params, tmp_path / "plain", strategies=["rare_class", "random"], seeds=2)
    by_recall = backtest(
        params, tmp_path / "recall", strategies=["rare_class", "random"], seeds=2, metric="recall:spam"
    )
    curves = pd.read_csv(tmp_path / "recall" / "curves.csv")
    columns = [name for name in curves if name != "recall:spam"]
    assert curves[columns].equals(pd.read_csv(tmp_path / "plain" / "curves.csv"))
    last = curves.groupby(["trial", "seed"])["recall:spam"].last().groupby("trial").mean()
    for trial, found in by_recall["strategies"].items():
        assert found["final_accuracy"] == pytest.approx(last[trial])
    assert by_recall["full_pool_accuracy"] < plain["full_pool_accuracy"]
    assert "<th>recall:spam</th>" in (tmp_path / "recall" / "backtest.html").read_text()
    assert any("--metric recall:CLASS" in note for note in plain["notes"])
    assert not any("--metric" in note for note in by_recall["notes"])


@pytest.mark.parametrize(
    ("metric", "said"),
    [("recall:spa", "there is no class 'spa'.*spam"), ("f2", "say accuracy, macro_recall")],
)
def test_a_metric_that_does_not_exist_is_refused(
    params: Path, tmp_path: Path, metric: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        backtest(params, tmp_path / "out", metric=metric, seeds=1)
