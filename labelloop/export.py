"""Every item of the pool with its label, where that comes from and how sure it is: what a campaign is for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.errors import DataError, LabelloopError
from labelloop.ledger import Ledger
from labelloop.reporting.label_words import acceptance_words, fused_words
from labelloop.reviewing import verdicts
from labelloop.stages.acceptance import vouched_for
from labelloop.stages.audits_now import BROKEN, audits_now
from labelloop.stages.overruling import overrule
from labelloop.stages.runner import Round
from labelloop.stages.snapshot import before_review
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


SOURCES = {"fused": "people"}
"""What the export calls a label's status, where that is another word."""

COUNTED = ", with the verdicts that came since; the next round ends the certificate"
"""What is added to words about a breach that no round has counted yet."""


def export_labels(
    workspace: Workspace,
    out: Path,
    *,
    now: datetime,
    people_only: bool = False,
    in_review: bool = False,
    columns: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the labels as of the last closed round to a CSV or Parquet file, one row an item, by id.

    Columns: `COLUMNS`. `source` is people (fused votes), reviewed (a reviewer's word), given (came with the
    data), or model (accepted under the certificate that the row names, unless it has expired). Labels by
    votes that need no further person name their certificate, too. An item without a label has no row.
    Verdicts count at once, and so do the review gates of params.yaml: a label that waits at one is not
    vouched for. So do audits: where they break a certificate, with the verdicts that came since the round
    closed, its labels of the model are left out, and labels by votes do not name it.

    Args:
        now: with a time zone; what certificates are measured by.
        in_review: put labels that wait at a gate into the file as well, their source being `in review`.
        columns: of the data's table, to stand beside each label.

    Returns:
        rows by source, `unlabeled` (items of the pool without a label), `waiting` (labels that were left out
        because they wait at a gate), `round`, and in words `certificate`: why the model's labels are there or
        not, and `by_votes`: why labels by votes name a certificate or not.

    Raises:
        DataError: `out` is of another format, or the data has no such column.
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
    current = Round(workspace, last.id)
    said = verdicts.read(workspace.reviews)
    labels = overrule(current, folder, before_review(current), said, workspace.settings.review)
    accepted, told = tables.ACCEPTED.read(folder.accepted), files.read_json(folder.certificate)
    told = audits_now(current, labels, told, accepted, workspace.settings.accept)
    by_votes, about_votes = accepted_votes(labels, accepted, told, now)
    certificates = pd.Series([by_votes.get(item) for item in labels["item"]], labels.index, dtype=object)
    labels = labels.assign(source=labels["status"].replace(SOURCES), certificate=certificates)
    waiting = labels["status"] == "in review"
    parts = [labels if in_review else labels[~waiting]]
    accepted = accepted[~accepted["item"].isin(labels["item"])]
    about = acceptance_words(told, len(accepted))
    if told["state"] == "issued" and now >= datetime.fromisoformat(told["certificate"]["expires_at"]):
        about = (f"{len(accepted)} labels of the model are left out: their certificate has expired at "
                f"{told['certificate']['expires_at'][:10]}; `labelloop settle` makes another")  # fmt: skip
        accepted = accepted.iloc[:0]
    elif told.get(BROKEN):
        about = f"{len(accepted)} labels of the model are left out: {told[BROKEN]}{COUNTED}"
        accepted = accepted.iloc[:0]
    if not people_only:
        parts.append(accepted.assign(source="model", votes=0, agreeing=0, tie=False, split="", round=last.id))
    everything = pd.concat([part[list(COLUMNS)] for part in parts if len(part)] or [parts[0][list(COLUMNS)]])
    everything = everything.sort_values("item", ignore_index=True)
    pool = datasets.open_prepared(workspace.data).pool
    rows = pool.rows_of(everything["item"].tolist()) if columns else np.zeros(0, dtype=np.int64)
    for name in columns:
        if name in COLUMNS:
            raise DataError(f"--columns {name!r}: every export has a column of that name; rename the data's")
        everything[name] = pool.values(name, "--columns", rows)
    if out.suffix == ".csv":
        files.write_text(out, everything.to_csv(index=False, lineterminator="\n"))
    else:
        with files.atomic_path(out) as path:
            everything.to_parquet(path, index=False)
    sources, counts = np.unique(everything["source"].astype(str), return_counts=True)
    return {
        "round": last.id,
        "rows": {str(name): int(count) for name, count in zip(sources, counts, strict=True)},
        "unlabeled": len(pool) - len(everything) - (0 if in_review else int(waiting.sum())),
        "waiting": 0 if in_review else int(waiting.sum()),
        "certificate": about,
        "by_votes": about_votes,
    }


def accepted_votes(
    labels: pd.DataFrame, accepted: pd.DataFrame, told: dict[str, Any], now: datetime
) -> tuple[dict[str, str], str]:
    """Labels by votes that need no further person: their certificate by item, and words about it.

    Args:
        labels: columns of `tables.LABELS`, with every verdict: what was reviewed meanwhile, or waits, names
            no certificate.
        accepted: `tables.ACCEPTED`.
        told: what `audits_now` makes of certificate.json.
    """
    voted, about = told.get("fused", {}), fused_words(told)
    if voted.get("state") != "issued":
        return {}, about
    if now >= datetime.fromisoformat(voted["certificate"]["expires_at"]):
        return {}, (f"{voted['accepted']} labels by votes name no certificate any more: theirs has expired "
                    f"at {voted['certificate']['expires_at'][:10]}")  # fmt: skip
    if voted[BROKEN]:
        return (
            {},
            f"{voted['accepted']} labels by votes name no certificate any more: {voted[BROKEN]}{COUNTED}",
        )
    standing = labels.loc[labels["status"] == "fused", ["item", "label"]].merge(
        vouched_for(accepted, told, now), on=["item", "label"]
    )
    return dict(zip(standing["item"], standing["certificate"], strict=True)), about
