"""evaluate: what the round's labels bought, on a test set that nobody chose and nothing was trained on."""

from __future__ import annotations

import platform
from importlib.metadata import version

import numpy as np
import pandas as pd

import labelloop
from labelloop import datasets, files, models, tables
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.evaluation import curve as curves
from labelloop.evaluation import metrics as measures
from labelloop.evaluation.prelabels import count_prelabelled
from labelloop.fusion.coding import without_reasks
from labelloop.reporting.quality_words import quality_metrics
from labelloop.reviewing.round_list import count_rows
from labelloop.stages.accept import Judged, accept
from labelloop.stages.asked_accuracy import on_asked_items
from labelloop.stages.outcomes import judge, keep_predictions, rejudged
from labelloop.stages.outlook import outlook_metrics, write_outlook
from labelloop.stages.overruling import reviewed
from labelloop.stages.report import write_report
from labelloop.stages.review_queue import review_metrics
from labelloop.stages.runner import Receipts, Round
from labelloop.stages.savings import (
    control_labels,
    find_savings,
    predict_by,
    predict_by_first,
    predict_by_halves,
    savings_metrics,
)
from labelloop.stages.second_look_report import second_look_counts

LIBRARIES = ("numpy", "pandas", "scikit-learn", "torch")


def evaluate(current: Round) -> None:
    """Write metrics.json, the learning curve so far, the report, and last of all the manifest."""
    folder, settings = current.folder, current.settings
    prepared = datasets.open_prepared(current.workspace.data)
    labels = tables.LABELS.read(folder.labels)
    votes = tables.VOTES.read(folder.collected)
    items, inputs, true = test_set(prepared, labels)
    learner = models.load_learner(folder.model)
    probabilities = learner.predict_proba(inputs)
    judged = measures.evaluate(
        true,
        probabilities,
        prepared.classes,
        bins=settings.evaluation.calibration_bins,
        coverage=settings.evaluation.interval,
        ordered=settings.labels.ordered,
    )
    training = labels[labels["split"] == "train"]
    sample = control_labels(current, prepared, training)
    batch = tables.BATCH.read(folder.batch)
    predicted = probabilities.argmax(axis=1)
    by_control = predict_by(current, prepared, sample, inputs)
    by_first = predict_by_first(current, prepared, training, batch, inputs)
    earlier = curves.read_curve(current.previous.curve)
    new_learner = len(earlier) > 0 and not models.same_learner(current.previous.model, folder.model)
    by_halves = predict_by_halves(current, prepared, sample, inputs, new_learner=new_learner)
    kept = keep_predictions(
        current, items, predicted, by_control, by_first, by_halves, new_learner=new_learner
    )
    right = judge(kept, items, true)

    totals = {
        "round": current.id,
        "labels": int(labels["split"].isin(("train", "held")).sum()),
        "votes": int(votes["action"].isin(("submitted", "updated")).sum()),
        "cost": float(votes["cost"].sum()),
        "hours": _hours(votes),
        "control_labels": len(sample),
        "control_accuracy": None if by_control is None else float((by_control == true).mean()),
        curves.SETTLES: current.settles,
        **({curves.ONLY_LOOKS: True} if current.only_looks else {}),
        **({curves.NEW_LEARNER: True} if new_learner else {}),
    }
    curve = curves.append_round(earlier, judged | totals)
    curve = rejudged(curve, right, settings.evaluation.interval)
    curves.write_curve(curve, folder.curve)
    saved = find_savings(current, prepared, curve, right, len(sample), training, votes)
    write_outlook(current, prepared, curve, right)
    per_class, confusion = judged.pop("per_class"), judged.pop("confusion")
    metrics = judged | totals | {
        "ties": int(training["tie"].sum()),
        "skips": int((votes["action"] == "skipped").sum()),
        **count_prelabelled(without_reasks(votes)),
        **on_asked_items(current, prepared, labels),
        **quality_metrics(files.read_json(folder.quality)),
        "given_up": count_rows(folder.review.read_text(encoding="utf-8"))[0],
        **second_look_counts(current, batch, labels),
        **review_metrics(current),
        **reviewed(labels, tables.FUSED.read(folder.fused)),
        **accept(current, prepared, labels, Judged(learner, items, probabilities, true)),
        **savings_metrics(saved),
        **outlook_metrics(files.read_json(folder.stopping), files.read_json(folder.forecast)),
    }  # fmt: skip
    files.write_json(folder.metrics, metrics)
    files.write_json(folder.savings, saved)
    files.write_text(folder.per_class, pd.DataFrame(per_class).to_csv(index=False, lineterminator="\n"))
    named = pd.DataFrame(confusion, index=pd.Index(prepared.classes, name="true"), columns=prepared.classes)
    files.write_text(folder.confusion, named.to_csv(lineterminator="\n"))
    write_report(current, curve, metrics, saved, per_class, labels, batch)
    _write_manifest(current)


def test_set(prepared: Prepared, labels: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids, inputs and true codes of the test items: the given ones, or the sampled ones with a label."""
    codes = {name: code for code, name in enumerate(prepared.classes)}
    if prepared.test is not None and prepared.test_known is not None:
        given = np.array([codes[label] for label in prepared.test_known], dtype=np.int64)
        return prepared.test.ids, prepared.test.inputs(slice(None)), given
    tested = labels[labels["split"] == "test"].sort_values("item")
    if not len(tested):
        raise DataError("no test item has a label yet, so the model cannot be judged: wait for answers about "
                        "the arm 'test', or give a labeled test set (dataset.test_path)")  # fmt: skip
    rows = prepared.pool.rows_of(tested["item"].tolist())
    true = tested["label"].map(codes).to_numpy(dtype=np.int64)
    return tested["item"].to_numpy(dtype=object), prepared.pool.inputs(rows), true


def _hours(votes: pd.DataFrame) -> float:
    """From the beginning of the first answer to the end of the last."""
    if not len(votes):
        return 0.0
    begun = votes["answered_at"] - pd.to_timedelta(votes["lead_seconds"].fillna(0.0), unit="s")
    return float((votes["answered_at"].max() - begun.min()).total_seconds() / 3600)


def _write_manifest(current: Round) -> None:
    """Digests of what the round is made of; each manifest holds the digest of the one before."""
    folder, workspace = current.folder, current.workspace
    receipts = Receipts(workspace)
    parts = (
        folder.settings, folder.gold, folder.verdicts, folder.batch, folder.selection, folder.asked,
        folder.routing, folder.tasks, folder.votes, folder.closed, folder.reviews, folder.collected,
        folder.review, folder.fused, folder.fusion, folder.quality, folder.annotators,
        folder.annotators_page, folder.labels,
        folder.model, folder.accepted, folder.certificate, folder.outcomes, folder.metrics, folder.savings,
        folder.per_class, folder.confusion, folder.curve, folder.stop_set, folder.stopping, folder.forecast,
        folder.report,
    )  # fmt: skip
    files.write_json(
        folder.manifest,
        {
            "round": current.id,
            "files": {workspace.relative(path): receipts.digest(path) for path in parts},
            "previous": files.digest(current.previous.manifest),
            "versions": {
                "labelloop": labelloop.__version__,
                "python": platform.python_version(),
                **{name: version(name) for name in LIBRARIES},
            },
        },
    )
