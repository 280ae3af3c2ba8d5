"""Backtests over batch sizes, overlaps and real votes: equal money, paired draws, a page for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop.backtesting.grid import Trial, name_of, sizes_of, trials
from labelloop.backtesting.page import page
from labelloop.backtesting.recommend import compare_at_money
from labelloop.backtesting.votes import first_votes
from labelloop.campaign import parse_settings
from labelloop.errors import DataError, SettingsError
from labelloop.stages.backtest import backtest

PARAMS = """
campaign: {name: blobs}
dataset: {kind: table, path: rows.csv, label_column: label}
model: {name: logistic, pool: none}
acquisition: {strategy: margin, batch_size: 10, first_batch_size: 6}
annotation: {overlap: 2, test_overlap: 2, cost_per_vote: 0.1}
evaluation: {test_size: 60}
stopping: {max_rounds: 3}
"""


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """Three overlapping clouds of points, and four people's votes about two thirds of them."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, 240)
    rows = pd.DataFrame(rng.normal(label[:, None] * 1.5, 1.0, (240, 4)), columns=list("abcd"))
    rows.assign(id=[f"i{n}" for n in range(240)], label=[f"class-{code}" for code in label]).to_csv(
        tmp_path / "rows.csv", index=False
    )
    wrong = rng.random((160, 4)) < 0.2
    votes = [
        {"item": f"i{n}", "annotator": f"p{who}",
         "label": f"class-{(label[n] + wrong[n, who]) % 3}"}
        for n in range(160) for who in range(4)
    ]  # fmt: skip
    pd.DataFrame(votes).to_csv(tmp_path / "votes.csv", index=False)
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.replace("label_column: label", "label_column: label, id_column: id"))
    return path


def test_every_trial_has_the_same_money(params: Path, tmp_path: Path) -> None:
    """26 labels of 2 votes are 52 of one: costs meet, labels do not; the last batch is cut to fit."""
    backtest(params, tmp_path / "out", strategies=["margin"], batch_sizes=[10, 23], overlaps=[1, 2], seeds=1)
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    ends = curves.groupby("trial").last()
    assert len(ends) == 4
    assert ends["cost"].to_numpy() == pytest.approx(5.2)
    assert dict(zip(ends["overlap"], ends["labels"], strict=True)) == {1: 52, 2: 26}
    assert set(curves[curves["batch_size"] == 23]["labels"]) == {6, 29, 52, 26}


@pytest.mark.parametrize(
    ("trial", "money", "sizes"),
    [
        (Trial("margin", 10, 2), None, [6, 16, 26]),
        (Trial("margin", 10, 1), None, [6, 16, 26, 36, 46, 52]),
        (Trial("margin", 10, 2), 3.2, [6, 16]),
        (Trial("margin", 100, 4), None, [6, 13]),
        (Trial("margin", 100, 1), 1000.0, [6, 90]),
    ],
)
def test_sizes_follow_the_money_and_the_pool(trial: Trial, money: float | None, sizes: list[int]) -> None:
    settings = parse_settings(
        {"acquisition": {"batch_size": 10, "first_batch_size": 6}, "stopping": {"max_rounds": 3},
         "annotation": {"overlap": 2, "test_overlap": 2, "cost_per_vote": 0.1}}
    )  # fmt: skip
    assert sizes_of(trial, settings, 90, money) == sizes


def test_trials_are_named_by_what_differs() -> None:
    alone = trials(["margin", "random", "margin"], [10], [3])
    assert [name_of(trial, alone) for trial in alone] == ["margin", "random"]
    grid = trials(["margin"], [10, 20], [1, 3])
    assert name_of(grid[0], grid) == "margin, batch 10, 1 vote"
    assert name_of(grid[3], grid) == "margin, batch 20, 3 votes"


def test_votes_of_a_file_are_replayed_about_its_items_alone(params: Path, tmp_path: Path) -> None:
    """More votes an item are dearer and righter; the page and the JSON say the same."""
    summary = backtest(
        params, tmp_path / "out", strategies=["margin", "random"], overlaps=[1, 4],
        votes=str(tmp_path / "votes.csv"), seeds=2,
    )  # fmt: skip
    assert summary["votes"] == "recorded" and "640 votes about 160 items" in summary["notes"][-1]
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert curves["cost"].to_numpy() == pytest.approx(curves["labels"] * curves["overlap"] * 0.1)
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    document = (tmp_path / "out" / "backtest.html").read_text()
    assert summary["at_money"]["sentence"] in document
    assert not [word for word in ("<script", "src=", "<link", "@import") if word in document]


def test_a_crew_that_errs_is_paid_for_what_it_answers(params: Path, tmp_path: Path) -> None:
    summary = backtest(
        params, tmp_path / "out", strategies=["random"], overlaps=[1, 3], votes="crew", seeds=1
    )
    curves = pd.read_csv(tmp_path / "out" / "curves.csv")
    assert summary["votes"] == "crew" and (curves["cost"] > 0).all()
    per_item = curves.groupby("overlap").apply(lambda rows: (rows["cost"] / rows["labels"]).mean())
    assert 2 < per_item[3] / per_item[1] < 4


def test_smaller_overlaps_hear_a_part_of_the_same_votes() -> None:
    votes = pd.DataFrame(
        [{"item": f"i{n}", "annotator": f"p{who}", "value": "a"} for n in range(9) for who in range(4)]
    )

    def kept(overlap: int, seed: int = 1) -> set[tuple[str, str]]:
        drawn = first_votes(votes.sample(frac=1, random_state=overlap), overlap, seed)
        return set(zip(drawn["item"], drawn["annotator"], strict=True))

    assert kept(1) < kept(2) < kept(4) and len(kept(1)) == 9
    assert kept(1, seed=1) != kept(1, seed=2)


@pytest.mark.parametrize("votes", ["nowhere.csv", "recorded", "crwe"])
def test_votes_that_are_not_there_are_told(params: Path, tmp_path: Path, votes: str) -> None:
    with pytest.raises(SettingsError, match="crew"):
        backtest(params, tmp_path / "out", votes=votes, seeds=1)


def test_votes_about_other_items_are_refused(params: Path, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("item,annotator,label\nx9,ada,class-1\n")
    with pytest.raises(DataError, match="none of the 1 votes is about an item of the pool"):
        backtest(params, tmp_path / "out", votes=str(tmp_path / "other.csv"), seeds=1)


def curves_of(ends: dict[str, list[float]]) -> pd.DataFrame:
    """Trials whose curves rise from 50% at 1.00 to these accuracies, one a seed, at 4.00."""
    return pd.DataFrame(
        [
            {"trial": name, "seed": seed, "labels": labels, "cost": cost, "accuracy": accuracy}
            for name, accuracies in ends.items()
            for seed, last in enumerate(accuracies)
            for labels, cost, accuracy in ((10, 1.0, 0.5), (40, 4.0, last))
        ]
    )


def test_what_params_says_is_kept_unless_something_is_surely_better() -> None:
    noise = np.array([-0.01, 0.0, 0.01, 0.02, -0.02])
    close = {"mine": list(0.8 + noise), "other": list(0.801 - noise)}
    found = compare_at_money(curves_of(close), own="mine", currency="USD")
    assert found["best"] == "other" and found["recommended"] == "mine"
    assert "nothing here is surely better" in found["sentence"]
    clear = {"mine": list(0.8 + noise), "other": list(0.9 + noise)}
    found = compare_at_money(curves_of(clear), own="mine", currency="USD")
    assert found["recommended"] == "other"
    assert "What params.yaml says (mine) reaches 80.0%: 10.0 (10.0 to 10.0) points less" in found["sentence"]
    assert found["trials"][1]["behind_low"] > 0.09 and not found["trials"][1]["as_good"]


def test_less_money_is_read_off_the_curve() -> None:
    found = compare_at_money(curves_of({"mine": [0.9, 0.9]}), own="mine", currency="USD")
    assert [(row["money"], round(row["accuracy"], 3)) for row in found["budgets"]] == [
        (1.0, 0.5), (2.0, 0.633), (3.0, 0.767), (4.0, 0.9)
    ]  # fmt: skip


def test_the_least_money_that_nearly_does_it_is_named() -> None:
    """One trial is all but there at half of the money, the other wins in the end by less than a point."""
    early = [(10, 1.0, 0.5), (20, 2.0, 0.896), (40, 4.0, 0.897)]
    rows = [
        {"trial": "early", "seed": seed, "labels": labels, "cost": cost, "accuracy": accuracy}
        for seed in range(2) for labels, cost, accuracy in early
    ]  # fmt: skip
    curves = pd.concat([curves_of({"late": [0.9, 0.9]}), pd.DataFrame(rows)], ignore_index=True)
    found = compare_at_money(curves, own=None, currency="USD")
    assert found["best"] == "late" and found["cheapest"]["trial"] == "early"
    assert 1.9 < found["cheapest"]["money"] < 2.1
    assert "for the least money: early, " in found["sentence"]


def test_one_seed_claims_nothing() -> None:
    found = compare_at_money(curves_of({"a": [0.9], "b": [0.7]}), own=None, currency="USD")
    assert "One seed tells nothing about chance" in found["sentence"]
    assert found["trials"][0]["low"] is None


def test_names_are_escaped_on_the_page() -> None:
    money = compare_at_money(curves_of({"<b>x": [0.9, 0.8]}), own=None, currency="A&B")
    document = page(
        {"at_money": money, "currency": "A&B", "metric": "recall:<b>", "notes": ["<i>"]},
        "<svg></svg>",
        title="<t>",
    )
    assert (
        "<b>" not in document and "<i>" not in document and "<t>" not in document and "A&B<" not in document
    )


def test_the_command_wants_one_thing_to_replay(labelloop: Callable[..., Any], tmp_path: Path) -> None:
    for words in ([], ["--params", "p", "--campaign", "c"]):
        said = labelloop("backtest", "--out", tmp_path, *words)
        assert said.code == 2 and "one of them" in said.error
    said = labelloop("backtest", "--out", tmp_path, "--params", "p", "--overlaps", "1,x")
    assert said.code == 2 and "--overlaps 1,x" in said.error
