"""track: make the round known to MLflow, and to people as pictures."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from labelloop import files
from labelloop.datasets.base import Prepared
from labelloop.datasets.sight import FOLDER
from labelloop.environment import read_environment
from labelloop.ledger import Ledger
from labelloop.reporting.label_words import label_metrics
from labelloop.reporting.pool_words import pool_metrics
from labelloop.stages.publish import publish
from labelloop.stages.runner import Round
from labelloop.stages.version import snapshot_tag

METRICS = (
    "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "ece", "steps_off", "labels",
    "votes", "cost", "hours", "control_labels", "control_accuracy", "savings_ratio", "savings_ratio_low",
    "savings_ratio_high", "savings_saved", "second_looks", "labels_changed", "still_unsure", "alpha",
    "gold_accuracy",
    "annotators_flagged", "annotators_paused", "roi", "roi_low", "roi_high", "skips", "stop_set_kappa",
    "asked_accuracy", "asked_accuracy_low", "asked_accuracy_high",
    "labels_saved", "labels_saved_low", "labels_saved_high",
    "stop_set_changed", "stop_set_doubt", "slope_per_100", "slope_per_100_low", "slope_per_100_high",
    "asymptote", "asymptote_low", "asymptote_high", "labels_to_target", "labels_to_target_low",
    "labels_to_target_high", "money_to_target", "money_to_target_low", "money_to_target_high",
    "days_to_target", "days_to_target_low", "days_to_target_high", "target_chance", "next_batch_gain",
    "next_batch_gain_low", "next_batch_gain_high", "next_batch_cost", "forecasts_compared", "forecasts_held",
    "forecasts_expected", "forecasts_mean_error", "random_needs", "random_needs_low", "random_needs_high",
    "reviewed", "overturned", "in_review",
    "review_error", "review_error_low", "review_error_high", "accepted", "audited", "audit_errors",
)  # fmt: skip
EXAMPLE_ROWS = 3


def track(current: Round) -> None:
    """Write reports/, then log the round to MLflow if params.yaml says so; note the run in the ledger."""
    publish(current)
    tracker = open_tracker(current)
    if tracker is None:
        return
    from labelloop.adapters import mlflow

    workspace, folder = current.workspace, current.folder
    ledger = Ledger.read(workspace.ledger)
    metrics = files.read_json(folder.metrics)
    name = current.settings.campaign.name
    with folder.labels.open("rb") as stream:
        # DVC's digest of a file, known before DVC has it: run and snapshot can name each other.
        md5 = hashlib.file_digest(stream, "md5").hexdigest()
    tracking, naming = workspace.settings.tracking, (folder.report, folder.annotators_page)
    frozen = {section: current.section(section) for section in ("round", *_SECTIONS)}
    run = tracker.log_round(
        mlflow.RoundRecord(
            round_id=current.id,
            settings=frozen,
            metrics={key: metrics.get(key) for key in METRICS}
            | label_metrics(folder)
            | pool_metrics(folder.model),
            labels_used=metrics["labels"],
            snapshot=workspace.relative(folder.labels),
            digest=md5,
            model=_model(current) if tracking.log_model else None,
            pictures=tuple(sorted(workspace.reports.glob("*.png"))),
            artifacts=(*(naming if tracking.log_people else ()), folder.per_class, folder.confusion),
            tags={"git_tag": snapshot_tag(name, current.id), "dvc_md5": md5},
        )
    )
    ledger.runs |= {"campaign": tracker.run_id, current.id: run}
    ledger.write()


_SECTIONS = ("campaign", "labels", "model", "acquisition", "annotation", "fusion", "gold", "quality",
             "review", "accept", "evaluation")  # fmt: skip


def open_tracker(current: Round) -> Any:
    """The campaign in MLflow, or None where params.yaml wants no tracking."""
    workspace, name = current.workspace, current.settings.campaign.name
    settings = workspace.settings.tracking
    if not settings.enabled:
        return None
    from labelloop.adapters import mlflow

    uri = read_environment(workspace.root).mlflow_tracking_uri
    identity = Ledger.read(workspace.ledger).id or None
    return mlflow.open_tracker(uri, workspace.root, settings.experiment or name, name, identity)


def _model(current: Round) -> Any:
    from labelloop import datasets
    from labelloop.adapters import mlflow

    prepared = datasets.open_prepared(current.workspace.data)
    sight = current.workspace.data / FOLDER
    return mlflow.LoggedModel(
        folder=current.folder.model,
        classes=prepared.classes,
        input_kind=prepared.pool.input_kind,
        input_example=prepared.pool.inputs(slice(0, EXAMPLE_ROWS)),
        sight=sight if sight.exists() else None,
        example_texts=_texts(prepared) if sight.exists() else (),
    )


def _texts(prepared: Prepared) -> tuple[str, ...]:
    """Of the first items; the picture is shown beside them."""
    rows = np.arange(min(EXAMPLE_ROWS, len(prepared.pool)))
    return tuple(
        "\n".join(str(shown[name] or "") for name in shown if name != "image")
        for shown in prepared.pool.payload(rows)
    )
