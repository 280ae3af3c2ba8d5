"""The learning curve: one row a round, from first label to last."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.errors import DamagedFileError, DataError

COUNTS = ("labels", "test_items", "votes")
SHARES = ("cost", "hours", "accuracy", "accuracy_low", "accuracy_high", "macro_f1", "log_loss", "ece")
CONTROL = {"control_labels": "Int64", "control_accuracy": "float64"}
"""Nullable: a round whose control arm is still empty has no control accuracy."""
SETTLES = "settles"
"""Whether the round asked nobody, and counted what had been reviewed; in files of earlier versions, none."""
ONLY_LOOKS = "only_looks"
"""Whether the round only looked again at older items; a column of campaigns with such a round alone."""
NEW_LEARNER = "new_learner"
"""Whether its learner is another than that of the round before; a column of campaigns with such a round
alone."""
RARE = (ONLY_LOOKS, NEW_LEARNER)
"""Columns that are written once they are true somewhere."""
TYPES = {
    "round": "str",
    **dict.fromkeys(COUNTS, "int64"),
    **dict.fromkeys(SHARES, "float64"),
    **CONTROL,
    SETTLES: "bool",
    ONLY_LOOKS: "bool",
    NEW_LEARNER: "bool",
}
"""Columns and their types. `labels`: training items with a label, all arms together; `votes`, `cost` and
`hours`: since the campaign began, the test set's included; `ece`: expected calibration error."""


def empty_curve() -> pd.DataFrame:
    """A curve without rounds."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in TYPES.items()})


def append_round(curve: pd.DataFrame, row: Mapping[str, Any]) -> pd.DataFrame:
    """The curve with one more round.

    Args:
        row: a value a column of `TYPES`; the control columns may be None or absent, `settles` and those of
            `RARE` may be absent; others are ignored.

    Raises:
        DataError: a value is missing, or the round is in the curve already.
    """
    row = {SETTLES: False, **dict.fromkeys(RARE, False), **row}
    missing = [name for name in TYPES if name not in CONTROL and pd.isna(row.get(name))]
    if missing:
        raise DataError(f"learning curve, round {row.get('round')!r}: {missing[0]!r} is missing")
    if row["round"] in set(curve["round"]):
        raise DataError(f"learning curve: round {row['round']!r} is in it already")
    added = pd.DataFrame({name: pd.Series([row.get(name)], dtype=kind) for name, kind in TYPES.items()})
    return pd.concat([curve, added], ignore_index=True) if len(curve) else added


def labeling_rounds(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve without rounds that asked about no new item: what tells what labels bring.

    A round that settles or only looks again has the labels of the round before, so it would look as if more
    had brought nothing.
    """
    return curve[~(curve[SETTLES] | curve[ONLY_LOOKS])].reset_index(drop=True)


def of_this_learner(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve from the round on in which the newest round's learner came into use."""
    came = curve.index[curve[NEW_LEARNER]]
    return curve.loc[came[-1] :].reset_index(drop=True) if len(came) else curve


def write_curve(curve: pd.DataFrame, path: Path) -> None:
    """Write as CSV with numbers in full: reading gives them back to the bit."""
    columns = [name for name in TYPES if name not in RARE or curve[name].any()]
    files.write_text(path, curve[columns].to_csv(index=False, lineterminator="\n"))


def read_curve(path: Path) -> pd.DataFrame:
    """Read what `write_curve` wrote.

    Raises:
        DamagedFileError: it is not a learning curve any more.
    """
    try:
        curve = pd.read_csv(
            path, dtype=TYPES, keep_default_na=False, na_values={name: [""] for name in CONTROL},
            float_precision="round_trip",
        )  # fmt: skip
    except (ValueError, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from None
    found = list(curve.columns)
    for name in (SETTLES, *RARE):
        if name not in curve:
            curve[name] = False
    # In the order of TYPES, as the file's columns must be.
    if found != [name for name in TYPES if name in found] or len(curve.columns) != len(TYPES):
        raise DamagedFileError(f"{path} is damaged: its columns are {found}")
    return curve[list(TYPES)]


def normalised_area(labels: np.ndarray, accuracy: np.ndarray) -> float:
    """Mean height of the curve between its first and last number of labels, by the trapezoidal rule.

    Args:
        labels: shape (n,), not decreasing, n at least 1.
        accuracy: shape (n,).

    Returns:
        In [0, 1]; for a single number of labels the mean accuracy. Comparable only between curves over the
        same range of labels.
    """
    labels, accuracy = np.asarray(labels, dtype=np.float64), np.asarray(accuracy, dtype=np.float64)
    width = labels[-1] - labels[0]
    return float(np.trapezoid(accuracy, labels) / width) if width > 0 else float(accuracy.mean())
