"""The labels that a certificate is about: one an item, with a confidence, from one scorer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.errors import DataError
from labelloop.fusion.text_table import read_text_table

PROBABILITY_PREFIXES = ("posterior.", "probability.")


@dataclass(frozen=True)
class Stream:
    """Labels with confidences, one an item."""

    table: pd.DataFrame
    """Columns item, label, confidence; sorted by item."""
    told: frozenset[str]
    """Items whose label was given as gold when the labels were made."""
    classes: tuple[str, ...]
    """Those that have a column; without such columns, those that some label has."""
    declared: bool
    """Whether they have columns."""
    method: str

    @property
    def digest(self) -> str:
        """Digest of every item, label and confidence."""
        return files.digest_of([list(row) for row in self.table.itertuples(index=False, name=None)])


def read_stream(path: Path) -> Stream:
    """Read fused labels (item, label, confidence), or a model's probabilities (item and one column a class,
    named `posterior.CLASS` or `probability.CLASS`).

    Raises:
        DataError: a column is missing, an item appears twice, or a number is no probability.
    """
    table = read_text_table(path)
    if "item" not in table.columns:
        raise DataError(f"{path} has no column 'item'; it has {', '.join(table.columns[:20])}")
    if table.empty:
        raise DataError(f"{path} has a header but no labels")
    twice = table["item"].duplicated()
    if twice.any():
        row = int(twice.to_numpy().argmax())
        raise DataError(f"{path}, row {row + 1}: item {table['item'].iloc[row]!r} appears more than once; "
                        "give each item one label")  # fmt: skip
    chances = {
        column: column.partition(".")[2]
        for column in table.columns
        if column.startswith(PROBABILITY_PREFIXES)
    }
    if {"label", "confidence"} <= set(table.columns):
        labels = table["label"].to_numpy(dtype=object)
        confidence = _numbers(table["confidence"], path)
    elif chances:
        rows = np.column_stack([_numbers(table[column], path) for column in chances])
        confidence = rows.max(axis=1)
        labels = np.array(list(chances.values()), dtype=object)[rows.argmax(axis=1)]
    else:
        raise DataError(f"{path} has neither the columns label and confidence nor one column a class such as "
                        f"'probability.cat'; it has {', '.join(table.columns[:20])}")  # fmt: skip
    if (labels == "").any():
        raise DataError(f"{path}, row {int((labels == '').argmax()) + 1}: column 'label' is empty")
    told = table["item"][table["gold"].str.lower() == "true"] if "gold" in table.columns else ()
    stream = pd.DataFrame({"item": table["item"], "label": labels, "confidence": confidence})
    return Stream(
        table=stream.sort_values("item").reset_index(drop=True),
        told=frozenset(told),
        classes=tuple(sorted(chances.values() or set(labels))),
        declared=bool(chances),
        method=table["method"].iloc[0] if "method" in table.columns else "",
    )


def _numbers(text: pd.Series, path: Path) -> np.ndarray:
    values = pd.to_numeric(text, errors="coerce").to_numpy(dtype=float)
    wrong = ~((values >= 0) & (values <= 1 + 1e-9))
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(f"{path}, row {row + 1}, column {text.name!r}: {text.iloc[row]!r} is no probability "
                        "from 0 to 1")  # fmt: skip
    return np.minimum(values, 1.0)
