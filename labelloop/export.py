"""Every item of the pool with its label, where that comes from and how sure it is: what a campaign is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.errors import DataError, LabelloopError
from labelloop.fusion.labels_file import LISTS, check_suffix, flat_labels, write_table
from labelloop.ledger import Ledger
from labelloop.reporting.label_words import acceptance_words, fused_words
from labelloop.reviewing import verdicts
from labelloop.reviewing.gates import Place
from labelloop.stages.acceptance import vouched_for
from labelloop.stages.audits_now import BROKEN, audits_now
from labelloop.stages.gold_arm import read_gold_csv
from labelloop.stages.overruling import overrule, places_in
from labelloop.stages.revoking import check_revoked
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
    "reviewer",
)
WITHOUT_VOTES = {"votes": 0, "agreeing": 0, "tie": False, "entropy": 0.0}
"""Of labels that no vote has a part in."""


def export_labels(
    workspace: Workspace,
    out: Path,
    *,
    now: datetime,
    people_only: bool = False,
    in_review: bool = False,
    everything: bool = False,
    columns: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the labels as of the last closed round to a CSV or Parquet file, one row an item, by id.

    Columns: `COLUMNS`. `source` is people (fused votes), reviewed (the word of those whom `reviewer` names),
    gold (the campaign's gold, whether or not anybody was asked), given (came with the data), or model
    (accepted under the certificate that the row names, unless it has expired). Labels by votes that need no
    further person name their certificate, too. An item without a label has no row. Verdicts count at once,
    and so do the review gates of params.yaml: a label that waits at one is not vouched for. So do audits:
    where they break a certificate, with the verdicts that came since the round closed, its labels of the
    model are left out, and labels by votes do not name it. The same where `accept.revoked` names it.

    Args:
        now: with a time zone; what certificates are measured by.
        in_review: put labels that wait at a gate into the file as well, their source being `in review`.
        everything: add what labels.parquet has of each label: see `labels_file.flat_labels`, and the arm.
        columns: of the data's table, to stand beside each label.

    Returns:
        rows by source, `unlabeled` (items of the pool without a label), `waiting` (labels that were left out
        because they wait at a gate), `round`, and in words `certificate`: why the model's labels are there or
        not, and `by_votes`: why labels by votes name a certificate or not.

    Raises:
        DataError: `out` is of another format than `labels_file.write_table` writes, or the data has no such
            column.
        SettingsError: `accept.revoked` names a certificate that there is not.
        LabelloopError: no round is closed yet.
    """
    check_suffix(out)
    last = Ledger.read(workspace.ledger).last_closed
    if last is None:
        raise LabelloopError(f"{workspace.root} has no closed round, so there is no label yet; `labelloop "
                             "status` says what it waits for")  # fmt: skip
    folder = workspace.round(last.id)
    current = Round(workspace, last.id)
    said = verdicts.read(workspace.reviews)
    before, review = before_review(current), workspace.settings.review
    found = places_in(current, before, said, review) if said else {}
    labels = overrule(current, folder, before, said, review)
    accepted, told = tables.ACCEPTED.read(folder.accepted), files.read_json(folder.certificate)
    check_revoked(workspace, workspace.settings)
    told = audits_now(current, labels, told, accepted, workspace.settings.accept)
    labels = with_truth_of_gold(labels, read_gold_csv(folder.gold))
    by_votes, about_votes = accepted_votes(labels, accepted, told, now)
    certificates = pd.Series([by_votes.get(item) for item in labels["item"]], labels.index, dtype=object)
    labels = labels.assign(
        source=_sources(labels), certificate=certificates, reviewer=_reviewers(labels, found)
    )
    waiting = labels["status"] == "in review"
    parts = [labels if in_review else labels[~waiting]]
    accepted = accepted[~accepted["item"].isin(labels["item"])]
    about = acceptance_words(told, len(accepted))
    if told["state"] == "issued" and now >= datetime.fromisoformat(told["certificate"]["expires_at"]):
        about = (f"{len(accepted)} labels of the model are left out: their certificate has expired at "
                f"{told['certificate']['expires_at'][:10]}; `labelloop settle` makes another")  # fmt: skip
        accepted = accepted.iloc[:0]
    elif told.get(BROKEN):
        about = f"{len(accepted)} labels of the model are left out: {told[BROKEN]}"
        accepted = accepted.iloc[:0]
    if not people_only:
        named = accepted[["item", "label", "confidence", "certificate"]]
        parts.append(_unvoted(named, labels, source="model", split="", round=last.id))
    exported = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    exported = exported.sort_values("item", ignore_index=True)
    prepared = datasets.open_prepared(workspace.data)
    table = exported[list(COLUMNS)]
    if everything:
        # What the file calls the status is the source of every label here.
        more = flat_labels(exported, tuple(prepared.classes)).drop(columns="status")
        more["arm"] = exported["arm"]
        table = pd.concat([table, more.drop(columns=table.columns, errors="ignore")], axis="columns")
    rows = prepared.pool.rows_of(table["item"].tolist()) if columns else np.zeros(0, dtype=np.int64)
    for name in columns:
        if name in table:
            raise DataError(f"--columns {name!r}: this export has a column of that name; rename the data's")
        table[name] = prepared.pool.values(name, "--columns", rows)
    write_table(table, out)
    sources, counts = np.unique(exported["source"].astype(str), return_counts=True)
    return {
        "round": last.id,
        "rows": {str(name): int(count) for name, count in zip(sources, counts, strict=True)},
        "unlabeled": len(prepared.pool) - len(exported) - (0 if in_review else int(waiting.sum())),
        "waiting": 0 if in_review else int(waiting.sum()),
        "certificate": about,
        "by_votes": about_votes,
    }


def with_truth_of_gold(labels: pd.DataFrame, gold: Mapping[str, str]) -> pd.DataFrame:
    """Labels, and the truth of gold that nobody was asked about, in the place of what came with the data.

    Args:
        labels: columns of `tables.LABELS`.
        gold: true labels by item.
    """
    labels = labels[~((labels["status"] == "given") & labels["item"].isin(list(gold)))]
    unheard = sorted(set(gold) - set(labels["item"]))
    known = pd.DataFrame({"item": unheard, "label": [gold[item] for item in unheard]})
    if known.empty:
        return labels
    rows = _unvoted(known, labels, confidence=1.0, status="gold", split="gold", gold=True)
    return pd.concat([labels, rows], ignore_index=True) if len(labels) else rows


def _unvoted(rows: pd.DataFrame, labels: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """Rows with every column of `labels`, of which these values and no votes are known."""
    empty: dict[str, Any] = {"gold": False, "method": "", "parameters": ""} | WITHOUT_VOTES | values
    rows = rows.assign(**{name: value for name, value in empty.items() if name in labels})
    lists: dict[str, pd.Series] = {
        name: pd.Series([[] for _ in range(len(rows))], rows.index, dtype=object) for name in LISTS
    }
    nothing = pd.Series([None] * len(rows), rows.index, dtype=object)
    missing = {str(name): nothing for name in labels if name not in rows and name not in lists}
    return rows.assign(**lists, **missing)[list(labels.columns)]


def _sources(labels: pd.DataFrame) -> pd.Series:
    """Where each label comes from; the status where that says it."""
    voted = labels["status"] == "fused"
    return labels["status"].mask(voted, labels["gold"].map({True: "gold", False: "people"}))


def _reviewers(labels: pd.DataFrame, found: Mapping[str, Place]) -> pd.Series:
    """Who has said what the label is, where it rests on their word."""
    who = {
        item: ", ".join(dict.fromkeys(one.by for one in place.words if one.label == place.label))
        for item, place in found.items()
        if place.words
    }
    return pd.Series([who.get(item) for item in labels["item"]], labels.index, dtype=object)


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
            f"{voted['accepted']} labels by votes name no certificate any more: {voted[BROKEN]}",
        )
    standing = labels.loc[labels["status"] == "fused", ["item", "label"]].merge(
        vouched_for(accepted, told, now), on=["item", "label"]
    )
    return dict(zip(standing["item"], standing["certificate"], strict=True)), about
