"""prepare: turn the user's data into the campaign's pool, once.

What it was run with is frozen in rounds.yaml once a round is open: a pool that changed under a running
campaign would make its rounds impossible to reproduce, so a changed source is refused instead of read.
Before that nobody was asked anything, and a mistake in params.yaml or in the data may still be put right.
"""

from __future__ import annotations

import logging
import uuid
from pathlib import Path
from typing import Any

from labelloop import datasets, files, models, table_contract, tables
from labelloop.annotators import pausing
from labelloop.campaign import CampaignSettings, parse_settings
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.ledger import Ledger
from labelloop.models.views import TwoViews, resolve_views
from labelloop.round_folder import RoundFolder
from labelloop.stages.pool_use import with_pool
from labelloop.workspace import Workspace

log = logging.getLogger(__name__)

NOTHING_ACCEPTED = {"state": "off", "looks": 0, "spent": 0.0, "audits": [], "open_audits": []}
"""certificate.json before the first round."""

OBSERVED_SHARD = 8192
"""Rows shown to the learner at a time while it learns what needs no label."""


def freeze_data(settings: CampaignSettings) -> dict[str, Any]:
    """What `prepare` depends on, as it is kept in rounds.yaml."""
    frozen = settings.model_dump(mode="json", include={"campaign", "dataset", "labels", "model"})
    return {**frozen, "evaluation": {"test_size": settings.evaluation.test_size}}


def depends_on(workspace: Workspace, ledger: Ledger) -> dict[str, Any]:
    """Settings and digests of the user's files: frozen while a round exists, as they are now before that."""
    if ledger.begun:
        return {"prepare": ledger.prepare, "sources": ledger.sources}
    settings = workspace.settings
    sources = datasets.source_files(settings.dataset, workspace.root)
    return {"prepare": freeze_data(settings), "sources": _digests(sources, workspace)}


def prepare(workspace: Workspace) -> None:
    """Write `data/`: the pool, the test set, known labels, and what r000 starts from.

    The ledger learns of it last: data that is refused leaves the campaign as it was.

    Raises:
        DataError: the data does not hold what its contract says, or has changed since the campaign began.
    """
    ledger = Ledger.read(workspace.ledger)
    frozen = ledger.prepare if ledger.begun else freeze_data(workspace.settings)
    settings = parse_settings(frozen, source="the campaign's frozen settings in rounds.yaml")
    sources = _digests(datasets.source_files(settings.dataset, workspace.root), workspace)
    if ledger.begun:
        _refuse_changed(ledger.sources, sources)
    with files.atomic_path(workspace.data) as out:
        out.mkdir()
        summary = datasets.prepare(
            settings.dataset,
            settings.labels,
            test_size=settings.evaluation.test_size,
            seed=settings.campaign.seed,
            root=workspace.root,
            out=out,
        )
        _write_start(datasets.open_prepared(out), with_pool(settings, out)[0], RoundFolder(out / "start"))
    for note in summary["notes"]:
        log.warning("%s", note)
    if not ledger.begun:
        ledger.id = ledger.id or uuid.uuid4().hex[:12]
        ledger.prepare, ledger.sources = frozen, sources
        ledger.write()


def new_learner(settings: CampaignSettings, prepared: Prepared, other: str | None = None) -> Any:
    """The campaign's learner, untrained, after it has seen the pool without labels; or another, by name.

    Options of the settings are those of the campaign's learner; another has its defaults.
    """
    kind = prepared.pool.input_kind
    learner = models.make_learner(
        other or models.resolve_model_name(settings.model.name, kind),
        n_classes=len(prepared.classes),
        seed=settings.campaign.seed,
        options={} if other else settings.model.options,
        input_kind=kind,
        pool=settings.model.pool,
        views=views_of(settings, prepared),
        pool_options=settings.model.pool_options,
    )
    starts = range(0, len(prepared.pool), OBSERVED_SHARD)
    learner.observe(prepared.pool.inputs(slice(start, start + OBSERVED_SHARD)) for start in starts)
    return learner


def views_of(settings: CampaignSettings, prepared: Prepared) -> TwoViews | None:
    """Columns of the two views that co-training needs; None for anything else.

    Raises:
        SettingsError: a column does not exist, or the pool has no columns.
    """
    if settings.model.pool != "co_training" or prepared.pool.input_kind != "features":
        return None
    width = prepared.pool.inputs(slice(0, 1)).shape[1]
    return resolve_views(settings.model.views, prepared.feature_names, width, settings.campaign.seed)


def _write_start(prepared: Prepared, settings: CampaignSettings, start: RoundFolder) -> None:
    """What stands in for the round before r000: known labels, an untrained model, nobody asked yet."""
    learner = new_learner(settings, prepared)
    start.model.mkdir(parents=True)
    models.save_learner(learner, models.resolve_model_name(settings.model.name, prepared.pool.input_kind),
                        start.model)  # fmt: skip
    tables.LABELS.write(_given_labels(prepared, settings), start.labels)
    tables.ASKED.write(tables.ASKED.empty(), start.asked)
    tables.VOTES.write(tables.VOTES.empty(), start.collected)
    files.write_json(start.quality, pausing.NOBODY)
    tables.ACCEPTED.write(tables.ACCEPTED.empty(), start.accepted)
    files.write_json(start.certificate, NOTHING_ACCEPTED)
    from labelloop.evaluation import curve

    curve.write_curve(curve.empty_curve(), start.curve)
    table_contract.write_arrow(_no_outcomes(), start.outcomes)
    table_contract.write_arrow(_no_outcomes(), start.stop_set)
    files.write_json(start.stopping, {"signals": []})
    files.write_json(start.forecast, {"earlier": []})
    files.write_json(start.manifest, {"round": None, "files": {}, "previous": None})


def _given_labels(prepared: Prepared, settings: CampaignSettings) -> Any:
    import numpy as np
    import pandas as pd

    if settings.dataset.known_labels == "hidden":
        return tables.LABELS.empty()
    given = np.array([label is not None for label in prepared.known]) & ~prepared.splits
    rows = np.flatnonzero(given)
    codes = {name: code for code, name in enumerate(prepared.classes)}
    certain = np.eye(len(prepared.classes))
    return pd.DataFrame(
        {
            "item": prepared.pool.ids[rows],
            "label": prepared.known[rows],
            "confidence": 1.0,
            "posterior": [certain[codes[label]].tolist() for label in prepared.known[rows]],
            "status": "given",
            "arm": None,
            "split": "train",
            "round": None,
            "raw": None,
            "prior": None,
            "entropy": 0.0,
            "votes": 0,
            "agreeing": 0,
            "dissenters": [[] for _ in rows],
            "tie": False,
            "gold": False,
            "method": "given",
            "parameters": "",
            "vote_ids": [[] for _ in rows],
        }
    )


def _no_outcomes() -> Any:
    import pyarrow as pa

    return pa.table({"item": pa.array([], pa.string())})


def _digests(sources: list[Path], workspace: Workspace) -> dict[str, Any]:
    return {
        workspace.relative(path): {"sha256": files.digest(path), "bytes": path.stat().st_size}
        for path in sources
    }


def _refuse_changed(before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in sorted(set(before) | set(now)):
        if before.get(name) != now.get(name):
            what = "is new" if name not in before else "is gone" if name not in now else "has changed"
            raise DataError(
                f"{name} {what} since this campaign began, so its rounds could not be reproduced. Put the "
                "file back as it was, or start a new campaign with `labelloop init`"
            )
