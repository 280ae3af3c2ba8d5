"""Every item of the pool with its label, where that comes from and how sure it is: what a campaign is for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.errors import DataError, LabelloopError
from labelloop.ledger import Ledger
from labelloop.reporting.label_words import acceptance_words
from labelloop.reviewing import verdicts
from labelloop.workspace import Workspace

COLUMNS = (
    "item",
    "label",
    "source",
    "confidence",
    "votes",
    "agreeing",
    "tie",
    "split",
    "round",
    "certificate",
)
FORMATS = (".csv", ".parquet")


def _reviewed(labels: pd.DataFrame, workspace: Workspace, asked: dict[str, str]) -> pd.DataFrame:
    """With verdicts that no round has counted yet.

    Args:
        asked: the arm of every item asked about.
    """
    said = verdicts.standing(verdicts.read(workspace.reviews))
    mine = labels["item"].map({item: one.label for item, one in said.items()})
    there = mine.notna()
    labels = labels.assign(
        label=labels["label"].mask(there, mine),
        source=labels["source"].mask(there, "reviewed"),
        confidence=labels["confidence"].mask(there, 1.0),
    )
    split = {item: arm if arm in ("test", "gold") else "train" for item, arm in asked.items()}
    new = [item for item in said if item in split and item not in set(labels["item"])]
    rows = {
        "item": new,
        "label": [said[item].label for item in new],
        "source": "reviewed",
        "confidence": 1.0,
        "votes": 0,
        "agreeing": 0,
        "tie": False,
        "split": [split[item] for item in new],
        "round": None,
        "certificate": None,
    }
    return pd.concat([labels, pd.DataFrame(rows)], ignore_index=True) if new else labels


def time_of(workspace: Workspace) -> datetime:
    """Now; for simulated annotators, who live faster or slower, when the last round closed."""
    last = Ledger.read(workspace.ledger).last_closed
    if last is None or workspace.settings.annotation.tool != "simulated":
        return datetime.now(UTC)
    return datetime.fromisoformat(files.read_json(workspace.round(last.id).closed)["at"])


def export_labels(
    workspace: Workspace, out: Path, *, now: datetime, people_only: bool = False
) -> dict[str, Any]:
    """Write the labels as of the last closed round to a CSV or Parquet file, one row an item, by id.

    Columns: `COLUMNS`. `source` is people (fused votes), reviewed (a reviewer's word), given (came with the
    data), or model (accepted under the certificate that the row names, unless it has expired). An item
    without a label has no row.

    Args:
        now: with a time zone; what certificates are measured by.

    Returns:
        rows by source, `unlabeled` (items of the pool without a label), `round`, and `certificate`: why the
        model's labels are there or not, in words.

    Raises:
        DataError: `out` is of another format.
        LabelloopError: no round is closed yet.
    """
    if out.suffix not in FORMATS:
        raise DataError(
            f"{out.name} ends with {out.suffix!r}; name a file that ends with {' or '.join(FORMATS)}"
        )
    last = Ledger.read(workspace.ledger).last_closed
    if last is None:
        raise LabelloopError(f"{workspace.root} has no closed round, so there is no label yet; `labelloop "
                             "status` says what it waits for")  # fmt: skip
    folder = workspace.round(last.id)
    labels = tables.LABELS.read(folder.labels)
    asked = {str(row.item): str(row.arm) for row in tables.ASKED.read(folder.asked).itertuples()}
    source = labels["status"].replace({"fused": "people"})
    parts = [_reviewed(labels.assign(source=source, certificate=None), workspace, asked)]
    accepted, told = tables.ACCEPTED.read(folder.accepted), files.read_json(folder.certificate)
    said = acceptance_words(told, len(accepted))
    if told["state"] == "issued" and now >= datetime.fromisoformat(told["certificate"]["expires_at"]):
        said = (f"{len(accepted)} labels of the model are left out: their certificate has expired at "
                f"{told['certificate']['expires_at'][:10]}; a further round makes another")  # fmt: skip
        accepted = accepted.iloc[:0]
    if not people_only:
        accepted = accepted[~accepted["item"].isin(parts[0]["item"])]
        parts.append(accepted.assign(source="model", votes=0, agreeing=0, tie=False, split="", round=last.id))
    everything = pd.concat([part[list(COLUMNS)] for part in parts if len(part)] or [parts[0][list(COLUMNS)]])
    everything = everything.sort_values("item", ignore_index=True)
    if out.suffix == ".csv":
        files.write_text(out, everything.to_csv(index=False, lineterminator="\n"))
    else:
        with files.atomic_path(out) as path:
            everything.to_parquet(path, index=False)
    pool = datasets.open_prepared(workspace.data).pool
    sources, counts = np.unique(everything["source"].astype(str), return_counts=True)
    return {
        "round": last.id,
        "rows": {str(name): int(count) for name, count in zip(sources, counts, strict=True)},
        "unlabeled": len(pool) - len(everything),
        "certificate": said,
    }
