"""A campaign's savings in money: what random would have needed for the accuracy reached, not for a tenth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gold_campaigns
import pytest

from labelloop import files
from labelloop.stages import savings
from labelloop.stages.track import METRICS
from labelloop.stages.twin import random_twin
from labelloop.status import as_text, read_status
from labelloop.workspace import Workspace

PROJECTED = {
    "accuracy": 0.9, "coverage": 0.8, "sentence": "Random needs 250.",
    "labels": {"low": 150, "middle": 250, "high": 400}, "saved": {"low": 114, "middle": 214, "high": 364},
}  # fmt: skip


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Workspace:
    """Two rounds; a projection, which takes four, stands ready for the second."""
    folder = tmp_path_factory.mktemp("money")
    labelloop("init", folder)
    gold_campaigns.write(
        folder,
        annotation={"overlap": 1, "test_overlap": 1,
                    "simulation": {"annotators": [{"name": "ada", "accuracy": 1.0}]}},
        evaluation={"test_size": 60, "bootstrap": 20, "automation_cost": 2.0, "monitoring_cost": 0.1},
        gold={},
        stopping={"max_rounds": 2},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_twin, "__defaults__", (1,))
        patch.setattr(savings, "project_random",
                      lambda labels, *rest, **named: PROJECTED if len(labels) > 1 else None)  # fmt: skip
        said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return Workspace.at(folder)


def test_money_rests_on_the_projection_with_its_interval(campaign: Workspace) -> None:
    found = files.read_json(campaign.round("r001").savings)
    assert found["labels_saved"]["source"] == "projected" and found["labels_saved"]["low"] == 114
    money = [saved * found["label_cost"] - 2.0 - 2 * 0.1 for saved in (214, 114, 364)]
    assert [found["roi"], found["roi_low"], found["roi_high"]] == pytest.approx(money)
    assert found["label_cost"] > 0 and found["control_labels"] < 10


def test_status_report_and_metrics_tell_it(campaign: Workspace) -> None:
    folder = campaign.round("r001")
    found, metrics = files.read_json(folder.savings), files.read_json(folder.metrics)
    for text in (as_text(read_status(campaign)), folder.report.read_text()):
        assert found["roi_sentence"] in text and PROJECTED["sentence"] in text
    assert (metrics["labels_saved"], metrics["labels_saved_high"]) == (214, 364)
    assert metrics["roi_low"] == found["roi_low"]
    assert {"labels_saved", "labels_saved_low", "labels_saved_high", "roi", "roi_low"} <= set(METRICS)


def test_too_few_rounds_for_a_projection_leave_the_money_open(campaign: Workspace) -> None:
    found = files.read_json(campaign.round("r000").savings)
    assert found["projected"] is None and found["labels_saved"]["source"] is None
    assert "too little data yet" in found["roi_sentence"] and found["roi"] is None
