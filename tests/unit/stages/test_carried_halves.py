"""Halves of the control arm are trained on once it has grown, and compared with rounds of one learner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gold_campaigns
import pyarrow.parquet as pq
import pytest

from labelloop import datasets, files, tables
from labelloop.evaluation.curve import NEW_LEARNER, read_curve
from labelloop.evaluation.half_samples import SPLITS
from labelloop.evaluation.savings import MEASURED, TOO_LITTLE
from labelloop.stages import evaluate as judging
from labelloop.stages import savings
from labelloop.stages.outcomes import half_columns
from labelloop.stages.runner import Round
from labelloop.stages.twin import random_twin
from labelloop.workspace import Workspace

OTHER = {"name": "logistic", "pool": "none", "options": {"c": 0.01}}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Workspace:
    """Control arms of 16, 32 and 36 labels, of 40 with another learner, and a round that settles."""
    folder = tmp_path_factory.mktemp("halves")
    labelloop("init", folder)
    plans: tuple[tuple[int, int, dict[str, Any]], ...] = ((2, 32, {}), (3, 8, {}), (4, 8, {"model": OTHER}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_twin, "__defaults__", (1,))
        for rounds, batch, model in plans:
            gold_campaigns.write(
                folder,
                acquisition={"batch_size": batch, "control_share": 0.5},
                annotation={"overlap": 1, "test_overlap": 1,
                            "simulation": {"annotators": [{"name": "ada", "accuracy": 1.0}]}},
                evaluation={"test_size": 60, "bootstrap": 20},
                gold={},
                stopping={"max_rounds": rounds},
                **model,
            )  # fmt: skip
            said = labelloop("run", "--plain", folder)
            assert said.code == 0, said.error
        said = labelloop("settle", "--anyway", folder)
        assert said.code == 0, said.error
    return Workspace.at(folder)


def kept(workspace: Workspace, round_id: str) -> dict[str, list[int]]:
    table = pq.read_table(workspace.round(round_id).outcomes)
    return {name: table.column(name).to_pylist() for name in half_columns(table.column_names)}


def trained(workspace: Workspace, round_id: str, *, new_learner: bool = False) -> int:
    """On halves of how many labels the round trains; 0: on none."""
    current, prepared = Round(workspace, round_id), datasets.open_prepared(workspace.data)
    labels = tables.LABELS.read(current.folder.labels)
    sample = savings.control_labels(current, prepared, labels[labels["split"] == "train"])
    _, inputs, _ = judging.test_set(prepared, labels)
    found = savings.predict_by_halves(current, prepared, sample, inputs, new_learner=new_learner)
    return 0 if found is None else found[0]


def test_halves_are_kept_while_the_control_arm_has_hardly_grown(campaign: Workspace) -> None:
    assert kept(campaign, "r000") == {}
    assert list(kept(campaign, "r001")) == [f"half.32.{number:02d}" for number in range(2 * SPLITS)]
    assert trained(campaign, "r001") == 32 and trained(campaign, "r002") == 0
    assert kept(campaign, "r002") == kept(campaign, "r001")
    found = files.read_json(campaign.round("r002").savings)
    assert found["status"] == MEASURED and found["control_labels"] == 16
    assert "16 random labels (half of the control arm when it had 32)" in found["sentence"]


def test_they_are_trained_on_anew_once_it_has_grown_by_a_quarter(
    campaign: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(savings, "halved_sample", lambda names: 28)
    assert trained(campaign, "r002") == 36
    monkeypatch.setattr(savings, "halved_sample", lambda names: 29)
    assert trained(campaign, "r002") == 0


def test_a_round_that_asks_about_nothing_new_trains_on_none(
    campaign: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reviews and further votes make labels of the control arm better than those of the curve's models."""
    monkeypatch.setattr(savings, "is_due", lambda size, known: True)
    assert trained(campaign, "r004") == 0 and trained(campaign, "r003") == 40
    assert kept(campaign, "r004") == kept(campaign, "r003")
    monkeypatch.setattr(Round, "only_looks", True)
    assert trained(campaign, "r003", new_learner=True) == 40 and trained(campaign, "r002") == 0


def test_rounds_of_another_learner_are_left_out(campaign: Workspace) -> None:
    """What it taught cannot be compared with halves that the new one is trained on."""
    curve = read_curve(campaign.round("r004").curve)
    assert curve[NEW_LEARNER].tolist() == [False, False, False, True, False]
    assert NEW_LEARNER not in campaign.round("r002").curve.read_text()
    assert set(kept(campaign, "r003")) == {f"half.40.{number:02d}" for number in range(2 * SPLITS)}
    names = pq.read_schema(campaign.round("r003").outcomes).names
    assert not any(name.startswith("first.") for name in names) and "campaign.r000" in names
    found = files.read_json(campaign.round("r003").savings)
    assert found["status"] == TOO_LITTLE and found["projected"] is None
    assert found["sentence"].endswith("Rounds before r003 are left out: their learner was another one.")
    assert "Rounds before" not in files.read_json(campaign.round("r002").savings)["sentence"]


def test_judging_again_gives_the_same(campaign: Workspace, tmp_path: Path) -> None:
    for name in ("r001", "r002", "r003", "r004"):
        folder = campaign.round(name)
        before = {path: path.read_bytes() for path in (folder.outcomes, folder.savings, folder.curve)}
        judging.evaluate(Round(campaign, name))
        assert {path: path.read_bytes() for path in before} == before
