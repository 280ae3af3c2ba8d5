"""All rounds' models are judged by what is known of the test set now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from second_look_campaigns import SETTINGS, campaign, finished

from labelloop import datasets, files, tables
from labelloop.evaluation import curve as curves
from labelloop.evaluation.intervals import wilson
from labelloop.reviewing import verdicts
from labelloop.stages.outcomes import judge, rejudged
from labelloop.workspace import Workspace

SAID = pd.DataFrame(
    {"campaign.r000": [0, 1, 1, pd.NA], "campaign.r001": [0, 1, 2, 2], "control.r001": [2, 2, 2, 2]},
    index=pd.Index(list("abcd"), name="item"), dtype="Int32",
)  # fmt: skip
CURVE = pd.DataFrame({"round": ["r000", "r001"], "accuracy": 0.0, "accuracy_low": 0.0, "accuracy_high": 0.0,
                      "control_accuracy": [np.nan, 0.0], "macro_f1": 0.4})  # fmt: skip


def test_each_prediction_is_right_by_the_newest_truth_or_not_judged() -> None:
    right = judge(SAID, np.array(["a", "b", "d", "new"]), np.array([0, 2, 2, 1]))
    assert right["campaign.r000"].tolist()[:2] == [True, False]
    assert right["campaign.r000"].isna().tolist() == [False, False, True, True]
    assert right["campaign.r001"].dropna().tolist() == [True, False, True]


def test_the_curve_has_one_truth_and_only_what_predictions_tell_is_new() -> None:
    curve = rejudged(CURVE, judge(SAID, np.array(list("abcd")), np.array([0, 1, 2, 2])), 0.95)
    assert curve["accuracy"].tolist() == pytest.approx([2 / 3, 1.0])
    assert (curve.at[0, "accuracy_low"], curve.at[0, "accuracy_high"]) == wilson(2, 3, 0.95)
    assert np.isnan(curve.at[0, "control_accuracy"]) and curve.at[1, "control_accuracy"] == 0.5
    assert curve["macro_f1"].tolist() == [0.4, 0.4] and CURVE["accuracy"].tolist() == [0.0, 0.0]


@pytest.fixture(scope="module")
def overturned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[Path, bytes]]:
    """Two rounds; between them a reviewer overturns ten test labels. And the first's files as they were."""
    changes = {"dataset": SETTINGS["dataset"] | {"test_path": None}, "evaluation": {"test_size": 40}}
    folder = tmp_path_factory.mktemp("truth") / "c"
    workspace = finished(campaign(folder, **changes, stopping={"max_rounds": 1}))
    first = next(iter(workspace.rounds()))
    tested = tables.LABELS.read(first.labels).query("split == 'test'")
    other = {"class-0": "class-1", "class-1": "class-2", "class-2": "class-0"}
    said = [
        verdicts.verdict(row.item, other[row.label], "eva", "2026-01-05T09:00:00+00:00", "", row.label)
        for row in tested.head(10).itertuples()
    ]
    verdicts.append(workspace.reviews, said)
    before = {path: path.read_bytes() for path in (first.curve, first.outcomes, first.metrics)}
    params = yaml.safe_load(workspace.params.read_text()) | {"stopping": {"max_rounds": 2}}
    workspace.params.write_text(yaml.safe_dump(params))
    return finished(Workspace.at(folder)), before


def test_a_verdict_on_the_test_set_judges_the_rounds_behind_anew(
    overturned: tuple[Workspace, dict[Path, bytes]],
) -> None:
    workspace, before = overturned
    first, second = workspace.rounds()
    then, now = curves.read_curve(first.curve), curves.read_curve(second.curve)
    labels = tables.LABELS.read(second.labels).query("split == 'test'").set_index("item")["label"]
    codes = {name: code for code, name in enumerate(datasets.open_prepared(workspace.data).classes)}
    said = pq.read_table(second.outcomes).to_pandas().set_index("item")
    right = said["campaign.r000"] == labels.map(codes).reindex(said.index)
    assert now.at[0, "accuracy"] == pytest.approx(right.mean())
    assert then.at[0, "accuracy"] - now.at[0, "accuracy"] > 0.05
    assert now.at[1, "accuracy"] == files.read_json(second.metrics)["accuracy"]
    assert all(path.read_bytes() == content for path, content in before.items())
