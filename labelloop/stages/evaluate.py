"""evaluate: what the round's labels bought, on a test set that nobody chose and nothing was trained on."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd

import labelloop
from labelloop import datasets, files, models, tables
from labelloop.acquisition import control
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError
from labelloop.evaluation import curve as curves
from labelloop.evaluation import metrics as measures
from labelloop.evaluation import savings
from labelloop.evaluation.half_samples import half_sample_sd, halves
from labelloop.evaluation.prelabels import count_prelabelled
from labelloop.evaluation.projection import project_random
from labelloop.evaluation.worth import labels_saved, money_saved
from labelloop.fusion.coding import without_reasks
from labelloop.reporting.quality_words import quality_metrics
from labelloop.reviewing.round_list import count_rows
from labelloop.stages.accept import Judged, accept
from labelloop.stages.asked_accuracy import on_asked_items
from labelloop.stages.gold_arm import open_gold
from labelloop.stages.outcomes import judge, keep_predictions, rejudged
from labelloop.stages.outlook import outlook_metrics, write_outlook
from labelloop.stages.overruling import reviewed
from labelloop.stages.pool_order import first_rows
from labelloop.stages.report import write_report
from labelloop.stages.review_queue import review_metrics
from labelloop.stages.runner import Receipts, Round
from labelloop.stages.second_look_report import second_look_counts
from labelloop.stages.train import fit_on, untrained

LIBRARIES = ("numpy", "pandas", "scikit-learn", "torch")
ENDS = (("", "middle"), ("_low", "low"), ("_high", "high"))
"""How the figures of an estimate are called in metrics.json, and in what it is made of."""


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
    random_model = _control_model(current, prepared, sample)
    predicted = probabilities.argmax(axis=1)
    by_control = None if random_model is None else random_model.predict_proba(inputs).argmax(axis=1)
    draw_sd = _draw_sd(current, prepared, sample, inputs, true)
    right = judge(keep_predictions(current, items, predicted, by_control), items, true)

    totals = {
        "round": current.id,
        "labels": int(labels["split"].isin(("train", "held")).sum()),
        "votes": int(votes["action"].isin(("submitted", "updated")).sum()),
        "cost": float(votes["cost"].sum()),
        "hours": _hours(votes),
        "control_labels": len(sample),
        "control_accuracy": None if by_control is None else float((by_control == true).mean()),
        curves.SETTLES: current.settles,
        curves.ONLY_LOOKS: current.only_looks,
    }
    curve = curves.append_round(curves.read_curve(current.previous.curve), judged | totals)
    curve = rejudged(curve, right, settings.evaluation.interval)
    curves.write_curve(curve, folder.curve)
    labeling = curves.labeling_rounds(curve)
    saved = _savings(current, labeling, right, len(prepared.classes), draw_sd)
    saved["projected"] = _projected(current, prepared, labeling, draw_sd)
    saved |= _worth(current, saved, training, votes, int((~curve[curves.SETTLES]).sum()))
    write_outlook(current, prepared, curve, right)
    per_class, confusion = judged.pop("per_class"), judged.pop("confusion")
    batch = tables.BATCH.read(folder.batch)
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
        **{f"savings_{name}": saved[name] for name in ("ratio", "ratio_low", "ratio_high", "saved")},
        **{f"labels_saved{end}": saved["labels_saved"][name] for end, name in ENDS},
        **{name: saved[name] for name in ("roi", "roi_low", "roi_high")},
        **_random_needs(saved["projected"]),
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


def control_labels(current: Round, prepared: Prepared, training: pd.DataFrame) -> pd.DataFrame:
    """The labels that a plain random sample of the pool would have brought by now."""
    asked = tables.ASKED.read(current.folder.asked)
    eligible = ~prepared.splits & ~open_gold(current, prepared, asked).reserved
    rows = first_rows(
        current.workspace,
        prepared.pool,
        eligible,
        current.about["control_size"],
        seed=current.settings.campaign.seed,
        purpose=control.PURPOSE,
    )
    return training[training["item"].isin(prepared.pool.ids_of(rows))]


def _control_model(current: Round, prepared: Prepared, sample: pd.DataFrame) -> Any:
    if sample["label"].nunique() < 2:
        return None
    weighing = current.settings.model.label_weights
    return fit_on(untrained(current, prepared), prepared, sample, weighing=weighing)


def _hours(votes: pd.DataFrame) -> float:
    """From the beginning of the first answer to the end of the last."""
    if not len(votes):
        return 0.0
    begun = votes["answered_at"] - pd.to_timedelta(votes["lead_seconds"].fillna(0.0), unit="s")
    return float((votes["answered_at"].max() - begun.min()).total_seconds() / 3600)


def _draw_sd(
    current: Round, prepared: Prepared, sample: pd.DataFrame, inputs: np.ndarray, true: np.ndarray
) -> float:
    """How far accuracy varies with the draw of a control sample; 0 while it is too small to say anything."""
    if len(sample) < savings.fewest_labels(len(prepared.classes)):
        return 0.0
    ordered = sample.sort_values("item", ignore_index=True)
    accuracies = []
    for half in halves(len(ordered), current.settings.campaign.seed):
        model = _control_model(current, prepared, ordered.iloc[half])
        right = 0.0 if model is None else (model.predict_proba(inputs).argmax(axis=1) == true).mean()
        accuracies.append(float(right))
    return half_sample_sd(accuracies)


def _savings(
    current: Round, curve: pd.DataFrame, right: pd.DataFrame, n_classes: int, draw_sd: float
) -> dict[str, Any]:
    complete = right.dropna()
    controlled = curve[curve["round"].map(lambda name: f"control.{name}" in complete.columns)]

    def read(rows: pd.DataFrame, arm: str, labels: str, accuracy: str) -> savings.Curve:
        columns = [f"{arm}.{name}" for name in rows["round"]]
        return savings.Curve(
            rows[labels].to_numpy(dtype=np.int64),
            rows[accuracy].to_numpy(dtype=np.float64),
            complete[columns].to_numpy(dtype=bool).T,
        )

    return savings.measure_savings(
        read(curve, "campaign", "labels", "accuracy"),
        read(controlled, "control", "control_labels", "control_accuracy"),
        test_items=len(complete),
        n_classes=n_classes,
        coverage=current.settings.evaluation.interval,
        resamples=current.settings.evaluation.bootstrap,
        seed=current.settings.campaign.seed,
        draw_sd=draw_sd,
    )


def _projected(
    current: Round, prepared: Prepared, curve: pd.DataFrame, draw_sd: float
) -> dict[str, Any] | None:
    """What random would have needed for the accuracy reached, by the control arm's curve drawn on."""
    controlled, evaluation = curve[curve["control_accuracy"].notna()], current.settings.evaluation
    return project_random(
        controlled["control_labels"].to_numpy(dtype=np.float64),
        controlled["control_accuracy"].to_numpy(dtype=np.float64),
        reached=float(curve["accuracy"].iloc[-1]),
        campaign_labels=int(curve["labels"].iloc[-1]),
        pool=int((~prepared.splits).sum()),
        fewest=savings.fewest_labels(len(prepared.classes)),
        draw_sd=draw_sd,
        coverage=evaluation.forecast_interval,
        seed=current.settings.campaign.seed,
    )


def _random_needs(projected: dict[str, Any] | None) -> dict[str, Any]:
    """The projection as flat numbers for metrics.json."""
    labels = {} if projected is None else projected["labels"]
    return {f"random_needs{end}": labels.get(name) for end, name in ENDS}


def _worth(
    current: Round, saved: dict[str, Any], training: pd.DataFrame, votes: pd.DataFrame, rounds: int
) -> dict[str, Any]:
    """The savings in money; what a label has cost is counted on the training items alone.

    Args:
        rounds: that asked somebody; nobody has a round to watch over that asks nobody.
    """
    evaluation = current.settings.evaluation
    paid = float(votes.loc[votes["item"].isin(training["item"]), "cost"].sum())
    return money_saved(
        labels_saved(saved, saved["projected"]),
        label_cost=paid / max(int((training["votes"] > 0).sum()), 1),
        automation_cost=evaluation.automation_cost,
        monitoring_cost=evaluation.monitoring_cost,
        rounds=rounds,
        currency=current.settings.annotation.currency,
    )


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
