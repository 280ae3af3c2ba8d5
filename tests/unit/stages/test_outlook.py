"""What a campaign's rounds keep about the rounds to come, and rules on the curves of real data."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from small_campaigns import clouds

from labelloop import files
from labelloop.campaign import Budget, Stopping
from labelloop.evaluation.forecast import Plan, make_forecast
from labelloop.evaluation.plateau import recent_slope
from labelloop.stages.outlook import outlook_metrics
from labelloop.stages.track import METRICS
from labelloop.stages.twin import random_twin
from labelloop.status import as_text, read_status
from labelloop.stopping import RoundSummary, Signals, decide, stabilization
from labelloop.workspace import Workspace

SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "outlook", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"strategy": "margin", "batch_size": 12, "first_batch_size": 12, "control_share": 0.3},
    "annotation": {
        "overlap": 1, "test_overlap": 1,
        "simulation": {"annotators": [{"name": "ada", "accuracy": 1.0, "skip_rate": 0.2},
                                      {"name": "ben", "accuracy": 1.0, "skip_rate": 0.2}]},
    },
    "evaluation": {"test_size": 60, "bootstrap": 20, "stop_set": 50, "monitoring_cost": 0.5},
    "stopping": {"max_rounds": 5, "kappa": 0.999, "plateau": 0.0001, "value_per_point": 100.0,
                 "target_accuracy": 0.999, "combine": "all", "plateau_rounds": 3},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}  # fmt: skip


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Workspace:
    """Five rounds on three overlapping clouds."""
    folder = tmp_path_factory.mktemp("outlook")
    labelloop("init", folder)
    clouds(300, 1.2).to_csv(folder / "rows.csv", index=False)
    (folder / "params.yaml").write_text(yaml.safe_dump(SETTINGS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_twin, "__defaults__", (1,))
        said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return Workspace.at(folder)


def test_every_round_predicts_the_same_items_and_keeps_the_rounds_before(campaign: Workspace) -> None:
    """A fixed stop set, none of it from the test set; a column a round."""
    tables = [pq.read_table(campaign.round(f"r{n:03d}").stop_set).to_pandas() for n in range(5)]
    tested = set(pq.read_table(campaign.round("r000").batch).to_pandas().query("arm == 'test'")["item"])
    for number, table in enumerate(tables):
        assert list(table.columns) == ["item", *(f"r{n:03d}" for n in range(number + 1))]
        assert table["item"].tolist() == tables[0]["item"].tolist() and len(table) == 50
        assert table.iloc[:, : number + 1].equals(tables[-1].iloc[:, : number + 1])
    assert not tested & set(tables[0]["item"])


def test_signals_and_forecasts_are_carried_on(campaign: Workspace) -> None:
    """The newest round tells the history; earlier rounds' parts are as they were written."""
    last = files.read_json(campaign.round("r004").stopping)
    assert [one["round"] for one in last["signals"]] == [f"r{n:03d}" for n in range(5)]
    assert last["signals"][:3] == files.read_json(campaign.round("r002").stopping)["signals"]
    assert last["signals"][4]["kappa"] is not None and last["signals"][2]["kappa"] is None
    assert {rule["rule"] for rule in last["rules"]} == {
        "target_accuracy", "kappa", "plateau", "marginal_cost"
    }  # fmt: skip
    forecast = files.read_json(campaign.round("r004").forecast)
    assert [one["round"] for one in forecast["earlier"]] == [f"r{n:03d}" for n in range(4)]
    assert forecast["judged"]["compared"] == 1, "only r003 had enough rounds for a forecast of r004"
    assert files.read_json(campaign.round("r002").forecast)["status"] == "too little data yet"


def test_the_marginal_cost_counts_answers_and_monitoring(campaign: Workspace) -> None:
    """12 labels at one answer of 0.05 each, give or take what was skipped; plus 0.5."""
    cost = files.read_json(campaign.round("r004").stopping)["signals"][-1]["batch_cost"]
    assert 12 * 0.05 * 0.8 + 0.5 <= cost <= 12 * 0.05 * 1.5 + 0.5


def test_votes_are_answers_and_skips_are_counted_apart(campaign: Workspace) -> None:
    votes = pq.read_table(campaign.round("r004").collected).to_pandas()
    metrics = files.read_json(campaign.round("r004").metrics)
    assert metrics["votes"] == int(votes["action"].isin(["submitted", "updated"]).sum())
    assert metrics["skips"] == int((votes["action"] == "skipped").sum()) > 0
    assert metrics["cost"] == pytest.approx(votes["cost"].sum())


def test_labels_money_and_days_to_the_target_are_metrics_that_mlflow_gets() -> None:
    """With their intervals, with the next batch's gain and cost, and with how good earlier forecasts were."""
    labels = np.arange(50, 351, 50)
    plan = Plan(batch=50, pool_left=5000, label_cost=0.2, label_hours=0.1, target=0.88)
    forecast = make_forecast("r006", labels, 0.95 - 1.5 * labels**-0.5, plan, coverage=0.8, seed=0)
    stopped = {"signals": [dataclasses.asdict(Signals("r006", batch_cost=10.0))]}
    metrics = outlook_metrics(stopped, forecast)
    assert set(metrics) <= set(METRICS)
    for what in ("labels", "money", "days"):
        ends = [metrics[f"{what}_to_target{end}"] for end in ("_low", "", "_high")]
        assert ends == [forecast["target"][what][name] for name in ("low", "middle", "high")]
        assert 0 < ends[0] < ends[1]
    assert metrics["target_chance"] == forecast["target"]["chance"]
    assert (metrics["next_batch_gain"], metrics["next_batch_cost"]) == (forecast["gain"]["mean"], 10.0)
    assert metrics["forecasts_compared"] == 0


def test_what_mlflow_is_told_is_in_the_metrics(campaign: Workspace) -> None:
    metrics = files.read_json(campaign.round("r004").metrics)
    only_with_second_looks, only_in_order = {"second_looks", "labels_changed", "still_unsure"}, {"steps_off"}
    assert set(METRICS) - set(metrics) == only_with_second_looks | only_in_order
    assert metrics["forecasts_compared"] == 1 and metrics["next_batch_cost"] > 0


def test_status_and_report_say_what_to_expect(campaign: Workspace) -> None:
    """The forecast's sentence, each rule's, and what was spent, in both places or where they belong."""
    status = read_status(campaign)
    text, report = as_text(status), campaign.round("r004").report.read_text()
    sentence = files.read_json(campaign.round("r004").forecast)["sentence"]
    assert sentence in text and sentence in report
    for rule in status["prospects"]["rules"]:
        assert rule["sentence"] in text and rule["sentence"] in report
    assert "\nspent     " in text and "\nlearned   " in text
    assert "Automation and monitoring have cost 2.50 USD" in report or "In money:" in report
    assert json.loads(json.dumps(status)) == status


def test_a_round_of_before_the_files_were_kept_is_read_without_them(
    campaign: Workspace, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(campaign.root, copy)
    folder = Workspace.at(copy).round("r004")
    folder.forecast.unlink()
    folder.stopping.unlink()
    assert "Too few rounds yet" in as_text(read_status(Workspace.at(copy)))


def real(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Digits, or the table of breast cancers, in a random order."""
    from sklearn import datasets

    load = {"digits": datasets.load_digits, "cancer": datasets.load_breast_cancer}[name]
    features, codes = load(return_X_y=True)
    order = np.random.default_rng(5).permutation(len(codes))
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    return features[order], codes[order]


@pytest.mark.parametrize(("name", "batch", "plateau"), [("digits", 40, 0.025), ("cancer", 15, 0.06)])
def test_rules_stop_a_real_curve_after_it_has_flattened(name: str, batch: int, plateau: float) -> None:
    """Labels drawn at random, 16 rounds: each rule fires, not in the first rounds, and little is lost."""
    from sklearn.linear_model import LogisticRegression

    features, codes = real(name)
    test, pool = slice(0, len(codes) // 3), slice(len(codes) // 3, None)
    stop, labels, right, said, doubts = features[pool][-400:], [], [], [], []
    for number in range(16):
        count = batch * (number + 1)
        model = LogisticRegression(max_iter=300).fit(features[pool][:count], codes[pool][:count])
        labels.append(count)
        right.append(model.predict(features[test]) == codes[test])
        said.append(model.predict(stop).astype(np.int64))
        doubts.append(float((1 - model.predict_proba(stop).max(axis=1)).mean()))
    accuracy = np.array(right).mean(axis=1)
    signals = []
    for number in range(16):
        slope = recent_slope(
            np.array(labels[: number + 1]), np.array(right[: number + 1]), rounds=8, coverage=0.95,
            resamples=100, seed=0,
        )  # fmt: skip
        changed = stabilization.classification_change(said[: number + 1], unchanged=2)
        signals.append(
            Signals(
                f"r{number:03d}",
                kappa=stabilization.stabilizing_predictions(said[: number + 1]).value,
                changed=changed.value,
                doubt=doubts[number],
                slope=slope and slope.value,
                slope_low=slope and slope.low,
                slope_high=slope and slope.high,
            )
        )
    history = [
        RoundSummary(f"r{number:03d}", labels[number], 0.0, 0.0, float(accuracy[number]))
        for number in range(16)
    ]
    for rule in ({"kappa": 0.98}, {"changed": 0.02}, {"plateau": plateau}):
        stopping = Stopping(max_rounds=None, patience=2, **rule)  # type: ignore[arg-type]
        fired = [
            decide(stopping, Budget(), history[: n + 1], pool_left=9, signals=signals[: n + 1]).stop
            for n in range(16)
        ]
        assert any(fired), f"{rule} never fired on {name}"
        at = fired.index(True)
        assert at >= 4, f"{rule} fired in round {at} of {name}"
        assert accuracy[at:].max() - accuracy[at] <= 0.025, f"{rule} stopped {name} at round {at}, too early"
