"""Committees, learners that use the pool, and the reason for a batch, through the stages of a campaign."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from small_campaigns import UNRECORDED, clouds

from labelloop import acquisition, datasets, files, models
from labelloop.stages import select, train
from labelloop.stages.runner import Round
from labelloop.stages.score import Shard, committee_folders, score_shard
from labelloop.workspace import Workspace

SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "models", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
    "model": {"name": "logistic", "pool": "none"},
    "acquisition": {"batch_size": 20, "first_batch_size": 40, "shard_size": 256},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 20, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    **UNRECORDED,
}


def write(folder: Path, **changes: dict[str, Any]) -> None:
    """Settings, and a pool of three clouds, larger than a shard and no multiple of it."""
    clouds(700, 2.0).to_csv(folder / "rows.csv", index=False)
    settings = {name: SETTINGS.get(name, {}) | changes.get(name, {}) for name in {**SETTINGS, **changes}}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))


Play = Callable[..., Path]


@pytest.fixture(scope="module")
def play(playing: Callable[..., Play]) -> Play:
    return playing(write)


@pytest.fixture(scope="module")
def committee(play: Play) -> Path:
    return play(
        model={"name": "logistic", "committee": 2, "pool": "graph"}, acquisition={"strategy": "vote_entropy"}
    )


def test_members_say_of_every_item_what_each_of_them_predicts(committee: Path) -> None:
    """Written shard by shard, member by member; the shards end in mid-pool."""
    members = np.load(committee / "rounds" / "r001" / "scores" / "members.npy")
    pool = datasets.open_prepared(committee / "data").pool
    folders = committee_folders(committee / "rounds" / "r000" / "model")
    assert members.shape == (2, len(pool), 3)
    for said, folder in zip(members, folders, strict=True):
        expected = models.load_learner(folder).predict_proba(pool.inputs(slice(None)))
        np.testing.assert_allclose(said, expected, atol=1e-5)
    assert not np.allclose(members[0], members[1])


def test_a_member_is_loaded_once_however_many_members_and_shards(
    committee: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, scores = tmp_path / "model", tmp_path / "scores"
    shutil.copytree(committee / "rounds" / "r000" / "model", model)
    member = committee_folders(model)[0]
    for number in range(2, 17):
        shutil.copytree(member, member.parent / f"{number:0{len(member.name)}d}")
    scores.mkdir()
    rows = len(datasets.open_prepared(committee / "data").pool)
    np.save(scores / "members.npy", np.zeros((17, rows, 3), dtype="<f4"))
    loaded, load = [], models.load_learner
    monkeypatch.setattr(models, "load_learner", lambda folder: loaded.append(folder) or load(folder))
    for start in range(0, rows, 256):
        stop = min(start + 256, rows)
        score_shard(Shard(str(committee), str(model), str(scores), 1, start, stop))
    assert len(committee_folders(model)) == 17
    assert len(loaded) == len(set(loaded)) == 18
    said = np.load(scores / "members.npy")
    assert np.array_equal(said[2:], np.broadcast_to(said[0], said[2:].shape))


def test_test_items_are_not_in_the_pool_that_a_learner_sees(committee: Path) -> None:
    prepared = datasets.open_prepared(committee / "data")
    learner = models.load_learner(committee / "rounds" / "r001" / "model")
    untrained = train.untrained(Round(Workspace.at(committee), "r001"), prepared)
    assert learner.pool == "graph"
    assert len(untrained._sample) == (~prepared.splits).sum() < len(prepared.pool)


def test_the_report_says_what_the_pool_was_good_for(committee: Path) -> None:
    report = (committee / "rounds" / "r001" / "report.md").read_text()
    verdict = files.read_json(committee / "rounds" / "r001" / "model" / "pool.json")
    assert verdict["reason"] in report and "cross-validated accuracy" in verdict["reason"]


def test_a_committee_that_is_not_there_yet_stops_no_round(play: Play) -> None:
    """Strategy and committee are set in mid-campaign: one round goes by margin, the next by the committee."""
    folder = play(acquisition={"strategy": "margin"})
    play(folder, model={"name": "logistic", "committee": 2}, acquisition={"strategy": "bald"},
         stopping={"max_rounds": 4})  # fmt: skip
    chosen = [
        json.loads((folder / "rounds" / name / "selection.json").read_text()) for name in ("r002", "r003")
    ]
    assert [about["strategy"] for about in chosen] == ["margin", "bald"]
    assert "`bald` asks a committee, which the model of r001 does not have yet" in chosen[0]["reason"]
    assert chosen[0]["reason"] in (folder / "rounds" / "r002" / "report.md").read_text()


def test_a_committee_nobody_trains_is_refused_before_anybody_is_asked(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    labelloop("init", tmp_path)
    write(tmp_path, acquisition={"strategy": "bald"})
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 2
    assert "'bald' asks a committee, and there is none; set model.committee to 5 or more" in said.error
    assert not (tmp_path / "rounds").exists() or not list((tmp_path / "rounds").glob("r*"))


def test_auto_says_why_and_the_same_campaign_again_gives_the_same_batches(play: Play) -> None:
    once, again = (play(acquisition={"strategy": "auto"}) for _ in range(2))
    reason = json.loads((once / "rounds" / "r001" / "selection.json").read_text())["reason"]
    assert "leave-one-out recall" in reason
    assert reason in (once / "rounds" / "r001" / "report.md").read_text()
    batches = [pq.read_table(folder / "rounds" / "r001" / "batch.parquet") for folder in (once, again)]
    assert batches[0].equals(batches[1])


def test_labels_of_test_items_are_not_told_to_strategies(committee: Path) -> None:
    from labelloop import tables
    from labelloop.stages.strategy_arm import label_codes

    prepared = datasets.open_prepared(committee / "data")
    labels = tables.LABELS.read(committee / "rounds" / "r001" / "labels.parquet")
    codes = label_codes(prepared, np.arange(len(prepared.pool)), labels)
    assert (codes[prepared.splits] == -1).all()
    assert (codes >= 0).sum() == (labels["split"] == "train").sum()


def test_test_items_cover_nothing(committee: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model learns from them, so their neighbours must not look taught; training items do cover."""
    seen: list[Any] = []
    original = acquisition.select_rows

    def spy(strategy: Any, context: Any, wanted: int) -> Any:
        seen.append(context)
        return original(strategy, context, wanted)

    monkeypatch.setattr(acquisition, "select_rows", spy)
    current = Round(Workspace.at(committee), "r001")
    before = {path: path.read_bytes() for path in (current.folder.batch, current.folder.asked)}
    select.select(current)
    prepared = datasets.open_prepared(committee / "data")
    assert not prepared.splits[seen[0].labeled].any()
    asked = pd.read_parquet(current.previous.asked)
    trained = prepared.pool.rows_of(asked.loc[asked["arm"] != "test", "item"].tolist())
    assert set(trained) <= set(seen[0].labeled.tolist())
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("kind", ["learners", "snapshots", "dropout"])
def test_every_kind_of_committee_goes_through_a_campaign_and_picks(play: Play, kind: str) -> None:
    options = {"epochs": 3, "min_steps": 30, "hidden": 8, "device": "cpu"}
    campaign = play(
        model={"name": "mlp", "options": options, "committee": 2, "committee_of": kind},
        acquisition={"strategy": "member_variance"},
    )
    members = np.load(campaign / "rounds" / "r001" / "scores" / "members.npy")
    assert np.abs(members[0] - members[1]).max() > 0.01
    batch = pq.read_table(campaign / "rounds" / "r001" / "batch.parquet").to_pandas()
    assert (batch.loc[batch["arm"] == "strategy", "score"] > 0).all()
    described = [
        json.loads((folder / "learner.json").read_text())["name"]
        for folder in committee_folders(campaign / "rounds" / "r000" / "model")
    ]
    assert described == (["logistic", "mlp"] if kind == "learners" else ["mlp", "mlp"])


def test_a_committee_that_the_learner_cannot_give_opens_no_round(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    labelloop("init", tmp_path)
    write(tmp_path, model={"name": "logistic", "committee": 2, "committee_of": "dropout"},
          acquisition={"strategy": "bald"})  # fmt: skip
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 2
    assert "has no method thinned" in said.error
    assert "set model.name to mlp" in said.error
    assert not (tmp_path / "rounds" / "r000").exists()
