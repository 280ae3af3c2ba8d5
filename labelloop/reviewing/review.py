"""`labelloop review`: write the queue, take in what reviewers said."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from labelloop import datasets, files, tables
from labelloop.errors import DataError, LabelloopError
from labelloop.ledger import Ledger
from labelloop.reviewing import verdicts
from labelloop.reviewing.gate_queue import (
    Desk,
    gates_as_csv,
    in_reading_order,
    is_hidden,
    known_gate,
    waiting_rows,
    why_it_waits,
)
from labelloop.reviewing.gates import Place, gate_counts
from labelloop.reviewing.handed_out import Handed, hand_out
from labelloop.reviewing.overturning import by_reason, random_slice
from labelloop.reviewing.queue import RANDOM, as_csv, is_blind, mixed, queue_of
from labelloop.reviewing.queue_page import refuse_page, write_page
from labelloop.reviewing.random_slice import slice_of
from labelloop.reviewing.round_list import given_up_items
from labelloop.reviewing.verdicts import Verdict
from labelloop.reviewing.written_queues import WrittenQueues
from labelloop.settling import uncounted
from labelloop.spreadsheet import unplain
from labelloop.stages.overruling import places_in
from labelloop.stages.review_queue import accepted_in, held_out_words, labels_by_votes, left_to_reviewers
from labelloop.stages.runner import Round
from labelloop.stages.shown_items import Shown, shown_items
from labelloop.stages.snapshot import before_review
from labelloop.workspace import Workspace


def write_queue(
    workspace: Workspace,
    out: Path,
    *,
    now: datetime,
    unsure_below: float | None = None,
    at_random: int,
    ask_model: bool,
    blind: bool = True,
) -> dict[str, Any]:
    """Write the queue as of the last closed round to a CSV, and note what it holds.

    Args:
        now: with a time zone; what certificates are measured by.
        unsure_below: confidence below which a label is unsure; None: what params.yaml says.
        blind: whether it shows the items alone, mixed; otherwise what is known of those that are not drawn
            at random, the most doubtful first.

    Returns:
        rows by reason, round, out, queue (its id), page (of its pictures; None without any), classes,
        at_gates (by review gate, reviewed labels of the random slice that it still holds: they are on its
        list alone).

    Raises:
        DataError: `out` is named as the page would be.
        LabelloopError: no round is closed yet.
    """
    refuse_page(out)
    current = _last(workspace)
    prepared = datasets.open_prepared(workspace.data)
    labels = before_review(current)
    said = verdicts.read(workspace.reviews)
    entries = queue_of(
        labels,
        _given_up(workspace),
        classes=prepared.classes,
        unsure_below=workspace.settings.review.unsure_below if unsure_below is None else unsure_below,
        at_random=at_random,
        seed=current.settings.campaign.seed,
        probabilities=held_out_words(current, prepared, labels) if ask_model else None,
        done=verdicts.standing(said),
        drawn_before={one.item for one in said if one.reason == RANDOM},
        worth_it=_newest_choice(workspace),
        accepted=accepted_in(current.folder, labels, now, workspace.settings.accept),
    )
    entries = mixed(entries, current.settings.campaign.seed) if blind else entries
    noted = {one.item: Handed(one.reason, one.label, is_blind(one, blind)) for one in entries}
    name = hand_out(workspace.queues, current.id, noted)
    shown = _shown(workspace, current, [entry.item for entry in entries])
    texts = {item: one.text for item, one in shown.items()}
    files.write_text(out, as_csv(entries, texts, name=name, blind=blind))
    rows = dict(Counter(entry.reason for entry in entries))
    return {"round": current.id, "rows": rows, "out": str(out), "queue": name,
            "page": write_page(out, shown), "classes": list(prepared.classes),
            "at_gates": _drawn_at_gates(workspace, current, labels, said)}  # fmt: skip


def write_gate_queue(workspace: Workspace, out: Path, gate: str, *, blind: bool = True) -> dict[str, Any]:
    """Write what waits at one of the review gates of params.yaml to a CSV, and note what it holds.

    Args:
        blind: whether it shows the items alone; otherwise what is known, and what others have said, of those
            that the gate has not drawn.

    Returns:
        rows by why they wait, round, out, queue (its id), page (of their pictures; None without any),
        classes.

    Raises:
        DataError: `out` is named as the page would be.
        SettingsError: there is no such gate.
        LabelloopError: no round is closed yet.
    """
    refuse_page(out)
    known_gate(workspace.settings.review, gate)
    current = _last(workspace)
    prepared = datasets.open_prepared(workspace.data)
    labels = before_review(current)
    rows = waiting_rows(labels, _places_now(workspace, current), gate)
    rows = in_reading_order(rows, current.settings.campaign.seed, blind=blind)
    noted = {row.item: Handed(why_it_waits(row), row.label, is_hidden(row, blind)) for row in rows}
    name = hand_out(workspace.queues, current.id, noted)
    shown = _shown(workspace, current, [row.item for row in rows])
    texts = {item: one.text for item, one in shown.items()}
    files.write_text(out, gates_as_csv(rows, texts, name=name, blind=blind))
    why = Counter(why_it_waits(row) or "another reviewer" for row in rows)
    return {"round": current.id, "rows": dict(why), "out": str(out), "queue": name,
            "page": write_page(out, shown), "classes": list(prepared.classes)}  # fmt: skip


def take_verdicts(workspace: Workspace, path: Path, by: str, now: datetime, gate: str = "") -> dict[str, Any]:
    """Take in a filled queue: rows with an answer; the others stay on the queue. All of it, or nothing.

    Args:
        gate: at which review gate rows are taken in that name none; empty: see `Desk.admit`.

    Returns:
        taken (new ones), known (taken in before), blank, uncounted (see `settling`), and the state of
        `summary`.

    Raises:
        DataError: a row names no item of the pool, an answer is none of the classes, it is not for this
            reviewer, at this gate, now, to give it, or the queue that the row names does not hold the item.
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
    written = WrittenQueues(workspace)
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
        cells = {name: unplain((cell or "").strip()) for name, cell in row.items() if isinstance(cell, str)}
        try:
            shown = written.row(item, cells)
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}. Nothing was taken in") from None
        if item not in known:
            raise DataError(f"{path}, line {number}: nobody was asked about item {item!r} yet, so there is "
                            "nothing to review. Nothing was taken in")  # fmt: skip
        if answer not in prepared.classes:
            raise DataError(f"{path}, line {number}, column answer: {answer!r} is none of the classes "
                            f"{', '.join(prepared.classes[:20])}. Nothing was taken in")  # fmt: skip
        try:
            at_gate = desk.admit(item, cells.get("gate", ""), gate)
        except DataError as error:
            raise DataError(f"{path}, line {number}: {error}. Nothing was taken in") from None
        at, note = now.isoformat(timespec="seconds"), cells.get("note", "")
        said.append(
            verdicts.verdict(item, answer, by, at, shown.reason, shown.label, at_gate, note, shown.blind)
        )
    taken = verdicts.append(workspace.reviews, said)
    counts = {"taken": taken, "known": len(said) - taken, "blank": blank, "uncounted": uncounted(workspace)}
    return counts | summary(workspace)


def summary(workspace: Workspace) -> dict[str, Any]:
    """What all verdicts say: reviewed items, those whose label is another one now than when somebody first
    reviewed it (overturned), and how many labels the random slice finds wrong.

    `error` with `error_low` and `error_high` (Wilson, 95%) is the share of labels by votes that are wrong,
    from the reviewed items of the random slice alone (`drawn`; `undone` of it have no verdict yet); the
    others were chosen for being doubtful. None without any. `reasons` has how many were overturned by why
    they were shown, `gates` the counts of each review gate.
    """
    said = verdicts.read(workspace.reviews)
    current, review = _last(workspace), workspace.settings.review
    seed = current.settings.campaign.seed
    votes = labels_by_votes(before_review(current))
    drawn = random_slice(said, votes, seed)
    low, high = drawn.interval
    found = _places_now(workspace, current) if review.gates else {}
    standing = {item: one.label for item, one in verdicts.standing(said).items()}
    standing |= {item: place.label for item, place in found.items() if item in standing and place.label}
    first = {one.item: one.was for one in reversed(said)}
    return {
        "reviewed": len(standing),
        "overturned": sum(first[item] not in ("", label) for item, label in standing.items()),
        "drawn": drawn.reviewed,
        "undone": drawn.missing,
        "error": drawn.share,
        "error_low": low,
        "error_high": high,
        "reasons": [asdict(one) for one in by_reason(said, votes, seed)],
        "gates": [asdict(one) for one in gate_counts(found, said, review, seed)],
    }


def _shown(workspace: Workspace, current: Round, items: Sequence[str]) -> dict[str, Shown]:
    if not items:
        return {}
    prepared = datasets.open_prepared(workspace.data)
    return shown_items(prepared, items, current.settings.annotation.payload_columns, workspace.root)


def _places_now(workspace: Workspace, current: Round) -> dict[str, Place]:
    said, review = verdicts.read(workspace.reviews), workspace.settings.review
    return places_in(current, before_review(current), said, review, _given_up(workspace))


def _drawn_at_gates(
    workspace: Workspace, current: Round, labels: pd.DataFrame, said: Sequence[Verdict]
) -> dict[str, int]:
    if not workspace.settings.review.gates:
        return {}
    drawn = {one.item for one in said if one.reason == RANDOM}
    items = slice_of(labels_by_votes(labels), current.settings.campaign.seed, drawn)
    done, found = verdicts.standing(said), _places_now(workspace, current)
    return dict(Counter(found[item].waits_at for item in items if item in done and found[item].waits_at))


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


def _newest_choice(workspace: Workspace) -> list[str]:
    """What the newest choice has left to reviewers, though its round may not be closed. A round that asks
    nobody has chosen nothing."""
    ledger = Ledger.read(workspace.ledger)
    names = [*ledger.rounds, *([ledger.open.id] if ledger.open else [])]
    rounds = (Round(workspace, name) for name in reversed(names))
    chose = (one for one in rounds if one.folder.selection.exists() and not one.settles)
    newest = next(chose, None)
    return [] if newest is None else left_to_reviewers(newest.folder)


def _given_up(workspace: Workspace) -> list[str]:
    """Items that people gave up, of every round's review list, each once."""
    lists = (workspace.round(name).review for name in Ledger.read(workspace.ledger).rounds)
    return list(
        dict.fromkeys(item for path in lists for item in given_up_items(path.read_text(encoding="utf-8")))
    )
