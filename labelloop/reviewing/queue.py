"""Which labels somebody who knows more should look at, in which order, as a table to fill in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from labelloop import files
from labelloop.annotators.confident import contradicted
from labelloop.reviewing.random_slice import is_gold, resting_on_votes, to_draw
from labelloop.spreadsheet import sheet

OPEN = ("item", "reason", "label", "confidence", "votes", "model_says", "text", "answer", "note", "queue")
BLIND = ("item", "text", "answer", "note", "queue")
"""Columns of a queue that shows what is known of doubtful labels, and of one that shows nothing."""

RANDOM = "random"
WORTH_IT = "worth a verdict"
GIVEN_UP, UNSURE, DISAGREES = "given up", "unsure", "model disagrees"
REASONS = (GIVEN_UP, UNSURE, WORTH_IT, DISAGREES, RANDOM)


@dataclass(frozen=True)
class Entry:
    """One item to look at."""

    item: str
    reason: str
    label: str = ""
    """Empty where people could give none."""
    confidence: float | None = None
    votes: int = 0
    model_says: str = ""


def queue_of(
    labels: pd.DataFrame,
    given_up: Iterable[str],
    *,
    classes: Sequence[str],
    unsure_below: float,
    at_random: int,
    seed: int,
    probabilities: np.ndarray | None,
    done: Mapping[str, object],
    drawn_before: Collection[str] = (),
    worth_it: Sequence[str] = (),
    accepted: Collection[str] = (),
) -> list[Entry]:
    """Items to review: the ones people gave up, then unsure ones, then those of which a verdict tells more
    for its money than a vote, then those a model contradicts, then some at random, which alone tell how good
    the labels are.

    An item stands once, for the first of these reasons, but the random ones are drawn before, from all labels
    that rest on votes. Gold is never on the queue: its label is known.

    Args:
        labels: columns of `tables.LABELS`, as votes and the data have them.
        given_up: items that people skipped or that are gone from the tool; on the queue if that has left them
            without a label, or with an unsure one.
        unsure_below: confidence below which a label is unsure; ties are, too.
        at_random: how many are drawn.
        probabilities: shape (n_labels, n_classes), out-of-fold, NaN where the model may not be asked; None
            without a model.
        done: items that have a verdict already.
        drawn_before: those of them that got it because they were drawn at random.
        worth_it: items that the newest round has left to reviewers, those first that are worth most.
        accepted: items whose label by votes needs no further person: they are on the queue if drawn only.
    """
    voted = resting_on_votes(labels)
    gold = labels.loc[is_gold(labels), "item"].astype(str)
    drawn = to_draw(voted["item"].astype(str), seed, drawn_before, done, at_random)
    voted = voted[~voted["item"].isin(list(done))]
    by_item = {str(row["item"]): row for row in voted.to_dict("records")}
    entries: dict[str, Entry] = {}

    def add(item: str, reason: str, model_says: str = "") -> None:
        if reason != RANDOM and item in accepted:
            return
        row = by_item.get(item)
        if row is None:
            entry = Entry(item, reason)
        else:
            entry = Entry(
                item, reason, str(row["label"]), float(row["confidence"]), int(row["votes"]), model_says
            )
        entries.setdefault(item, entry)

    for item in drawn:
        add(item, RANDOM)
    for item in sorted(set(given_up) - set(done) - set(gold)):
        # Two of three answers may be enough to be sure of a label.
        if item not in by_item or by_item[item]["confidence"] < unsure_below:
            add(item, GIVEN_UP)
    unsure = voted[(voted["confidence"] < unsure_below) | voted["tie"]]
    for item in unsure.sort_values(["confidence", "item"])["item"]:
        add(str(item), UNSURE)
    for item in worth_it:
        if item in by_item:
            add(item, WORTH_IT)
    if probabilities is not None and len(labels):
        code = {name: number for number, name in enumerate(classes)}
        codes = labels["label"].map(code).to_numpy(dtype=np.int64)
        said = contradicted(codes, probabilities)
        margin = probabilities[np.arange(len(codes)), np.maximum(said, 0)]
        for row in sorted(
            np.flatnonzero(said >= 0), key=lambda row: (-margin[row], labels["item"].iloc[row])
        ):
            item = str(labels["item"].iloc[row])
            if item in by_item:
                add(item, DISAGREES, classes[said[row]])
    return sorted(entries.values(), key=lambda entry: REASONS.index(entry.reason))


def shortened(entries: Sequence[Entry], most: Mapping[str, int]) -> list[Entry]:
    """The first entries of each reason, at most so many; all of a reason that `most` does not name."""
    kept: list[Entry] = []
    seen: Counter[str] = Counter()
    for entry in entries:
        seen[entry.reason] += 1
        if entry.reason not in most or seen[entry.reason] <= most[entry.reason]:
            kept.append(entry)
    return kept


def mixed(entries: Sequence[Entry], seed: int) -> list[Entry]:
    """The entries in an order that does not tell which of them are drawn at random.

    Both the drawn ones and the others stay in their own order: whoever reads a part of them has read the
    beginning of the random slice, without a gap, and the most doubtful of the others.
    """
    places: list[tuple[str, Entry]] = []
    for part in (True, False):
        mine = [entry for entry in entries if (entry.reason == RANDOM) == part]
        lots = sorted(files.digest_of(["queue", seed, entry.item]) for entry in mine)
        places += zip(lots, mine, strict=True)
    return [entry for _, entry in sorted(places, key=lambda place: place[0])]


def is_blind(entry: Entry, queue_is_blind: bool) -> bool:
    """Whether the row shows the item alone; one that is drawn at random does on every queue."""
    return queue_is_blind or entry.reason == RANDOM


def as_csv(
    entries: Sequence[Entry],
    texts: Mapping[str, str],
    *,
    name: str,
    blind: bool,
) -> str:
    """The queue as CSV; `answer` and `note` are empty, for the reviewer.

    Labels that are drawn at random prove how many are wrong, so what votes or a model say of them is never
    shown: it would lead the reviewer to agree.

    Args:
        texts: what items show, by item.
        name: the queue's id, see `handed_out`; in every row.
        blind: columns `BLIND`; otherwise `OPEN`, which are empty in the rows that are drawn at random.

    No cell is taken for a formula by a spreadsheet.
    """
    columns, rows = BLIND if blind else OPEN, []
    for entry in entries:
        row = {"item": entry.item, "reason": entry.reason, "queue": name,
               "text": " ".join(texts.get(entry.item, "").split())[:500]}  # fmt: skip
        if not is_blind(entry, blind):
            row |= {"label": entry.label, "votes": str(entry.votes), "model_says": entry.model_says,
                    "confidence": "" if entry.confidence is None else f"{entry.confidence:.3f}"}  # fmt: skip
        rows.append([row.get(column, "") for column in columns])
    return sheet(columns, rows)
