"""Fuse a file of votes that came from anywhere: `labelloop fuse VOTES --out LABELS`."""

from __future__ import annotations

import difflib
import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.errors import DataError
from labelloop.evaluation.intervals import wilson
from labelloop.fusion import make_fuser
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import calibration_told
from labelloop.fusion.coding import code_votes
from labelloop.fusion.text_table import read_text_table

ALSO_CALLED = {
    "item": ("task", "item_id", "task_id", "question", "example", "id"),
    "annotator": ("worker", "annotator_id", "worker_id", "user", "rater", "performer", "labeler", "labeller"),
    "label": ("truth", "answer", "value", "response", "vote", "class", "annotation", "gold", "choice"),
}
"""What other people's files call our columns; used in messages only."""


def read_votes(
    path: str | Path,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
    classes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read votes from CSV, TSV (both also .gz), Parquet or JSON lines.

    Returns:
        Columns item, annotator and label, all text, in the file's order; and answered_at (UTC) where the
        file has a column of that name.

    Raises:
        DataError: no such file, no such column, an empty value, a label that is not among `classes`, or a
            time that cannot be read; says where and what to do. Rows count from 1, without the header.
    """
    path = Path(path)
    table = read_text_table(path)
    names = {"item": item_column, "annotator": annotator_column, "label": label_column}
    for role, name in names.items():
        _require(table, name, role, path)
    if len(set(names.values())) < len(names):
        raise DataError(f"item, annotator and label must be three columns, not {list(names.values())}")
    votes = table[list(names.values())].set_axis(list(names), axis="columns")
    if votes.empty:
        raise DataError(f"{path} has a header but no votes")
    for role, name in names.items():
        _refuse_blank(votes[role], name, path)
    if classes is not None:
        strange = ~votes["label"].isin(classes)
        if strange.any():
            row = int(strange.to_numpy().argmax())
            value = votes["label"].iloc[row]
            near = difflib.get_close_matches(value, classes, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"classes: {', '.join(classes[:20])}"
            raise DataError(f"{path}, row {row + 1}, column {label_column!r}: {value!r} is not one of the "
                            f"{len(classes)} classes; {hint}")  # fmt: skip
    if "answered_at" in table.columns:
        votes["answered_at"] = _times(table["answered_at"], path)
    return votes


def read_gold(path: str | Path, item_column: str = "item", label_column: str = "label") -> pd.DataFrame:
    """Read true labels: columns item and label, as text; rows without a label are left out.

    The file may name its columns as the votes do (`item_column`, `label_column`), or item and label, or
    item and truth.

    Raises:
        DataError: see `read_votes`.
    """
    path = Path(path)
    table = read_text_table(path)
    columns = []
    for names in ((item_column, "item"), (label_column, "label", "truth")):
        found = [name for name in names if name in table.columns]
        if not found:
            raise DataError(f"{path} has no column {names[-1]!r}; it has {', '.join(table.columns[:20])}; "
                            "gold needs the columns item and label (or truth), so rename one")  # fmt: skip
        columns.append(found[0])
    gold = table[columns].set_axis(["item", "label"], axis="columns")
    _refuse_blank(gold["item"], columns[0], path)
    return gold[gold["label"] != ""].reset_index(drop=True)


def fuse_file(
    votes_path: str | Path,
    out_path: str | Path,
    *,
    method: str = "auto",
    options: Mapping[str, Any] | None = None,
    gold_path: str | Path | None = None,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
    classes: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Fuse a file of votes into a file of labels and say what was found.

    LABELS (.csv, .csv.gz or .parquet) has one row an item, sorted: item, label, confidence, votes,
    agreeing, tie, entropy (of the posterior, in nats), margin (between the two likeliest classes), method,
    raw_confidence (before calibration, where there was one), gold (whether the label is gold, where the
    method takes gold), and one column `posterior.<class>` a class.

    A method that learns from gold is given it: known items get their gold label and the confidence of the
    others is calibrated. What gold says about the accuracy is measured on labels fused without it.

    Args:
        classes: the classes and their order, which decides ties. Default: the labels in the votes, as
            numbers where all are numbers, otherwise by name.

    Returns:
        method, reason and temperature (where the method tells them), calibration (whether confidence means
        what it says, in words), items, annotators, votes, votes_per_item
        (mean), repeats_dropped, ties, classes, out, and gold: None, or a mapping of items (with gold),
        compared, correct, accuracy with its 95% Wilson interval (accuracy_low, accuracy_high), ties (among
        those compared), contradicting (items that the file gives several labels, left out), without_votes,
        and unknown_classes (labels that no vote had; counted as wrong).

    Raises:
        DataError: the votes, the gold or the name of the output are not as they must be.
        SettingsError: the method or an option is not known.
    """
    out_path = Path(out_path)
    check_suffix(out_path)
    fuser = make_fuser(method, options)
    gold = None if gold_path is None else read_gold(gold_path, item_column, label_column)
    table = read_votes(votes_path, item_column, annotator_column, label_column, classes)
    votes = code_votes(table, in_order(set(table["label"])) if classes is None else classes)
    blind = fusion = fuser(votes)
    gold_items = 0
    if gold is not None:
        codes = _gold_codes(votes, gold)
        fusion, gold_items = fuser(votes, gold=codes), int((codes >= 0).sum())
    write_table(label_table(votes, fusion), out_path)
    chosen = {"reason": fusion.reason} if fusion.reason else {}
    calibration = {} if fusion.temperature is None else {"temperature": fusion.temperature}
    return {
        "method": fusion.method,
        **chosen,
        **calibration,
        "calibration": calibration_told(fusion, gold_items),
        "items": len(votes.items),
        "annotators": len(votes.annotators),
        "votes": len(votes.label),
        "votes_per_item": len(votes.label) / len(votes.items),
        "repeats_dropped": len(table) - len(votes.label),
        "ties": int(fusion.tie.sum()),
        "classes": list(votes.classes),
        "out": str(out_path),
        "gold": None if gold is None else compare_with_gold(label_table(votes, blind), gold, votes.classes),
    }


def in_order(labels: Iterable[str]) -> list[str]:
    """Class names as people would list them: '2' before '10', everything else by name."""
    names = sorted(labels)
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def label_table(votes: Votes, fusion: Fusion) -> pd.DataFrame:
    """The table of LABELS; see `fuse_file`."""
    posterior = fusion.posterior
    n_items = len(posterior)
    best = np.partition(np.column_stack([np.zeros(n_items), posterior]), -2, axis=1)
    logarithm = np.log(posterior, out=np.zeros_like(posterior), where=posterior > 0)
    labels = pd.DataFrame(
        {
            "item": votes.items,
            "label": np.asarray(votes.classes, dtype=object)[fusion.label],
            "confidence": posterior[np.arange(n_items), fusion.label],
            "votes": np.bincount(votes.item, minlength=n_items),
            "agreeing": np.bincount(
                votes.item[votes.label == fusion.label[votes.item]], minlength=n_items
            ),
            "tie": fusion.tie,
            "entropy": np.maximum(0.0, 0.0 - (posterior * logarithm).sum(axis=1)),
            "margin": best[:, -1] - best[:, -2],
            "method": fusion.method,
        }
    )  # fmt: skip
    if fusion.raw is not None:
        labels["raw_confidence"] = fusion.raw[np.arange(n_items), fusion.label]
    if fusion.gold is not None:
        labels["gold"] = fusion.gold
    shares = pd.DataFrame(posterior, columns=[f"posterior.{name}" for name in votes.classes])
    return pd.concat([labels, shares], axis="columns")


def compare_with_gold(labels: pd.DataFrame, gold: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """How many labels agree with gold; see `fuse_file` for what is told."""
    clear, contradicting = _without_contradictions(gold)
    compared = clear.merge(labels[["item", "label", "tie"]], on="item", suffixes=("_gold", ""))
    correct, n = int((compared["label"] == compared["label_gold"]).sum()), len(compared)
    low, high = wilson(correct, n) if n else (None, None)
    return {
        "items": int(gold["item"].nunique()),
        "compared": n,
        "correct": correct,
        "accuracy": correct / n if n else None,
        "accuracy_low": low,
        "accuracy_high": high,
        "ties": int(compared["tie"].sum()),
        "contradicting": len(contradicting),
        "without_votes": len(clear) - n,
        "unknown_classes": sorted(set(compared["label_gold"]) - set(classes)),
    }


def _without_contradictions(gold: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Gold with one row an item, and the items that it gave several labels."""
    gold = gold.drop_duplicates()
    contradicting = np.asarray(gold["item"][gold["item"].duplicated()].unique())
    return gold[~gold["item"].isin(contradicting)], contradicting


def _gold_codes(votes: Votes, gold: pd.DataFrame) -> np.ndarray:
    """Gold as a fusion method takes it; labels that no vote had are left out."""
    clear, _ = _without_contradictions(gold)
    truth = clear.set_index("item")["label"].reindex(votes.items)
    return np.asarray(pd.Categorical(truth, categories=list(votes.classes)).codes, dtype=np.int64)


def _require(table: pd.DataFrame, name: str, role: str, path: Path) -> None:
    if name in table.columns:
        return
    columns = [str(column) for column in table.columns]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        raise DataError(f"{path} has one column only, {columns[0]!r}; separate its columns by commas, or "
                        "call a file separated by tabs .tsv")  # fmt: skip
    lower = {column.lower(): column for column in reversed(columns)}
    near = [lower[word] for word in (name.lower(), *ALSO_CALLED[role]) if word in lower]
    near += difflib.get_close_matches(name, columns, n=1)
    flag = f"--{role}-column"
    hint = f"did you mean {near[0]!r}? Say {flag} {near[0]!r}" if near else f"name another with {flag}"
    raise DataError(f"{path} has no column {name!r}; it has {', '.join(columns[:20])}; {hint}")


def _refuse_blank(values: pd.Series, name: str, path: Path) -> None:
    blank = (values == "").to_numpy()
    if blank.any():
        more = f" (and {blank.sum() - 1} more rows)" if blank.sum() > 1 else ""
        raise DataError(f"{path}, row {blank.argmax() + 1}: column {name!r} is empty{more}; fill it in or "
                        "delete the row")  # fmt: skip


def _times(text: pd.Series, path: Path) -> pd.Series:
    times = pd.to_datetime(text, utc=True, errors="coerce", format="ISO8601")
    if times.isna().any():
        row = int(times.isna().to_numpy().argmax())
        raise DataError(f"{path}, row {row + 1}, column 'answered_at': {text.iloc[row]!r} is not a time "
                        "such as 2025-01-31T12:00:00Z; correct it, or rename the column")  # fmt: skip
    return times


def check_suffix(path: Path) -> None:
    """Refuse a name that says no format a table can be written in."""
    if not path.name.lower().endswith((".csv", ".csv.gz", ".parquet")):
        raise DataError(f"{path}: labels are written as .csv, .csv.gz or .parquet; name the file so")


def write_table(labels: pd.DataFrame, path: Path) -> None:
    """Write by the name's ending; equal tables give equal bytes."""
    if path.name.lower().endswith(".parquet"):
        import pyarrow as pa

        from labelloop.tables import write_arrow

        write_arrow(pa.Table.from_pandas(labels, preserve_index=False), path)
        return
    content = labels.to_csv(index=False, lineterminator="\n").encode()
    # A gzip header holds the time of writing, unless told otherwise.
    files.write_bytes(path, gzip.compress(content, mtime=0) if path.suffix.lower() == ".gz" else content)
