"""score: what the model of the round before says of the pool.

The pool is read in shards and never held as a whole: a shard is read, scored and written to its place in
the arrays on disk. Shards do not depend on each other, so a task runner may take them in any order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from labelloop import datasets, files, models
from labelloop.acquisition import make_strategy
from labelloop.acquisition.composition_columns import mixture, needs_of
from labelloop.datasets.array_file import data_offset, start_array
from labelloop.one_thread import on_all_cores, one_thread
from labelloop.stages.pool_embeddings import columns_in_place, keep_columns, read_in_place
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

NOBODY_ASKED = "The round asks nobody, so nothing was picked."
ONLY_LOOKS = "The round asks about no new item, so nothing was picked."
WITHOUT_COMMITTEE = "margin"
"""Picks where a strategy asks a committee and the model has none yet."""


@dataclass(frozen=True)
class Shard:
    """Rows of the pool that are scored together; plain values, so that any task runner can carry it."""

    campaign: str
    model: str
    scores: str
    """Folder of the arrays, still under its temporary name."""
    stamp: int
    """When the model was written: a worker that lives long must not answer with an older one."""
    start: int
    stop: int


def score(current: Round, run_shards: Callable[[Sequence[Shard]], Any] | None = None) -> None:
    """Write `scores/`: probabilities, embeddings and members (.npy), as far as the round's strategy needs.

    Embeddings that are the pool's own numbers, column by column, or of which a few rows are looked at, are
    not written; see `pool_embeddings`.

    Args:
        run_shards: calls `score_shard` on every shard; None does it in a thread for each core.
    """
    acquisition = current.settings.acquisition
    prepared = datasets.open_prepared(current.workspace.data)
    learner = models.load_learner(current.previous.model)
    # Only the model that r000 starts from has never seen a label; a learner of the user's cannot tell itself.
    trained = current.previous != current.workspace.start
    name = acquisition.strategy if trained else acquisition.cold_start
    options = acquisition.options if trained else {}
    committee = committee_folders(current.previous.model)
    note, mixed = "", trained and bool(acquisition.compose.mix)
    strategy = make_strategy(name, options)
    needs = needs_of(acquisition.compose, strategy, mixed=True) if mixed else strategy.required(model=trained)
    if "members" in needs and not committee:
        # model.committee was set after the round before was opened; this round must not stand still for it.
        asking = "mix" if mixed else name
        note = (f"`{asking}` asks a committee, which the model of {current.previous.path.name} does not have "
                f"yet, so `{WITHOUT_COMMITTEE}` picked.")  # fmt: skip
        name, options, mixed = WITHOUT_COMMITTEE, {}, False
        needs = make_strategy(name, options).needs
    goes_by_doubt = make_strategy(name, options).doubt is not False
    if current.settles or current.only_looks:
        needs, goes_by_doubt = frozenset(), False
        note = NOBODY_ASKED if current.settles else ONLY_LOOKS
    if trained and acquisition.candidates is not None and goes_by_doubt:
        # What the strategy looks at is chosen by margin.
        needs |= {"probabilities"}
    wanted = [need for need in ("probabilities", "embeddings", "members") if need in needs]
    columns, later = None, False
    picking = [part for part, _ in mixture(acquisition.compose)] if mixed else [make_strategy(name, options)]
    if "embeddings" in needs and read_in_place(picking):
        columns = columns_in_place(learner, prepared.pool)
        later = columns is None and (acquisition.candidates or len(prepared.pool)) < len(prepared.pool)
    with files.atomic_path(current.folder.scores) as out:
        out.mkdir()
        about = {"rows": len(prepared.pool), "strategy": name, "options": options, "trained": trained,
                 "arrays": sorted(wanted), "note": note}  # fmt: skip
        if mixed:
            about["mixed"] = True
        if later:
            about["embedded_later"] = True
        files.write_json(out / "scores.json", about)
        if columns is not None:
            keep_columns(columns, out)
        if columns is not None or later:
            wanted.remove("embeddings")
        for need in wanted:
            width = _embedding_width(learner, prepared) if need == "embeddings" else learner.n_classes
            shape = (len(prepared.pool), width)
            _reserve(out / f"{need}.npy", (len(committee), *shape) if need == "members" else shape)
        if wanted:
            size = acquisition.shard_size
            stamp = (current.previous.model / "learner.json").stat().st_mtime_ns
            shards = [
                Shard(str(current.workspace.root), str(current.previous.model), str(out), stamp, start,
                      min(start + size, len(prepared.pool)))
                for start in range(0, len(prepared.pool), size)
            ]  # fmt: skip
            # Held once around all shards: each runs on one core, and how many of them run at a time, and
            # where, changes no bit.
            run = run_shards or functools.partial(on_all_cores, score_shard)
            with one_thread():
                run(shards)


def score_shard(shard: Shard) -> int:
    """Score one shard into its place in the arrays; return the number of rows. Repeatable."""
    prepared = _open(shard.campaign, shard.stamp)
    learner = _load(shard.model, shard.stamp)
    # In another process of a task runner nobody else holds it.
    with one_thread():
        _score_rows(shard, prepared, learner)
    return shard.stop - shard.start


def _score_rows(shard: Shard, prepared: Any, learner: Any) -> None:
    rows = slice(shard.start, shard.stop)
    whole = None
    for need, compute in (("probabilities", learner.predict_proba), ("embeddings", learner.embed)):
        path = Path(shard.scores) / f"{need}.npy"
        if not path.exists():
            continue
        if need == "probabilities" and getattr(learner, "by_slices", False):
            with prepared.pool.sliced(rows) as inputs:
                said = compute(inputs)
        else:
            whole = prepared.pool.inputs(rows) if whole is None else whole
            said = compute(whole)
        _write_rows(path, shard.start, said)
    members = Path(shard.scores) / "members.npy"
    if members.exists():
        whole = prepared.pool.inputs(rows) if whole is None else whole
        for number, member in enumerate(_load_committee(shard.model, shard.stamp)):
            _write_rows(members, number * len(prepared.pool) + shard.start, member.predict_proba(whole))


def committee_folders(model: Path) -> list[Path]:
    """Where a model's committee is, in its order; empty where it has none."""
    return sorted((model / "committee").glob("[0-9]*"))


@functools.lru_cache(maxsize=2)
def _open(campaign: str, _stamp: int) -> Any:
    return datasets.open_prepared(Workspace.at(campaign).data)


@functools.lru_cache(maxsize=2)
def _load(model: str, _stamp: int) -> Any:
    return models.load_learner(Path(model))


@functools.lru_cache(maxsize=2)
def _load_committee(model: str, _stamp: int) -> tuple[Any, ...]:
    """All members at once: kept one by one, the first would be dropped before the next shard asks for it."""
    return tuple(models.load_learner(folder) for folder in committee_folders(Path(model)))


def _embedding_width(learner: Any, prepared: Any) -> int:
    return int(learner.embed(prepared.pool.inputs(slice(0, 1))).shape[1])


def _reserve(path: Path, shape: tuple[int, ...]) -> None:
    """Make a .npy of zeros without touching its pages."""
    with path.open("wb") as stream:
        start_array(stream, shape, np.dtype("<f4"))
        stream.truncate(stream.tell() + 4 * math.prod(shape))


def _write_rows(path: Path, start: int, rows: np.ndarray) -> None:
    # Plain writes, not a memory map: mapped pages would count as this process's memory, which must not
    # grow with the pool.
    rows = np.ascontiguousarray(rows, dtype="<f4")
    with path.open("r+b", buffering=0) as stream:
        stream.seek(data_offset(stream) + rows[:1].nbytes * start)
        room = rows.reshape(-1).view(np.uint8).data
        while room:
            room = room[stream.write(room) :]
