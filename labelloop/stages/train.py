"""train: fit the learner on the snapshot. In r000 this gives the seed model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, models, tables
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.models.committee import Labels, committee_names, train_committee
from labelloop.models.label_weights import weighed
from labelloop.stages.prepare import new_learner, views_of
from labelloop.stages.runner import Round


def train(current: Round) -> None:
    """Write model/: the learner trained on every label that is not of the test set."""
    prepared = datasets.open_prepared(current.workspace.data)
    labels = tables.LABELS.read(current.folder.labels)
    labels = labels[labels["split"] == "train"]
    if not len(labels):
        raise DataError(
            f"round {current.id} has no label to train on: nobody's answer counted. See "
            f"{current.workspace.relative(current.folder.quarantine)} for answers that were refused"
        )
    weighing = current.settings.model.label_weights
    learner = fit_on(untrained(current, prepared), prepared, labels, weighing=weighing)
    name = models.resolve_model_name(current.settings.model.name, prepared.pool.input_kind)
    with files.atomic_path(current.folder.model) as folder:
        folder.mkdir()
        models.save_learner(learner, name, folder)
        for number, (of, member) in enumerate(committee(current, prepared, labels, name, learner)):
            models.save_learner(member, of, folder / "committee" / f"{number:02d}")


def committee(
    current: Round, prepared: Prepared, labels: pd.DataFrame, name: str, learner: Any
) -> Iterator[tuple[str, Any]]:
    """The committee that the settings ask for, member by member, each with the name to save it by."""
    wanted = current.settings.model
    if not wanted.committee:
        return
    ordered = labels.sort_values("item", ignore_index=True)
    kind = prepared.pool.input_kind

    def fit(of: str, draws: np.ndarray | None) -> Any:
        new = untrained(current, prepared, of)
        return fit_on(new, prepared, ordered, draws, weighing=wanted.label_weights)

    def seed_of(number: int) -> int:
        return int(
            files.digest_of(["committee", current.settings.campaign.seed, current.id, number])[:16], 16
        )

    yield from train_committee(
        wanted.committee_of,
        wanted.committee,
        name=name,
        others=committee_names(wanted.committee_learners, kind) if wanted.committee_of == "learners" else (),
        model=learner,
        labels=Labels(len(ordered), fit, lambda: _shown(prepared, ordered, None, wanted.label_weights)),
        seed_of=seed_of,
    )


def untrained(current: Round, prepared: Prepared, other: str | None = None) -> Any:
    """The round's learner before any label: what `prepare` kept, or a new one if the settings changed.

    One that uses the pool has seen it, but for the test items.

    Args:
        other: the name of another learner, which is a new one.
    """
    kept = files.read_json(current.workspace.start.model / "learner.json")
    wanted = current.settings.model
    name = models.resolve_model_name(wanted.name, prepared.pool.input_kind)
    if other not in (None, name):
        learner: Any = new_learner(current.settings, prepared, other)
    elif (kept["name"], kept["options"], kept.get("pool", "none")) == (name, wanted.options, wanted.pool):
        learner = models.load_learner(current.workspace.start.model)
        made_with = getattr(learner, "views", None), getattr(learner, "pool_options", wanted.pool_options)
        if made_with != (views_of(current.settings, prepared), wanted.pool_options):
            learner = new_learner(current.settings, prepared)
    else:
        learner = new_learner(current.settings, prepared)
    models.show_pool(learner, prepared.pool.inputs, np.flatnonzero(~prepared.splits))
    return learner


def fit_on(
    learner: Any,
    prepared: Prepared,
    labels: pd.DataFrame,
    weights: np.ndarray | None = None,
    *,
    weighing: str = "none",
) -> Any:
    """Fit on labeled items of the pool, in the order of their ids; `weights` belong to `labels` so sorted.

    Args:
        weighing: `model.label_weights`; see `models.label_weights.weighed`.
    """
    return learner.fit(*_shown(prepared, labels.sort_values("item"), weights, weighing))


def _shown(
    prepared: Prepared, labels: pd.DataFrame, weights: np.ndarray | None, weighing: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """What a learner is shown of these labels: inputs, targets, weights."""
    rows = prepared.pool.rows_of(labels["item"].tolist())
    codes = {name: code for code, name in enumerate(prepared.classes)}
    targets = labels["label"].map(codes).to_numpy(dtype=np.int64)
    posterior = np.stack([np.asarray(row, dtype=np.float64) for row in labels["posterior"]])
    shown, targets, weights = weighed(targets, posterior, weights, weighing)
    return prepared.pool.inputs(rows[shown]), targets, weights
