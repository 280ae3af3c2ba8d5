"""`labelloop review`: write the queue, take in what reviewers said."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import datasets, files, tables
from labelloop.datasets.base import Prepared
from labelloop.errors import DataError, LabelloopError
from labelloop.evaluation.intervals import wilson
from labelloop.ledger import Ledger
from labelloop.models.out_of_fold import out_of_fold
from labelloop.reviewing import verdicts
from labelloop.reviewing.queue import as_csv, queue_of
from labelloop.reviewing.round_list import STILL_UNSURE
from labelloop.spreadsheet import unplain
from labelloop.stages.runner import Round
from labelloop.stages.train import untrained
from labelloop.workspace import Workspace


def write_queue(
    workspace: Workspace, out: Path, *, unsure_below: float, at_random: int, ask_model: bool
) -> dict[str, Any]:
    """Write the queue as of the last closed round to a CSV.

    Returns:
        rows by reason, round, out.

    Raises:
        LabelloopError: no round is closed yet.
    """
    current = _last(workspace)
    prepared = datasets.open_prepared(workspace.data)
    labels = tables.LABELS.read(current.folder.labels)
    entries = queue_of(
        labels,
        _given_up(workspace),
        classes=prepared.classes,
        unsure_below=unsure_below,
        at_random=at_random,
        seed=current.settings.campaign.seed,
        probabilities=_out_of_fold(current, prepared, labels) if ask_model else None,
        done=verdicts.standing(verdicts.read(workspace.reviews)),
    )
    columns = current.settings.annotation.payload_columns

    def texts(items: Sequence[str]) -> dict[str, str]:
        payloads = prepared.pool.payload(prepared.pool.rows_of(list(items)), columns)
        return {
            item: " | ".join(str(value) for name, value in payload.items()
                             if isinstance(value, str) and name != "image")
            for item, payload in zip(items, payloads, strict=True)
        }  # fmt: skip

    files.write_text(out, as_csv(entries, texts))
    return {"round": current.id, "rows": dict(Counter(entry.reason for entry in entries)), "out": str(out)}


def take_verdicts(workspace: Workspace, path: Path, by: str, now: datetime) -> dict[str, Any]:
    """Take in a filled queue: rows with an answer; the others stay on the queue. All of it, or nothing.

    Returns:
        taken (new ones), known (taken in before), blank, and the state of `summary`.

    Raises:
        DataError: a row names no item of the pool, or an answer is none of the classes.
    """
    if not by.strip():
        raise DataError("who has reviewed? Name somebody with --by")
    prepared = datasets.open_prepared(workspace.data)
    ids = set(prepared.pool.ids)
    last = _last(workspace).folder
    known = set(tables.ASKED.read(last.asked)["item"]) | set(tables.LABELS.read(last.labels)["item"])
    said = []
    blank = 0
    for number, row in _rows(path):
        answer, item = (unplain((row.get(name) or "").strip()) for name in ("answer", "item"))
        if not answer:
            blank += 1
            continue
        if item not in ids:
            raise DataError(f"{path}, line {number}: item {item!r} is not in the pool. Nothing was taken in")
        if item not in known:
            raise DataError(f"{path}, line {number}: nobody was asked about item {item!r} yet, so there is "
                            "nothing to review. Nothing was taken in")  # fmt: skip
        if answer not in prepared.classes:
            raise DataError(f"{path}, line {number}, column answer: {answer!r} is none of the classes "
                            f"{', '.join(prepared.classes[:20])}. Nothing was taken in")  # fmt: skip
        reason, was = (unplain((row.get(name) or "").strip()) for name in ("reason", "label"))
        said.append(verdicts.verdict(item, answer, by, now.isoformat(timespec="seconds"), reason, was))
    taken = verdicts.append(workspace.reviews, said)
    return {"taken": taken, "known": len(said) - taken, "blank": blank} | summary(workspace)


def summary(workspace: Workspace) -> dict[str, Any]:
    """What all verdicts say: reviewed and overturned items, and the wrong share of labels by the random ones.

    `error` with `error_low` and `error_high` (Wilson, 95%) comes from items that were drawn at random
    alone; the others were chosen for being doubtful. None without any.
    """
    standing = verdicts.standing(verdicts.read(workspace.reviews)).values()
    drawn = [one for one in standing if one.reason == "random"]
    wrong = sum(one.label != one.was for one in drawn)
    low, high = wilson(wrong, len(drawn)) if drawn else (None, None)
    return {
        "reviewed": len(standing),
        "overturned": sum(one.was not in ("", one.label) for one in standing),
        "drawn": len(drawn),
        "error": wrong / len(drawn) if drawn else None,
        "error_low": low,
        "error_high": high,
    }


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = {"item", "answer"} - set(reader.fieldnames or ())
            if missing:
                raise DataError(f"{path} has no column {sorted(missing)[0]!r}; fill in what `labelloop "
                                "review` has written")  # fmt: skip
            return [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise DataError(f"{path} is not there") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is not a CSV in UTF-8: {error}") from None


def _last(workspace: Workspace) -> Round:
    last = Ledger.read(workspace.ledger).last_closed
    if last is None:
        raise LabelloopError(f"{workspace.root} has no closed round, so there is nothing to review yet; "
                             "`labelloop status` says what it waits for")  # fmt: skip
    return Round(workspace, last.id)


def _given_up(workspace: Workspace) -> list[str]:
    """Items of every round's review list, each once."""
    items: dict[str, None] = {}
    for entry in Ledger.read(workspace.ledger).rounds.values():
        for _, row in _rows_of_list(workspace.round(entry.id).review):
            if not row["reason"].startswith(STILL_UNSURE):
                items[unplain(row["item"])] = None
    return list(items)


def _rows_of_list(path: Path) -> list[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(enumerate(csv.DictReader(stream)))


def _out_of_fold(current: Round, prepared: Prepared, labels: pd.DataFrame) -> np.ndarray:
    """What models trained without an item say of it; shape (n_labels, n_classes). None is asked about test
    items or gold, which no model may learn from."""
    unheard = set(labels.loc[labels["split"] != "train", "item"])
    ask = out_of_fold(untrained(current, prepared), prepared, current.settings.fusion.folds, unheard)
    code = {name: number for number, name in enumerate(prepared.classes)}
    codes = labels["label"].map(code).to_numpy(dtype=np.int64)
    return ask(labels["item"].to_numpy(dtype=object), codes)
