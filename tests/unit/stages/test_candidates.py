"""Campaigns whose strategy looks at a part of the pool only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED, clouds

from labelloop import datasets, files
from labelloop.acquisition.base import Context
from labelloop.acquisition.margin import margin
from labelloop.campaign import CampaignSettings
from labelloop.stages.reducing import CandidateShard, reduce_candidates, reduce_rows
from labelloop.workspace import Workspace

ROWS = 700
CANDIDATES = 60


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """Two rounds, shards of 256 rows; k-center by embeddings, which reads no probabilities itself."""
    folder = tmp_path_factory.mktemp("campaign")
    labelloop("init", folder)
    clouds(ROWS, 2.0).to_csv(folder / "rows.csv", index=False)
    settings: dict[str, Any] = {
        "campaign": {"name": "reduced", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
        "model": {"name": "logistic"},
        "acquisition": {
            "strategy": "k_center", "batch_size": 20, "candidates": CANDIDATES, "shard_size": 256
        },
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 20, "bootstrap": 20},
        "stopping": {"max_rounds": 2},
        **UNRECORDED,
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return folder


def picked(campaign: Path, round_id: str) -> pd.DataFrame:
    """The strategy's part of a batch, with rows."""
    batch = pd.read_parquet(campaign / "rounds" / round_id / "batch.parquet")
    batch = batch[batch["arm"] == "strategy"]
    pool = datasets.open_prepared(campaign / "data").pool
    return batch.assign(row=pool.rows_of(batch["item"].tolist()))


def test_the_strategy_picks_among_the_most_doubtful(campaign: Path) -> None:
    """No more than `candidates` of the items that it might have picked are more doubtful than any pick."""
    scores = margin(np.load(campaign / "rounds" / "r001" / "scores" / "probabilities.npy"))
    batches = [pd.read_parquet(campaign / "rounds" / name / "batch.parquet") for name in ("r000", "r001")]
    prepared = datasets.open_prepared(campaign / "data")
    batch = picked(campaign, "r001")
    unavailable = prepared.pool.rows_of(
        [*batches[0]["item"], *batches[1].loc[batches[1]["arm"] == "control", "item"]]
    )
    available = np.setdiff1d(np.flatnonzero(~prepared.splits), unavailable)
    worst = scores[batch["row"]].min()
    assert (scores[available] > worst).sum() < CANDIDATES < len(available)


def test_the_report_says_so(campaign: Path) -> None:
    for round_id, how in (("r000", "drawn at random"), ("r001", "of the highest margin score")):
        reason = files.read_json(campaign / "rounds" / round_id / "selection.json")["reason"]
        assert f"It looked at {CANDIDATES} of " in reason
        assert how in reason


def test_chances_stay_true(campaign: Path) -> None:
    """k-center's picks are certain where scores decided, and unknown after a random sample; draws never are
    known, since most items had no chance."""
    assert picked(campaign, "r000")["probability"].isna().all()
    assert (picked(campaign, "r001")["probability"] == 1).all()
    assert picked(campaign, "r001")["draw_probability"].isna().all()


@pytest.mark.parametrize("trained", [True, False])
def test_shards_change_nothing(campaign: Path, trained: bool) -> None:
    """One shard or many, in any order, some of them looked through twice."""
    workspace = Workspace.at(campaign)
    pool = datasets.open_prepared(workspace.data).pool
    context = Context(np.arange(1, len(pool)), np.array([0]), None, None, seed=3, ids=pool.ids)
    path = campaign / "rounds" / "r001" / "scores" / "probabilities.npy" if trained else None

    def backwards(shards: list[CandidateShard]) -> list[Any]:
        sizes.append(len(shards))
        for shard in shards:
            reduce_rows(shard)
        return [reduce_rows(shard) for shard in reversed(shards)]

    sizes: list[int] = []
    found = [
        reduce_candidates(workspace, path, context, 9, shard_size=size, run_shards=backwards)
        for size in (36, 50, len(pool))
    ]
    found.append(reduce_candidates(workspace, path, context, 9, shard_size=37))
    assert sizes == [20, 14, 1]
    rows = [one.rows.tolist() for one in found if one is not None]
    assert len(rows) == 4
    assert all(one == rows[0] for one in rows)
    assert len(set(rows[0])) == 9
    assert 0 not in rows[0]


def test_few_candidates_are_all_looked_at(campaign: Path) -> None:
    context = Context(np.arange(9), np.array([20]), None, None, seed=3)
    assert reduce_candidates(Workspace.at(campaign), None, context, 9, shard_size=256) is None


@pytest.mark.parametrize(
    "acquisition",
    [
        {"candidates": 30, "batch_size": 40},
        {"candidates": 90, "compose": {"subsample": 90}},
        {"candidates": 90, "compose": {"stratify_by": "language"}},
        {"candidates": 90, "compose": {"group_column": "source", "cap_per_group": 2}},
        {"candidates": 90, "compose": {"cost_column": "minutes"}},
        {"candidates": 90, "compose": {"mix": {"margin": 0.5, "random": 0.5}}},
        {"candidates": 90, "strategy": "relabel"},
    ],
)
def test_settings_that_contradict_each_other_are_refused(campaign: Path, acquisition: dict[str, Any]) -> None:
    settings = yaml.safe_load((campaign / "params.yaml").read_text())
    with pytest.raises(ValueError, match="candidates"):
        CampaignSettings.model_validate(settings | {"acquisition": acquisition})
