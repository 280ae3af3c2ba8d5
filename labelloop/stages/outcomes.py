"""What each round's models have said of the test items, judged by what is known of these now.

A test item's label may change: a late answer, a reviewer's word, skills of annotators learned anew. What the
models said does not. So rounds keep predictions, and every round judges those of all rounds by its own labels
of the test set: the points of a learning curve, and what is worked out from them, are about one truth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from labelloop import table_contract
from labelloop.errors import DamagedFileError
from labelloop.evaluation.intervals import wilson
from labelloop.stages.runner import Round

FIRST = "first"
"""Of a column: by the campaign's first labels alone, so many as the column says, such as `first.12`."""
HALF = "half"
"""Of a column: by a half of the control arm when that had so many labels, such as `half.30.04`."""


def halved_sample(columns: Iterable[str]) -> int:
    """Labels that the control arm had when learners were last trained on halves of it; 0: never."""
    sizes = {int(name.split(".")[1]) for name in columns if name.startswith(f"{HALF}.")}
    return max(sizes, default=0)


def half_columns(columns: Iterable[str]) -> list[str]:
    """Columns by halves of the control arm, in the order of the halves."""
    return sorted(name for name in columns if name.startswith(f"{HALF}."))


def keep_predictions(
    current: Round,
    items: np.ndarray,
    predicted: np.ndarray,
    by_control: np.ndarray | None,
    by_first: Mapping[int, np.ndarray],
    by_halves: tuple[int, np.ndarray] | None,
    *,
    new_learner: bool,
) -> pd.DataFrame:
    """Write outcomes.parquet: a row a test item, a column a round and arm, with the predicted class's code.

    What the control arm's halves and the first labels taught is kept as long as the learner is the same.

    Args:
        items: shape (n,), ids of the test items.
        predicted: shape (n,), int64: by the campaign's model.
        by_control: the same by the one of the control arm; None where there is none.
        by_first: the same by learners on the campaign's first labels, by how many these are; empty but in
            the first round.
        by_halves: labels of the control arm, and the same by learners on its halves, shape (halves, n); None
            where those of the rounds before are kept.
        new_learner: whether the learner is another than that of the round before.

    Returns:
        That table, by item; missing where an item had no label when the round was judged.
    """
    before = pq.read_table(current.previous.outcomes).to_pandas().set_index("item")
    if any(pd.api.types.is_bool_dtype(before[name].dropna().infer_objects()) for name in before.columns):
        raise DamagedFileError(
            f"{current.previous.outcomes} is of an earlier version, which kept what was right and not what "
            "was predicted; make it anew with `dvc repro`, or begin a new campaign"
        )
    if new_learner:
        before = before[[name for name in before.columns if not name.startswith((f"{FIRST}.", f"{HALF}."))]]
    new = {f"campaign.{current.id}": predicted}
    if by_control is not None:
        new[f"control.{current.id}"] = by_control
    new |= {f"{FIRST}.{labels}": said for labels, said in by_first.items()}
    if by_halves is not None:
        before = before.drop(columns=half_columns(before.columns))
        new |= {f"{HALF}.{by_halves[0]}.{number:02d}": said for number, said in enumerate(by_halves[1])}
    joined = before.join(pd.DataFrame(new, index=pd.Index(items, name="item")), how="outer").sort_index()
    joined = joined.astype("Int32")
    schema = pa.schema([("item", pa.string()), *[(name, pa.int32()) for name in joined.columns]])
    arrow = pa.Table.from_pandas(joined.reset_index(), schema=schema, preserve_index=False)
    table_contract.write_arrow(arrow, current.folder.outcomes)
    return joined


def judge(predictions: pd.DataFrame, items: np.ndarray, true: np.ndarray) -> pd.DataFrame:
    """Which predictions are right, by one truth: nullable booleans, the shape of `predictions`.

    Args:
        predictions: see `keep_predictions`.
        items: shape (n,), the test items that have a label now.
        true: shape (n,), the codes of their classes.
    """
    truth = pd.Series(true, index=pd.Index(items, name="item"), dtype="Int32")
    return predictions.apply(lambda said: said.eq(truth.reindex(predictions.index)))


def rejudged(curve: pd.DataFrame, right: pd.DataFrame, coverage: float) -> pd.DataFrame:
    """The learning curve with the accuracies of all rounds by the truth of `judge`.

    Macro F1, log loss and calibration stay what they were found to be: predictions alone do not tell them.
    """
    curve = curve.copy()
    for row, name in zip(curve.index, curve["round"], strict=True):
        seen = right[f"campaign.{name}"].dropna()
        if len(seen):
            correct = int(seen.sum())
            curve.loc[row, "accuracy"] = correct / len(seen)
            curve.loc[row, ["accuracy_low", "accuracy_high"]] = wilson(correct, len(seen), coverage)
        if f"control.{name}" in right and len(seen := right[f"control.{name}"].dropna()):
            curve.loc[row, "control_accuracy"] = float(seen.astype(bool).mean())
    return curve
