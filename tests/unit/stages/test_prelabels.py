"""Which tasks carry what the model thinks: those it picked, and never those that it is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop import files, tables
from labelloop.adapters.tools.base import Project, Receipt, Task
from labelloop.campaign import Annotation, CampaignSettings
from labelloop.ledger import Entry, freeze, write_frozen
from labelloop.stages import prelabels
from labelloop.stages import push as stage
from labelloop.stages.runner import Round
from labelloop.tables import ARMS
from labelloop.workspace import Workspace

CLASSES = ("a", "b", "c")


class Tool:
    """Keeps what it is pushed."""

    name = "kept"

    def __init__(self) -> None:
        self.tasks: list[Task] = []

    def create(self, project: Project) -> None:
        """Nothing to make."""

    def find(self, keys: Sequence[str]) -> list[Receipt]:
        return []

    def push(self, tasks: Sequence[Task]) -> list[Receipt]:
        self.tasks += tasks
        return [Receipt(task.key, task.key) for task in tasks]


class _Pool:
    input_kind = "features"

    def rows_of(self, items: Sequence[str]) -> np.ndarray:
        return np.array([int(item[1:]) for item in items])

    def payload(self, rows: np.ndarray, columns: Sequence[str]) -> list[dict[str, object]]:
        return [{"row": int(row)} for row in rows]

    def inputs(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows)[:, None]


class _Prepared:
    pool = _Pool()
    classes = CLASSES


class _Learner:
    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        return probabilities()[inputs[:, 0]]


def probabilities() -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(3), 60).astype(np.float32)


def pushed(
    folder: Path, arms: list[str], wanted: str = "hidden", round_id: str = "r001", scored: bool = True
) -> list[Task]:
    """Tasks of a batch with these arms, two copies each."""
    workspace = Workspace.at(folder)
    annotation = Annotation(prelabels=wanted)
    previous = "data/start" if round_id == "r000" else "rounds/r000"
    frozen = freeze(
        CampaignSettings(annotation=annotation),
        Entry(round_id, previous),
        new_items=len(arms),
        control_before=0.0,
    )
    write_frozen(workspace.round(round_id).settings, frozen)
    current = Round(workspace, round_id)
    current.previous.model.mkdir(parents=True)
    (current.previous.model / "learner.json").write_text("{}")
    if scored:
        current.folder.scores.mkdir(parents=True)
        np.save(current.folder.scores / "probabilities.npy", probabilities())
    batch = pd.DataFrame({"item": [f"i{n}" for n in range(len(arms))], "arm": arms, "rank": range(len(arms)),
                          "score": 0.0, "probability": 1.0,
                          "draw_probability": None, "overlap": 2})  # fmt: skip
    tables.BATCH.write(batch, current.folder.batch)
    tables.ROUTING.write(tables.ROUTING.empty(), current.folder.routing)
    asked = batch[["item", "arm"]].assign(round="r000", overlap=4)
    tables.ASKED.write(asked, current.folder.asked)
    tables.VOTES.write(tables.VOTES.empty(), current.previous.collected)
    kept = Tool()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "tool_of", lambda current, prepared=None: kept)
        patch.setattr(stage, "project_of", lambda current, prepared: None)
        patch.setattr(stage.datasets, "open_prepared", lambda folder: _Prepared())
        patch.setattr(prelabels.models, "load_learner", lambda folder: _Learner())
        stage.push(current)
    return kept.tasks


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from(ARMS), min_size=1, max_size=40), st.sampled_from(["hidden", "shown"]))
def test_only_what_the_model_picked_carries_a_prediction(
    tmp_path_factory: pytest.TempPathFactory, arms: list[str], wanted: str
) -> None:
    """Whatever the batch: control, gold and test tasks carry none, each of the others does."""
    tasks = pushed(tmp_path_factory.mktemp("campaign"), arms, wanted)
    assert len(tasks) == 2 * len(arms)
    for task in tasks:
        arm = arms[int(task.item[1:])]
        assert (task.prediction is not None) == (arm == "strategy"), arm


@pytest.mark.parametrize("scored", [True, False])
def test_a_prediction_is_the_likeliest_class_of_the_model_that_picked(tmp_path: Path, scored: bool) -> None:
    """With its probability; also where the strategy needed no probabilities of the pool."""
    tasks = pushed(tmp_path, ["strategy"] * 20, scored=scored)
    for task in tasks:
        row = probabilities()[int(task.item[1:])]
        assert task.prediction is not None
        assert task.prediction.value == CLASSES[int(row.argmax())]
        assert task.prediction.score == pytest.approx(float(row.max()))
        digest = files.digest(tmp_path / "rounds" / "r000" / "model")[:8]
        assert task.prediction.model_version == f"digits r000 {digest}"


@pytest.mark.parametrize(("wanted", "round_id"), [("none", "r001"), ("hidden", "r000"), ("shown", "r000")])
def test_no_prediction_where_none_is_wanted_or_no_model_there(
    tmp_path: Path, wanted: str, round_id: str
) -> None:
    """What r000 starts from has never seen a label."""
    tasks: list[Any] = pushed(tmp_path, ["strategy"] * 5, wanted, round_id)
    assert [task.prediction for task in tasks] == [None] * 10
