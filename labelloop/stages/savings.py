"""What was saved against labeling at random: learners on the control arm and on the first labels, the record.

`evaluate` calls this; the rules of what may be said are in `labelloop.evaluation.savings`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from labelloop import tables
from labelloop.acquisition import control
from labelloop.acquisition.keys import id_keys
from labelloop.datasets.base import Prepared
from labelloop.evaluation import curve as curves
from labelloop.evaluation.beginning import beginning_sizes, first_items
from labelloop.evaluation.crossing import Curve
from labelloop.evaluation.half_samples import HalfSamples, halves, is_due
from labelloop.evaluation.projection import project_random
from labelloop.evaluation.savings import fewest_labels, measure_savings
from labelloop.evaluation.worth import labels_saved, money_saved
from labelloop.stages.gold_arm import open_gold
from labelloop.stages.outcomes import FIRST, half_columns, halved_sample
from labelloop.stages.pool_order import first_rows
from labelloop.stages.runner import Round
from labelloop.stages.train import fit_on, untrained

_ANOTHER_LEARNER = " Rounds before {} are left out: their learner was another one."
ENDS = (("", "middle"), ("_low", "low"), ("_high", "high"))
"""How the figures of an estimate are called in metrics.json, and in what it is made of."""


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


def predict_by(
    current: Round, prepared: Prepared, sample: pd.DataFrame, inputs: np.ndarray
) -> np.ndarray | None:
    """Class codes that the learner predicts when it is trained on some labels alone.

    Too few labels for a learner are of one class, which is then the prediction, or of none: None.

    Args:
        sample: `tables.LABELS`, some of the training labels.
        inputs: of the items to predict.
    """
    if not len(sample):
        return None
    if sample["label"].nunique() < 2:
        return np.full(len(inputs), prepared.classes.index(sample["label"].iloc[0]), dtype=np.int64)
    weighing = current.settings.model.label_weights
    learner = fit_on(untrained(current, prepared), prepared, sample, weighing=weighing)
    return np.asarray(learner.predict_proba(inputs).argmax(axis=1))


def predict_by_first(
    current: Round, prepared: Prepared, training: pd.DataFrame, batch: pd.DataFrame, inputs: np.ndarray
) -> dict[int, np.ndarray]:
    """What the campaign's first labels taught, by how many they are: only in the round that asks first.

    See `labelloop.evaluation.beginning`. A batch that is put together from parts has no order of its own, so
    one at random takes its place.

    Args:
        batch: `tables.BATCH` of the round.

    Returns:
        Class codes predicted for `inputs`.
    """
    if len(tables.ASKED.read(current.previous.asked)):
        return {}
    arms = {
        name: batch.loc[batch["arm"] == name].sort_values("rank")["item"].tolist()
        for name in ("strategy", "control")
    }
    wanted = current.settings.acquisition
    if wanted.compose.mix or wanted.compose.stratify_by:
        items = np.array(arms["strategy"], dtype=object)
        arms["strategy"] = items[np.argsort(id_keys(items, current.about["seed"], FIRST))].tolist()
    known = training[~training["item"].isin([*arms["strategy"], *arms["control"]])]
    asked = len(arms["strategy"]) + len(arms["control"])
    found: dict[int, np.ndarray] = {}
    for size in beginning_sizes(len(known), asked, fewest_labels(len(prepared.classes))):
        first = first_items(arms["strategy"], arms["control"], size, wanted.control_share)
        sample = training[training["item"].isin([*known["item"], *first])]
        predicted = predict_by(current, prepared, sample, inputs)
        if predicted is not None:
            found[len(sample)] = predicted
    return found


def predict_by_halves(
    current: Round, prepared: Prepared, sample: pd.DataFrame, inputs: np.ndarray, *, new_learner: bool
) -> tuple[int, np.ndarray] | None:
    """What halves of the control arm taught; None while it is too small for savings to be told.

    None as well where the rounds before know it: in a round that asks about nothing new, and while the arm
    has hardly grown (`half_samples.is_due`).

    Args:
        sample: labels of the control arm.
        new_learner: whether what the rounds before know is about another learner.

    Returns:
        Labels of the control arm, and class codes predicted for `inputs`, shape (halves, len(inputs)).
    """
    if len(sample) < fewest_labels(len(prepared.classes)):
        return None
    known = 0 if new_learner else halved_sample(pq.read_schema(current.previous.outcomes).names)
    nothing_new = current.settles or current.only_looks
    if not is_due(len(sample), known) or (known and nothing_new):
        return None
    ordered = sample.sort_values("item", ignore_index=True)
    parts = halves(len(ordered), current.settings.campaign.seed)
    said = [predict_by(current, prepared, ordered.iloc[part], inputs) for part in parts]
    return len(ordered), np.array(said)


def find_savings(
    current: Round,
    prepared: Prepared,
    curve: pd.DataFrame,
    right: pd.DataFrame,
    control_size: int,
    training: pd.DataFrame,
    votes: pd.DataFrame,
) -> dict[str, Any]:
    """The round's savings.json: the measurement, the projection, and what either is worth.

    Args:
        curve: the whole learning curve.
        right: see `outcomes.judge`.
        control_size: labels of the control arm.
        training: labels of training items.
    """
    halved, columns = None, half_columns(right.columns)
    # Items that every round has judged, so that all points are about the same ones.
    complete = right.dropna()
    if columns and len(complete):
        halved = HalfSamples(halved_sample(columns), complete[columns].to_numpy(dtype=bool).T)
    labeling = curves.labeling_rounds(curves.of_this_learner(curve))
    saved = _measured(current, labeling, complete, len(prepared.classes), halved, control_size)
    if len(labeling) < len(curves.labeling_rounds(curve)):
        saved["sentence"] += _ANOTHER_LEARNER.format(curves.of_this_learner(curve)["round"].iloc[0])
    spread = 0.0 if halved is None else halved.sd_of_whole
    saved["projected"] = _projected(current, prepared, labeling, spread)
    return saved | _worth(current, saved, training, votes, int((~curve[curves.SETTLES]).sum()))


def savings_metrics(saved: dict[str, Any]) -> dict[str, Any]:
    """The same as flat numbers for metrics.json."""
    projected = {} if saved["projected"] is None else saved["projected"]["labels"]
    return {
        **{f"savings_{name}": saved[name] for name in ("ratio", "ratio_low", "ratio_high", "saved")},
        **{f"labels_saved{end}": saved["labels_saved"][name] for end, name in ENDS},
        **{name: saved[name] for name in ("roi", "roi_low", "roi_high")},
        **{f"random_needs{end}": projected.get(name) for end, name in ENDS},
    }


def _measured(
    current: Round,
    curve: pd.DataFrame,
    complete: pd.DataFrame,
    n_classes: int,
    halved: HalfSamples | None,
    control_size: int,
) -> dict[str, Any]:
    columns = [f"campaign.{name}" for name in curve["round"]]
    points = dict(zip(columns, curve["labels"].tolist(), strict=True))
    first = [name for name in complete.columns if name.startswith(f"{FIRST}.")]
    points = {name: int(name.removeprefix(f"{FIRST}.")) for name in first} | points
    return measure_savings(
        Curve(np.array(list(points.values())), complete[list(points)].to_numpy(dtype=bool).T),
        halved,
        control_labels=control_size,
        n_classes=n_classes,
        coverage=current.settings.evaluation.interval,
    )


def _projected(
    current: Round, prepared: Prepared, curve: pd.DataFrame, draw_sd: float
) -> dict[str, Any] | None:
    """What random would have needed for the accuracy reached, by the control arm's curve drawn on."""
    if not len(curve):
        return None
    controlled, evaluation = curve[curve["control_accuracy"].notna()], current.settings.evaluation
    return project_random(
        controlled["control_labels"].to_numpy(dtype=np.float64),
        controlled["control_accuracy"].to_numpy(dtype=np.float64),
        reached=float(curve["accuracy"].iloc[-1]),
        campaign_labels=int(curve["labels"].iloc[-1]),
        pool=int((~prepared.splits).sum()),
        fewest=fewest_labels(len(prepared.classes)),
        draw_sd=draw_sd,
        coverage=evaluation.forecast_interval,
        seed=current.settings.campaign.seed,
    )


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
