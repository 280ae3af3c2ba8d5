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
from labelloop.acquisition import make_strategy
from labelloop.acquisition.base import Context
from labelloop.acquisition.keys import id_keys
from labelloop.acquisition.margin import margin
from labelloop.acquisition.reduction import PURPOSE
from labelloop.campaign import CampaignSettings
from labelloop.stages import strategy_arm
from labelloop.stages.reducing import CandidateShard, reduce_candidates, reduce_rows
from labelloop.workspace import Workspace

ROWS = 700
CANDIDATES = 60


def played(folder: Path, labelloop: Callable[..., Any], strategy: str, spread: float = 1.0) -> Path:
    """Two rounds with a strategy that reads embeddings, shards of 256 rows.

    Args:
        spread: of the three classes' clouds; a large one leaves nothing to learn.
    """
    labelloop("init", folder)
    clouds(ROWS, 2.0 / spread).to_csv(folder / "rows.csv", index=False)
    settings: dict[str, Any] = {
        "campaign": {"name": "reduced", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
        "model": {"name": "logistic", "pool": "none"},
        "acquisition": {"strategy": strategy, "batch_size": 20, "candidates": CANDIDATES, "shard_size": 256},
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 20, "bootstrap": 20},
        "stopping": {"max_rounds": 2},
        **UNRECORDED,
    }  # fmt: skip
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return folder


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """The strategy spreads a batch over what is doubtful; its picks are certain."""
    return played(tmp_path_factory.mktemp("campaign"), labelloop, "ranked_batch")


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
    """The picks are certain where scores decided, and unknown after a random sample; draws never are known,
    since most items had no chance."""
    assert picked(campaign, "r000")["probability"].isna().all()
    assert (picked(campaign, "r001")["probability"] == 1).all()
    assert picked(campaign, "r001")["draw_probability"].isna().all()


@pytest.mark.parametrize(("strategy", "spread"), [("hard_negatives", 1.0), ("auto", 200.0)])
def test_who_does_not_go_by_doubt_looks_at_a_random_sample(
    strategy: str, spread: float, tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """All of a batch is among the lowest keys by id, whatever the model says; the report gives the reason."""
    folder = played(tmp_path, labelloop, strategy, spread)
    prepared = datasets.open_prepared(folder / "data")
    batches = [pd.read_parquet(folder / "rounds" / name / "batch.parquet") for name in ("r000", "r001")]
    gone = [*batches[0]["item"], *batches[1].loc[batches[1]["arm"] == "control", "item"]]
    left = np.setdiff1d(np.flatnonzero(~prepared.splits), prepared.pool.rows_of(gone))
    seed = yaml.safe_load((folder / "rounds" / "r001" / "settings.yaml").read_text())["round"]["seed"]
    keys = id_keys(prepared.pool.ids[left], seed, PURPOSE)
    sample = left[np.argsort(keys)[:CANDIDATES]]
    assert np.isin(picked(folder, "r001")["row"], sample).all()
    reason = files.read_json(folder / "rounds" / "r001" / "selection.json")["reason"]
    assert f"drawn at random, because {strategy} does not go by the model's doubt here" in reason


def test_auto_goes_by_doubt_once_the_model_can_be_believed(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """Its first round covers a random sample, its second one the doubtful items."""
    folder = played(tmp_path, labelloop, "auto", spread=0.5)
    reason = files.read_json(folder / "rounds" / "r001" / "selection.json")["reason"]
    assert "of the highest margin score" in reason and "uherding" in reason


def test_auto_decides_before_the_model_has_embedded_what_it_looks_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where embeddings are made later, those of the labeled rows, and of one candidate, are made for that."""
    random = np.random.default_rng(0)
    codes = random.integers(3, size=500)
    points = (4 * np.eye(3, 5)[codes] + random.normal(size=(500, 5))).astype(np.float32)
    labeled, embedded = np.arange(0, 500, 10), []

    def by_model(current: Any, prepared: Any, context: Context) -> np.ndarray:
        embedded.append(len(context.candidates))
        rows = np.union1d(context.candidates, context.labeled)
        return np.where(np.isin(np.arange(500), rows)[:, None], points, np.nan)

    monkeypatch.setattr(strategy_arm, "_by_model", by_model)
    said = np.full((500, 3), 1 / 3, dtype=np.float32)
    for labels, doubts in ((codes[labeled], True), (random.integers(3, size=50), False)):
        context = Context(np.setdiff1d(np.arange(500), labeled), labeled, said, None, 0, labels=labels,
                          ids=np.arange(500).astype(str).astype(object))  # fmt: skip
        judged: Any = (None, None, make_strategy("auto"), context)
        assert strategy_arm._goes_by_doubt(*judged, later=True) == doubts
    assert embedded == [1, 1]


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
