"""select: which items the round asks about, and in which arm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labelloop import acquisition, datasets, files, tables
from labelloop.acquisition import control
from labelloop.acquisition.base import Context
from labelloop.datasets.base import Prepared
from labelloop.stages.runner import Round


def select(current: Round) -> None:
    """Write batch.parquet, asked.parquet and selection.json, which says why.

    The control arm is chosen first, from an order fixed before the campaign began; the strategy fills what
    is left of the batch. In r000 a sampled test set is asked as well.
    """
    prepared = datasets.open_prepared(current.workspace.data)
    settings, about = current.settings, current.about
    ids = prepared.pool.ids
    asked = tables.ASKED.read(current.previous.asked)
    labels = tables.LABELS.read(current.previous.labels)
    taken = np.union1d(
        prepared.pool.rows_of(asked["item"].tolist()), prepared.pool.rows_of(labels["item"].tolist())
    ).astype(np.int64)
    eligible = np.flatnonzero(~prepared.splits)

    order = eligible[control.control_order(ids[eligible], settings.campaign.seed)]
    control_rows = control.choose_control(order, about["control_size"], 1.0, taken)[: about["new_items"]]
    candidates = np.setdiff1d(eligible, np.union1d(taken, control_rows))
    wanted = min(about["new_items"] - len(control_rows), len(candidates))
    # Test items teach nobody, so they cover nothing; this round's control items soon will.
    covered = np.union1d(np.setdiff1d(taken, np.flatnonzero(prepared.splits)), control_rows).astype(np.int64)
    arm, reason = _strategy_arm(current, candidates, covered, wanted, prepared, labels)
    parts = [arm, _control_arm(order, control_rows, about)]
    if not len(asked):
        parts.append(_test_arm(prepared))
    chosen = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    batch = pd.DataFrame(
        {
            "item": ids[chosen["row"].to_numpy(dtype=np.int64)],
            "arm": chosen["arm"].astype(str),
            "rank": np.arange(len(chosen)),
            "score": chosen["score"].astype(float),
            "probability": chosen["probability"].astype(float),
            "overlap": np.where(
                chosen["arm"] == "test", settings.annotation.test_overlap, settings.annotation.overlap
            ),
        }
    )
    tables.BATCH.write(batch, current.folder.batch)
    newly = batch[["item", "arm", "overlap"]].assign(round=current.id)
    everything = pd.concat([asked, newly], ignore_index=True) if len(asked) else newly
    tables.ASKED.write(everything, current.folder.asked)
    files.write_json(current.folder.selection, reason)


def _strategy_arm(
    current: Round,
    candidates: np.ndarray,
    covered: np.ndarray,
    wanted: int,
    prepared: Prepared,
    labels: pd.DataFrame,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The strategy's part of the batch, and what selection.json says of it."""
    scores = files.read_json(current.folder.scores / "scores.json")
    about = {"strategy": scores["strategy"], "picked": wanted, "reason": scores["note"]}
    if not wanted:
        return _arm("strategy", np.array([], dtype=np.int64), 0.0, 1.0), about
    strategy = acquisition.make_strategy(scores["strategy"], scores["options"])
    context = Context(
        candidates=candidates,
        labeled=covered,
        probabilities=_array(current, "probabilities"),
        embeddings=_array(current, "embeddings"),
        seed=current.about["seed"],
        ids=prepared.pool.ids,
        members=_array(current, "members"),
        labels=label_codes(prepared, covered, labels),
        classes=prepared.classes,
    )
    picks = acquisition.select_rows(strategy, context, wanted)
    about["reason"] = " ".join(said for said in (scores["note"], picks.reason) if said)
    return _arm("strategy", picks.rows, picks.scores, picks.probabilities), about


def label_codes(prepared: Prepared, rows: np.ndarray, labels: pd.DataFrame) -> np.ndarray:
    """Class codes of rows of the pool; -1 without a label, and for test items, whose labels stay unseen."""
    codes = {name: code for code, name in enumerate(prepared.classes)}
    training = labels[labels["split"] == "train"]
    known = np.full(len(prepared.pool), -1, dtype=np.int64)
    if len(training):
        known[prepared.pool.rows_of(training["item"].tolist())] = training["label"].map(codes)
    return known[rows]


def _control_arm(order: np.ndarray, rows: np.ndarray, about: dict[str, Any]) -> pd.DataFrame:
    # The chance of being in the control sample, over the draw of the order: its size over the pool's.
    chance = min(1.0, about["control_size"] / max(1, len(order)))
    return _arm("control", rows, np.nan, chance if len(rows) else 1.0)


def _test_arm(prepared: Prepared) -> pd.DataFrame:
    rows = np.flatnonzero(prepared.splits)
    return _arm("test", rows, np.nan, len(rows) / max(1, len(prepared.pool)))


def _arm(name: str, rows: np.ndarray, score: Any, probability: Any) -> pd.DataFrame:
    return pd.DataFrame({"row": rows, "arm": name, "score": score, "probability": probability})


def _array(current: Round, name: str) -> np.ndarray | None:
    path = current.folder.scores / f"{name}.npy"
    return np.load(path, mmap_mode="r", allow_pickle=False) if path.exists() else None
