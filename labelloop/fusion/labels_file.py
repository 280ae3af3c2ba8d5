"""A campaign's table of labels as a file for anybody: one column a class instead of lists of numbers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.errors import DataError

LISTS = ("dissenters", "vote_ids")


def flat_labels(table: pd.DataFrame, classes: tuple[str, ...]) -> pd.DataFrame:
    """Columns of a file of labels from those of `votes_table.label_table`.

    `raw` and `prior` become a column a class only where some item has them, and raw_confidence is the
    confidence before calibration; `margin` is what is between the two likeliest classes.
    """
    posterior = _rows(table["posterior"], len(classes))
    best = np.partition(np.column_stack([np.zeros(len(table)), posterior]), -2, axis=1)
    columns: dict[str, Any] = {name: table[name] for name in (
        "item", "label", "confidence", "votes", "agreeing", "dissenters", "tie", "entropy")}  # fmt: skip
    columns |= {"margin": best[:, -1] - best[:, -2], "gold": table["gold"], "status": "fused"}
    columns |= {name: table[name] for name in ("method", "parameters")}
    columns |= {name: table[name] for name in ("vote_ids", "expected_steps") if name in table}
    shares = {"posterior": posterior}
    for name in ("raw", "prior"):
        if table[name].notna().any():
            shares[name] = _rows(table[name], len(classes))
    if "raw" in shares:
        chosen = pd.Categorical(table["label"], categories=list(classes)).codes
        columns["raw_confidence"] = shares["raw"][np.arange(len(table)), chosen]
    for kind, rows in shares.items():
        columns |= {f"{kind}.{name}": rows[:, code] for code, name in enumerate(classes)}
    return pd.DataFrame(columns)


def check_suffix(path: Path) -> None:
    """Refuse a name that says no format a table can be written in."""
    if not path.name.lower().endswith((".csv", ".csv.gz", ".parquet")):
        raise DataError(f"{path}: labels are written as .csv, .csv.gz or .parquet; name the file so")


def write_table(labels: pd.DataFrame, path: Path) -> None:
    """Write by the name's ending; equal tables give equal bytes. In CSV lists are JSON."""
    if path.name.lower().endswith(".parquet"):
        import pyarrow as pa

        from labelloop.table_contract import write_arrow

        write_arrow(pa.Table.from_pandas(labels, preserve_index=False), path)
        return
    # `json.dumps` would make an encoder for each of a million rows.
    encode = json.JSONEncoder(ensure_ascii=False).encode
    text = labels.assign(**{
        name: [encode(list(values)) for values in labels[name]] for name in LISTS if name in labels
    })  # fmt: skip
    content = text.to_csv(index=False, lineterminator="\n").encode()
    # A gzip header holds the time of writing, unless told otherwise.
    files.write_bytes(path, gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)


def _rows(column: pd.Series, width: int) -> np.ndarray:
    """Shape (n_items, width); NaN where there is nothing."""
    return np.array([np.full(width, np.nan) if one is None else one for one in column]).reshape(-1, width)
