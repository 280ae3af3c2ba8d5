"""`labelloop review`: write the queue, take in what reviewers said."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import asdict
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
from labelloop.reviewing.gate_queue import Desk, gates_as_csv, known_gate, waiting_rows
from labelloop.reviewing.gates import Place, gate_counts
from labelloop.reviewing.queue import RANDOM, as_csv, queue_of
from labelloop.reviewing.random_slice import slice_of
from labelloop.reviewing.round_list import STILL_UNSURE
from labelloop.spreadsheet import unplain
from labelloop.stages.overruling import places_in
from labelloop.stages.review_list import shown_texts
from labelloop.stages.runner import Round
from labelloop.stages.snapshot import before_review
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
    labels = before_review(current)
    said = verdicts.read(workspace.reviews)
    entries = queue_of(
        labels,
        _given_up(workspace),
        classes=prepared.classes,
        unsure_below=unsure_below,
        at_random=at_random,
        seed=current.settings.campaign.seed,
        probabilities=_out_of_fold(current, prepared, labels) if ask_model else None,
        done=verdicts.standing(said),
        drawn_before={one.item for one in said if one.reason == RANDOM},
        worth_it=_left_to_reviewers(workspace),
        accepted=frozenset(tables.ACCEPTED.read(current.folder.accepted)["item"]),
    )
    columns = current.settings.annotation.payload_columns
    files.write_text(out, as_csv(entries, lambda items: shown_texts(prepared, items, columns)))
    return {"round": current.id, "rows": dict(Counter(entry.reason for entry in entries)), "out": str(out)}


def write_gate_queue(workspace: Workspace, out: Path, gate: str) -> dict[str, Any]:
    """Write what waits at one of the review gates of params.yaml to a CSV.

    Returns:
        rows by why they wait, round, out.

    Raises:
        SettingsError: there is no such gate.
        LabelloopError: no round is closed yet.
    """
    known_gate(workspace.settings.review, gate)
    current = _last(workspace)
    prepared = datasets.open_prepared(workspace.data)
    labels = before_review(current)
    rows = waiting_rows(labels, _places_now(workspace, current), gate)
    columns = current.settings.annotation.payload_columns
    files.write_text(out, gates_as_csv(rows, lambda items: shown_texts(prepared, items, columns)))
    why = Counter("; ".join(row.place.why) or "another reviewer" for row in rows)
    return {"round": current.id, "rows": dict(why), "out": str(out)}


def take_verdicts(workspace: Workspace, path: Path, by: str, now: datetime, gate: str = "") -> dict[str, Any]:
    """Take in a filled queue: rows with an answer; the others stay on the queue. All of it, or nothing.

    Args:
        gate: at which review gate, where the file has no column that says it.

    Returns:
        taken (new ones), known (taken in before), blank, and the state of `summary`.

    Raises:
        DataError: a row names no item of the pool, an answer is none of the classes, or it is not for this
            reviewer, at this gate, now, to give it.
        SettingsError: there is no such gate.
    """
    by = by.strip()
    if not by:
        raise DataError("who has reviewed? Name somebody with --by")
    prepared = datasets.open_prepared(workspace.data)
    ids = set(prepared.pool.ids)
    current = _last(workspace)
    asked = set(tables.ASKED.read(current.folder.asked)["item"])
    known = asked | set(tables.LABELS.read(current.folder.labels)["item"])
    desk = Desk(workspace.settings.review, by, lambda: _places_now(workspace, current))
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
        told = {name: unplain((row.get(name) or "").strip()) for name in ("reason", "label", "gate", "note")}
        try:
            at_gate = desk.admit(item, told["gate"], gate)
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}. Nothing was taken in") from None
        at = now.isoformat(timespec="seconds")
        said.append(
            verdicts.verdict(item, answer, by, at, told["reason"], told["label"], at_gate, told["note"])
        )
    taken = verdicts.append(workspace.reviews, said)
    return {"taken": taken, "known": len(said) - taken, "blank": blank} | summary(workspace)


def summary(workspace: Workspace) -> dict[str, Any]:
    """What all verdicts say: reviewed and overturned items, and how many labels the random slice finds wrong.

    `error` with `error_low` and `error_high` (Wilson, 95%) is the share of labels by votes that are wrong,
    from the reviewed items of the random slice alone (`drawn`; `undone` of it have no verdict yet); the
    others were chosen for being doubtful. None without any. `gates` has the counts of each review gate.
    """
    said = verdicts.read(workspace.reviews)
    current, review = _last(workspace), workspace.settings.review
    seed = current.settings.campaign.seed
    labels = before_review(current)
    votes = labels[labels["status"] == "fused"].set_index("item")["label"]
    standing = verdicts.standing(said)
    by_chance = {one.item for one in said if one.reason == RANDOM}
    in_slice = slice_of(votes.index.astype(str), seed, by_chance)
    drawn = [item for item in in_slice if item in standing]
    wrong = sum(standing[item].label != votes[item] for item in drawn)
    low, high = wilson(wrong, len(drawn)) if drawn else (None, None)
    found = _places_now(workspace, current) if review.gates else {}
    return {
        "reviewed": len(standing),
        "overturned": sum(one.was not in ("", one.label) for one in standing.values()),
        "drawn": len(drawn),
        "undone": len(in_slice) - len(drawn),
        "error": wrong / len(drawn) if drawn else None,
        "error_low": low,
        "error_high": high,
        "gates": [asdict(one) for one in gate_counts(found, said, review, seed)],
    }


def _places_now(workspace: Workspace, current: Round) -> dict[str, Place]:
    said, review = verdicts.read(workspace.reviews), workspace.settings.review
    return places_in(current, before_review(current), said, review, _given_up(workspace))


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


def _left_to_reviewers(workspace: Workspace) -> list[str]:
    """Items that the newest choice found worth a verdict rather than a vote; see `stages/one_scale.py`."""
    chosen = [folder.selection for folder in workspace.rounds() if folder.selection.exists()]
    looks = files.read_json(chosen[-1]).get("second_looks", {}) if chosen else {}
    return [str(item) for item in looks.get("for_review", [])]


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
