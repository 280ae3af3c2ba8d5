"""Backtests: paired, repeatable, and honest about what was replayed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop import datasets
from labelloop.backtesting.arena import batch_sizes, make_arena
from labelloop.backtesting.compare import summarise
from labelloop.campaign import load_settings, parse_settings
from labelloop.errors import DataError, SettingsError
from labelloop.stages.backtest import backtest
from labelloop.stages.prepare import new_learner

PARAMS = """
campaign: {name: blobs}
dataset: {kind: table, path: rows.csv, label_column: label}
acquisition: {strategy: margin, batch_size: 10, first_batch_size: 6}
evaluation: {test_size: 60}
stopping: {max_rounds: 4}
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A campaign on three overlapping clouds of points."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 260)
    rows = pd.DataFrame(rng.normal(label[:, None] * 1.5, 1.0, (260, 4)), columns=list("abcd"))
    rows.assign(label=[f"class-{code}" for code in label]).to_csv(tmp_path / "rows.csv", index=False)
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS)
    return path


def test_strategies_share_their_start_and_their_sizes(params: Path, tmp_path: Path) -> None:
    """With one seed every strategy has the same first point, and all have points at the same labels."""
    backtest(params, tmp_path / "out", strategies=["margin", "entropy", "random"], seeds=2)
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert {"trial", "strategy", "seed", "labels", "cost", "accuracy"} <= set(curves.columns)
    for _, points in curves.groupby("seed"):
        first = points[points["labels"] == 6]
        assert len(first) == 3 and first["accuracy"].nunique() == 1
        assert {tuple(group["labels"]) for _, group in points.groupby("strategy")} == {(6, 16, 26, 36)}
    assert curves.groupby("seed")["accuracy"].first().nunique() == 2


def test_the_result_is_the_same_however_many_processes_work(params: Path, tmp_path: Path) -> None:
    """One process and two give the same bytes, picture included."""
    for workers in (1, 2):
        backtest(
            params, tmp_path / f"by-{workers}", strategies=["margin", "k_means"], seeds=2, workers=workers
        )
    for name in ("curves.csv", "summary.json", "curves.png", "backtest.html"):
        assert (tmp_path / "by-1" / name).read_bytes() == (tmp_path / "by-2" / name).read_bytes()


def test_without_strategies_the_campaigns_own_is_compared_with_random(params: Path, tmp_path: Path) -> None:
    """The default comparison is the one that a user wants to know of first."""
    summary = backtest(params, tmp_path / "out", seeds=1)
    assert set(summary["strategies"]) == {"margin", "random"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary


def test_an_unknown_strategy_is_refused_before_anything_is_replayed(params: Path, tmp_path: Path) -> None:
    """A typing mistake costs no time and leaves no half result."""
    with pytest.raises(SettingsError, match="margin"):
        backtest(params, tmp_path / "out", strategies=["margn"], seeds=1)
    assert not (tmp_path / "out").exists()


def test_items_without_a_label_are_refused(params: Path, tmp_path: Path) -> None:
    """A backtest on data that is not labeled says which item is the first."""
    rows = pd.read_csv(tmp_path / "rows.csv")
    rows.loc[7, "label"] = None
    rows.to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"1 of 260 items have no label, such as 'rows-0+7'"):
        backtest(params, tmp_path / "out", seeds=1)


@pytest.mark.parametrize(
    ("changed", "eligible", "sizes"),
    [
        ({}, 1000, [6, 16, 26, 36]),
        ({"budget": {"labels": 20}}, 1000, [6, 16, 20]),
        ({"stopping": {"max_rounds": None, "target_accuracy": 1.0}}, 30, [6, 16, 26, 30]),
        ({}, 4, [4]),
    ],
)
def test_rounds_follow_the_budget_and_the_pool(changed: dict, eligible: int, sizes: list[int]) -> None:
    """Sizes end at the rounds, the label budget or the pool, whatever comes first; the last is cut to fit."""
    content = {
        "acquisition": {"batch_size": 10, "first_batch_size": 6},
        "stopping": {"max_rounds": 4},
    } | changed
    assert batch_sizes(parse_settings(content), eligible) == sizes


def test_the_summary_counts_wins_and_labels_by_hand() -> None:
    """On a curve one can do in the head: area, labels to a share, and the paired difference."""
    curves = pd.DataFrame(
        [
            {"strategy": name, "seed": 0, "labels": labels, "accuracy": accuracy}
            for name, points in {"random": [(10, 0.5), (20, 0.6)], "margin": [(10, 0.5), (20, 0.8)]}.items()
            for labels, accuracy in points
        ]
    )
    summary = summarise(curves, {0: 0.8})
    assert summary["strategies"]["margin"]["area"] == pytest.approx(0.65)
    assert summary["strategies"]["margin"]["labels_to"]["98%"] == {"mean": 20.0, "seeds": 1}
    assert summary["strategies"]["random"]["labels_to"]["90%"] == {"mean": None, "seeds": 0}
    against = summary["strategies"]["margin"]["against_baseline"]
    assert against["area_difference"] == pytest.approx(0.1) and against["wins"] == 1


def test_strategies_that_ask_labels_or_a_committee_are_replayed_too(params: Path, tmp_path: Path) -> None:
    """What a live round gives a strategy a backtest gives it as well, with the same start for all."""
    names = ["auto", "bald", "balanced", "rare_class", "hard_negatives", "error_based", "dropquery"]
    backtest(params, tmp_path / "out", strategies=names, seeds=1)
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert set(curves["strategy"]) == set(names)
    assert curves[curves["labels"] == 6]["accuracy"].nunique() == 1
    assert curves[curves["labels"] == 36]["accuracy"].nunique() > 1


def test_a_file_of_complaints_is_read_and_followed(params: Path, tmp_path: Path) -> None:
    """As a live round does; its path starts at params.yaml, and ids that are not in the pool are left out."""
    (tmp_path / "complaints.csv").write_text("item\nrows-0000003\nrows-0000008\nelsewhere\n")
    own = PARAMS.replace("strategy: margin", "strategy: error_based, options: {wrong: complaints.csv}")
    accuracies = {}
    for name, content in (("named", own), ("found", own.replace("options: {wrong: complaints.csv}, ", ""))):
        params.write_text(content)
        backtest(params, tmp_path / name, strategies=["error_based"], seeds=1)
        accuracies[name] = pd.read_csv(tmp_path / name / "curves.csv")["accuracy"].tolist()
    assert accuracies["named"] != accuracies["found"]
    (tmp_path / "complaints.csv").unlink()
    params.write_text(own)
    with pytest.raises(SettingsError, match=r"complaints\.csv' is not there"):
        backtest(params, tmp_path / "none", seeds=1)


@pytest.mark.parametrize("kind", ["learners", "snapshots", "dropout"])
def test_a_committee_is_made_as_in_the_campaign(params: Path, tmp_path: Path, kind: str) -> None:
    """Picks follow the kind: with the same seed they are not those of bootstrap samples."""
    accuracies = {}
    plain = "name: mlp, pool: none, options: {epochs: 3, min_steps: 40, hidden: 8, device: cpu}"
    for of in ("bootstrap", kind):
        params.write_text(PARAMS + f"model: {{{plain}, committee: 2, committee_of: {of}}}\n")
        backtest(params, tmp_path / of, strategies=["bald"], seeds=1)
        accuracies[of] = pd.read_csv(tmp_path / of / "curves.csv")["accuracy"].tolist()
    assert accuracies[kind][0] == accuracies["bootstrap"][0]
    assert accuracies[kind] != accuracies["bootstrap"]


def test_a_learner_that_uses_the_pool_sees_no_item_that_it_is_judged_on(params: Path, tmp_path: Path) -> None:
    params.write_text(PARAMS + "model: {pool: graph}\n")
    settings = load_settings(params)
    datasets.prepare(settings.dataset, settings.labels, test_size=60, seed=0, root=tmp_path, out=tmp_path)
    arena = make_arena(datasets.open_prepared(tmp_path), settings, 0, new_learner)
    seen = {row.tobytes() for row in arena.learner._sample}
    assert len(seen) == len(arena.eligible) == 200
    assert not seen & {row.tobytes() for row in arena.test_inputs}
