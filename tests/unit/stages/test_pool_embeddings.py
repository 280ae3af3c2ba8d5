"""Embeddings that are the pool's own numbers: not written, and the same to every strategy as if they were."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_campaigns import UNRECORDED

from labelloop import acquisition, datasets, files, models, tables
from labelloop.acquisition import STRATEGIES, Context, make_strategy
from labelloop.acquisition.reduction import Highest
from labelloop.errors import DamagedFileError, DataError
from labelloop.models.logistic import Logistic
from labelloop.models.mlp import Mlp
from labelloop.stages import pool_embeddings, score, select
from labelloop.stages.reducing import CandidateShard, reduce_rows
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

ROWS, WIDTH = 700, 12
READING = [name for name in STRATEGIES if "embeddings" in make_strategy(name).needs]
OWN = """
import numpy as np
from labelloop.acquisition.base import Picks, needs

@needs("embeddings")
def widest(context, batch_size):
    assert isinstance(context.embeddings, np.ndarray)
    norms = (context.embeddings[context.candidates] ** 2).sum(axis=1)
    rows = context.candidates[np.argsort(-norms, kind="stable")[:batch_size]]
    return Picks(rows, np.ones(batch_size), np.ones(batch_size))
"""


def write(folder: Path, model: dict[str, Any] | None = None, **acquiring: Any) -> None:
    """Three clouds as float16, far from 0 and of unequal spread, and their settings."""
    random = np.random.default_rng(0)
    codes = random.integers(3, size=ROWS)
    points = random.normal(2.0 * codes[:, None], 1.0, (ROWS, WIDTH)) * np.arange(1, WIDTH + 1) + 30
    np.save(folder / "pool.npy", points.astype(np.float16))
    np.save(folder / "labels.npy", codes)
    (folder / "own_picker.py").write_text(OWN)
    settings = {
        "campaign": {"name": "in-place", "seed": 1},
        "dataset": {"kind": "arrays", "path": "pool.npy", "labels_path": "labels.npy"},
        "model": model or {"name": "logistic", "pool": "none"},
        "acquisition": {"strategy": "auto", "batch_size": 20, "first_batch_size": 40, "shard_size": 256}
        | acquiring,
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 20, "bootstrap": 20},
        "stopping": {"max_rounds": 2},
        **UNRECORDED,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))


@pytest.fixture(scope="module")
def play(playing: Callable[..., Any]) -> Callable[..., Path]:
    return playing(write)


@pytest.fixture(scope="module")
def campaign(play: Callable[..., Path]) -> Path:
    return play()


@pytest.fixture(scope="module")
def network(play: Callable[..., Path]) -> Path:
    """What a trained network embeds is written nowhere either where few items are looked at."""
    options = {"epochs": 2, "min_steps": 20, "hidden": 16, "device": "cpu"}
    return play(model={"name": "mlp", "options": options}, strategy="uherding", candidates=60)


def pool_of(campaign: Path) -> Any:
    return datasets.open_prepared(campaign / "data").pool


def write_out(campaign: Path, round_id: str) -> None:
    """Put `embeddings.npy` where the round has its columns, or would have the model embed."""
    current = Round(Workspace.at(campaign), round_id)
    learner = models.load_learner(current.previous.model)
    np.save(current.folder.scores / "embeddings.npy", learner.embed(pool_of(campaign).inputs(slice(None))))
    (current.folder.scores / pool_embeddings.COLUMNS).unlink(missing_ok=True)
    about = files.read_json(current.folder.scores / "scores.json")
    files.write_json(current.folder.scores / "scores.json", about | {"embedded_later": False})


@pytest.mark.parametrize("round_id", ["r000", "r001"])
def test_nothing_as_long_as_the_pool_is_written_of_embeddings(campaign: Path, round_id: str) -> None:
    scores = campaign / "rounds" / round_id / "scores"
    assert "embeddings" in files.read_json(scores / "scores.json")["arrays"]
    assert not (scores / "embeddings.npy").exists()
    assert (scores / pool_embeddings.COLUMNS).stat().st_size < 1000


def test_rows_made_when_asked_for_are_those_that_the_learner_embeds(campaign: Path) -> None:
    """Bit for bit, by any rows in any order, once and again."""
    embeddings = pool_embeddings.pool_embeddings(campaign / "rounds" / "r001" / "scores", pool_of(campaign))
    learner = models.load_learner(campaign / "rounds" / "r000" / "model")
    expected = learner.embed(pool_of(campaign).inputs(slice(None)))
    assert embeddings is not None
    assert (embeddings.shape, embeddings.dtype, len(embeddings)) == (
        expected.shape,
        np.float32,
        len(expected),
    )
    some = np.random.default_rng(0).permutation(len(expected))[:300]
    for rows in (some, slice(10, 90), some[:1], some[:0], some):
        assert np.array_equal(embeddings[rows], expected[rows])


@pytest.mark.parametrize("round_id", ["r000", "r001"])
def test_a_round_picks_the_same_as_from_written_embeddings(
    campaign: Path, tmp_path: Path, round_id: str
) -> None:
    copy = tmp_path / "campaign"
    shutil.copytree(campaign, copy)
    batch = copy / "rounds" / round_id / "batch.parquet"
    before = batch.read_bytes()
    batch.unlink()
    write_out(copy, round_id)
    select.select(Round(Workspace.at(copy), round_id))
    assert batch.read_bytes() == before


def test_a_network_embeds_only_what_the_strategy_looks_at(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Candidates and labeled items. From embeddings of all items the picks are the same, and their scores up
    to rounding: a matrix product rounds a row by its place."""
    copy = tmp_path / "campaign"
    shutil.copytree(network, copy)
    scores, batch = copy / "rounds/r001/scores", copy / "rounds/r001/batch.parquet"
    assert {path.name for path in scores.iterdir()} == {"probabilities.npy", "scores.json"}
    seen: list[int] = []
    embed = Mlp.embed
    monkeypatch.setattr(Mlp, "embed", lambda self, rows: (seen.append(len(rows)), embed(self, rows))[1])
    select.select(Round(Workspace.at(copy), "r001"))
    assert 60 < sum(seen) < 60 + 100
    monkeypatch.undo()
    before = tables.BATCH.read(batch)
    assert before.loc[before["arm"] == "strategy", "score"].notna().all()
    write_out(copy, "r001")
    select.select(Round(Workspace.at(copy), "r001"))
    pd.testing.assert_frame_equal(tables.BATCH.read(batch), before, rtol=1e-5)


@pytest.mark.parametrize("shard_size", [None, 300, 700])
def test_the_same_bytes_however_candidates_were_found(
    network: Path, tmp_path: Path, shard_size: int | None
) -> None:
    """In shards in any order, some of them twice, and of another size."""
    copy = tmp_path / "campaign"
    shutil.copytree(network, copy)
    current = Round(Workspace.at(copy), "r001")
    before = current.folder.batch.read_bytes()
    if shard_size is not None:
        frozen = yaml.safe_load(current.folder.settings.read_text())
        frozen["acquisition"]["shard_size"] = shard_size
        current.folder.settings.write_text(yaml.safe_dump(frozen))

    def backwards(shards: Sequence[CandidateShard]) -> list[Highest]:
        reduce_rows(shards[0])
        return [reduce_rows(shard) for shard in reversed(shards)]

    select.select(Round(Workspace.at(copy), "r001"), None if shard_size is None else backwards)
    assert current.folder.batch.read_bytes() == before


def test_the_same_bytes_in_a_process_of_its_own_with_more_threads(network: Path, tmp_path: Path) -> None:
    """As `dvc repro` runs the stages, embeddings of the network and all."""
    copy = tmp_path / "campaign"
    shutil.copytree(network, copy)
    batch, scores = copy / "rounds/r001/batch.parquet", copy / "rounds/r001/scores"
    before = batch.read_bytes(), (scores / "probabilities.npy").read_bytes()
    shutil.rmtree(scores)
    batch.unlink()
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2")
    for stage in ("score", "select"):
        command = [sys.executable, "-m", "labelloop", "stage", stage, "r001"]
        subprocess.run(command, cwd=copy, env=os.environ | threads, check=True)
    assert (batch.read_bytes(), (scores / "probabilities.npy").read_bytes()) == before


def test_rows_that_nobody_foresaw_are_embedded_when_asked_for() -> None:
    pool = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    rows = np.array([3, 7, 20])
    found = pool_embeddings.EmbeddedByModel(lambda x: 2 * x, lambda some: pool[some], rows, len(pool))
    assert (found.shape, found.ndim, len(found)) == ((50, 3), 2, 50)
    for asked in (np.array([20, 3]), np.array([49, 7, 0]), slice(5, 9), np.array([], dtype=np.int64)):
        assert np.array_equal(found[asked], 2 * pool[asked])
    with pytest.raises(DataError, match="not by a mask"):
        found[np.arange(50) < 3]


@pytest.mark.parametrize("name", READING)
def test_every_strategy_picks_the_same_from_either(campaign: Path, name: str) -> None:
    pool, scores = pool_of(campaign), campaign / "rounds" / "r001" / "scores"
    in_place = pool_embeddings.pool_embeddings(scores, pool)
    assert in_place is not None
    labeled = np.arange(0, 90, 3)
    contexts = [
        Context(
            candidates=np.setdiff1d(np.arange(len(pool)), labeled),
            labeled=labeled,
            probabilities=np.load(scores / "probabilities.npy"),
            embeddings=embeddings,
            seed=1,
            ids=pool.ids,
            labels=np.arange(len(labeled)) % 3,
            held_out=lambda rows: np.full((len(rows), 3), 1 / 3),
        )
        for embeddings in (in_place, in_place[:])
    ]
    made, written = (acquisition.select_rows(make_strategy(name), one, 15) for one in contexts)
    assert made.rows.tolist() == written.rows.tolist()
    np.testing.assert_array_equal(made.scores, written.scores)


def test_errors_named_by_id_are_found_without_reading_all_ids(campaign: Path) -> None:
    """And are those of an array of ids."""
    pool, scores = pool_of(campaign), campaign / "rounds" / "r001" / "scores"
    wrong = pool_of(campaign).ids[[40, 7, 300]].tolist()
    strategy = make_strategy("error_based", {"wrong": wrong})
    found = []
    for ids in (pool_embeddings.IdsInPlace(pool), pool_of(campaign).ids):
        given = np.load(scores / "probabilities.npy"), pool_embeddings.pool_embeddings(scores, pool)
        context = Context(
            np.arange(9, len(pool)), np.arange(9), *given, seed=1, ids=ids, labels=np.arange(9) % 3
        )
        found.append(acquisition.select_rows(strategy, context, 15).rows.tolist())
    assert found[0] == found[1]
    assert "ids" not in vars(pool)
    assert pool.find([wrong[1], "nobody"]).tolist() == [7, -1]


def test_a_picker_of_the_users_own_gets_an_array(play: Callable[..., Path]) -> None:
    folder = play(strategy="own_picker:widest")
    assert (folder / "rounds" / "r001" / "scores" / "embeddings.npy").exists()


class Squared(Logistic):
    """Inherits what Logistic says of its embedding, and embeds otherwise."""

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        return super().embed(inputs) ** 2


def test_a_learner_that_embeds_otherwise_than_it_says_is_not_believed(campaign: Path) -> None:
    pool = pool_of(campaign)
    for learner, believed in ((Logistic(n_classes=3, seed=0), True), (Squared(n_classes=3, seed=0), False)):
        learner.observe([pool.inputs(slice(None))])
        assert (pool_embeddings.columns_in_place(learner, pool) is not None) == believed


def test_a_trained_network_is_not_read_in_place(campaign: Path) -> None:
    pool = pool_of(campaign)
    learner = models.make_learner("mlp", n_classes=3, seed=0, options={"epochs": 1}, input_kind="features")
    learner.observe([pool.inputs(slice(None))])
    assert pool_embeddings.columns_in_place(learner, pool) is not None
    learner.fit(pool.inputs(slice(0, 60)), np.arange(60) % 3)
    assert pool_embeddings.columns_in_place(learner, pool) is None


def test_columns_of_another_pool_are_refused(campaign: Path, tmp_path: Path) -> None:
    from labelloop.models.standardisation import Standardisation

    pool_embeddings.keep_columns(Standardisation(np.zeros(5), np.ones(5)), tmp_path)
    with pytest.raises(DamagedFileError, match="5 columns, but the pool has 12"):
        pool_embeddings.pool_embeddings(tmp_path, pool_of(campaign))


def test_scoring_again_gives_the_same_bytes(campaign: Path, tmp_path: Path) -> None:
    copy = tmp_path / "campaign"
    shutil.copytree(campaign, copy)
    scores = copy / "rounds" / "r001" / "scores"
    before = {path.name: path.read_bytes() for path in scores.iterdir()}
    shutil.rmtree(scores)
    score.score(Round(Workspace.at(copy), "r001"))
    assert {path.name: path.read_bytes() for path in scores.iterdir()} == before
