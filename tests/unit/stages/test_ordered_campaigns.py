"""Classes with an order, through whole rounds: labels, agreement and errors count steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from second_look_campaigns import campaign, finished

from labelloop import campaign as settings_of
from labelloop import files, tables
from labelloop.errors import SettingsError
from labelloop.workspace import Workspace

CLASSES = ["class-2", "class-0", "class-1"]
"""Not in the order of their names."""
UNSURE = {"annotators": [{"name": f"p{n}", "accuracy": 0.45} for n in range(6)]}


@pytest.fixture(scope="module", params=[True, False], ids=["ordered", "not"])
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """People who are mostly wrong, so that posteriors are broad; once as grades and once as plain classes."""
    folder = tmp_path_factory.mktemp("ordered") / "grades"
    return finished(
        campaign(
            folder,
            labels={"classes": CLASSES, "ordered": request.param},
            annotation={"max_overlap": None, "overlap": 3, "simulation": UNSURE},
            fusion={"method": "majority"},
            tracking={"enabled": False},
            stopping={"max_rounds": 2},
        )
    )


def test_labels_are_the_middle_of_their_posterior_where_classes_have_an_order(done: Workspace) -> None:
    ordered = done.settings.labels.ordered
    for folder in done.rounds():
        fused = tables.FUSED.read(folder.fused)
        posterior = np.stack(fused["posterior"].to_list())
        middle = (posterior.cumsum(axis=1) >= 0.5 - 1e-9).argmax(axis=1)
        likeliest = posterior.argmax(axis=1)
        label = fused["label"].map(CLASSES.index).to_numpy()
        assert (middle != likeliest).any(), "nothing to tell the two apart"
        assert (label == (middle if ordered else likeliest)).all()
        np.testing.assert_allclose(fused["confidence"], posterior[np.arange(len(label)), label])
        training = tables.LABELS.read(folder.labels).set_index("item")["label"]
        by_item = dict(zip(fused["item"], fused["label"], strict=True))
        assert all(by_item[item] == value for item, value in training.items())


def test_agreement_and_errors_are_told_in_steps(done: Workspace) -> None:
    folder = done.rounds()[-1]
    metrics, quality = files.read_json(folder.metrics), files.read_json(folder.quality)
    report = folder.report.read_text()
    if not done.settings.labels.ordered:
        assert "steps_off" not in metrics
        assert quality["alpha"]["level"] == "nominal"
        assert "ordinal" not in report and "classes off" not in report
        return
    confusion = pd.read_csv(folder.confusion, index_col="true").to_numpy()
    steps = np.abs(np.arange(3)[:, None] - np.arange(3)[None, :])
    assert metrics["steps_off"] == pytest.approx((confusion * steps).sum() / confusion.sum())
    assert quality["alpha"]["level"] == "ordinal"
    assert "ordinal alpha" in report
    assert f"{metrics['steps_off']:.2f} classes off on average" in report


def test_an_order_needs_the_classes_in_it(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("labels: {ordered: true}\n")
    with pytest.raises(SettingsError, match="ordered is true, but classes is empty"):
        settings_of.load_settings(tmp_path / "params.yaml")
