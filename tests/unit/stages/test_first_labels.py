"""The first batch's beginning: kept once, carried on, and what lets the savings meter speak early."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gold_campaigns
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from labelloop import datasets, files, table_contract, tables
from labelloop.evaluation.beginning import beginning_sizes
from labelloop.evaluation.savings import MEASURED, TOO_LITTLE
from labelloop.stages import evaluate as judging
from labelloop.stages.runner import Round
from labelloop.stages.savings import predict_by, predict_by_first
from labelloop.stages.twin import random_twin
from labelloop.workspace import Workspace

BATCH, SHARE = 32, 0.5


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Workspace:
    """Two rounds, half of whose labels are the control arm's: 32 of them, so savings may be told."""
    folder = tmp_path_factory.mktemp("first")
    labelloop("init", folder)
    gold_campaigns.write(
        folder,
        acquisition={"batch_size": BATCH, "control_share": SHARE},
        annotation={"overlap": 1, "test_overlap": 1,
                    "simulation": {"annotators": [{"name": "ada", "accuracy": 1.0}]}},
        evaluation={"test_size": 60, "bootstrap": 20},
        gold={},
        stopping={"max_rounds": 2},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random_twin, "__defaults__", (1,))
        said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return Workspace.at(folder)


def first_columns(path: Path) -> dict[int, list[int]]:
    table = pq.read_table(path)
    return {
        int(name.removeprefix("first.")): table.column(name).to_pylist()
        for name in table.column_names
        if name.startswith("first.")
    }


def test_the_first_round_keeps_what_its_first_items_taught(campaign: Workspace) -> None:
    """By a learner on both arms' first items in the order of choice, shared as in the batch."""
    current = Round(campaign, "r000")
    prepared = datasets.open_prepared(campaign.data)
    labels, batch = tables.LABELS.read(current.folder.labels), tables.BATCH.read(current.folder.batch)
    kept = first_columns(current.folder.outcomes)
    assert list(kept) == beginning_sizes(0, BATCH, 30)
    _, inputs, _ = judging.test_set(prepared, labels)
    for size, predicted in kept.items():
        items = [
            *batch[batch["arm"] == "control"].sort_values("rank")["item"].head(-(-size // 2)),
            *batch[batch["arm"] == "strategy"].sort_values("rank")["item"].head(size // 2),
        ]
        expected = predict_by(current, prepared, labels[labels["item"].isin(items)], inputs)
        assert len(items) == size and predicted == expected.tolist()


def test_later_rounds_carry_it_on_and_train_nothing_anew(campaign: Workspace) -> None:
    first, second = (campaign.round(name) for name in ("r000", "r001"))
    assert first_columns(first.outcomes) == first_columns(second.outcomes)
    current = Round(campaign, "r001")
    prepared = datasets.open_prepared(campaign.data)
    labels, batch = tables.LABELS.read(second.labels), tables.BATCH.read(second.batch)
    assert predict_by_first(current, prepared, labels, batch, np.empty((0, 4))) == {}


def test_the_meter_speaks_of_fewer_labels_than_the_first_batch_has(campaign: Workspace) -> None:
    early, found = (files.read_json(campaign.round(name).savings) for name in ("r000", "r001"))
    assert early["status"] == TOO_LITTLE and "14 more control labels" in early["sentence"]
    assert found["status"] == MEASURED and found["control_labels"] == BATCH * SHARE
    assert found["sentence"] in campaign.round("r001").report.read_text()


def test_a_round_without_it_is_judged_as_before(campaign: Workspace, tmp_path: Path) -> None:
    """As in a campaign of an earlier version: half of the control arm is then below the curve."""
    shutil.copytree(campaign.root, tmp_path / "c", symlinks=True)
    current = Round(Workspace.at(tmp_path / "c"), "r001")
    before = pq.read_table(current.previous.outcomes)
    table_contract.write_arrow(
        before.select([name for name in before.column_names if not name.startswith("first.")]),
        current.previous.outcomes,
    )
    judging.evaluate(current)
    found = files.read_json(current.folder.savings)
    assert found["status"] == TOO_LITTLE and found["more_control_labels"] == 2 * BATCH - 32


def test_judging_again_gives_the_same_bytes(campaign: Workspace, tmp_path: Path) -> None:
    shutil.copytree(campaign.root, tmp_path / "c", symlinks=True)
    workspace = Workspace.at(tmp_path / "c")
    for name in ("r000", "r001"):
        judging.evaluate(Round(workspace, name))
        for path in ("outcomes", "savings", "metrics", "report"):
            again, once = getattr(workspace.round(name), path), getattr(campaign.round(name), path)
            assert again.read_bytes() == once.read_bytes(), path


def test_a_batch_put_together_from_parts_begins_with_a_random_part(
    campaign: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first rows are all of one stratum. The order does not hang on where an item stands in the batch."""
    current = Round(campaign, "r000")
    prepared, batch = datasets.open_prepared(campaign.data), tables.BATCH.read(current.folder.batch)
    labels = tables.LABELS.read(current.folder.labels)
    training = labels[labels["split"] == "train"]
    turned = batch.assign(rank=batch["rank"].to_numpy()[::-1])
    compose = current.settings.acquisition.compose.model_copy(update={"stratify_by": "a"})
    taken: list[set[str]] = []
    monkeypatch.setattr(
        "labelloop.stages.savings.predict_by",
        lambda *given: taken.append(set(given[2]["item"])) or np.zeros(0, dtype=np.int64),
    )

    def strategy_items(batch: pd.DataFrame) -> list[set[str]]:
        taken.clear()
        predict_by_first(current, prepared, training, batch, np.empty((0, 4)))
        return [items & set(batch.loc[batch["arm"] == "strategy", "item"]) for items in taken]

    assert strategy_items(batch) != strategy_items(turned)
    monkeypatch.setitem(current.settings.acquisition.__dict__, "compose", compose)
    once = strategy_items(batch)
    assert once == strategy_items(turned)
    assert once[-1] != set(batch.query("arm == 'strategy'").sort_values("rank")["item"].head(len(once[-1])))
