"""All that a file of votes says about agreement: `labelloop agreement VOTES`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop.annotators.agreement import agreement, class_agreement
from labelloop.annotators.answers import Answers, numbers_of, read_answers
from labelloop.annotators.pairs import Pairs, cohen
from labelloop.annotators.patterns import subset
from labelloop.errors import DataError, SettingsError
from labelloop.files import without_nan
from labelloop.fusion.base import Votes

MOST_ITEMS = 50
MOST_CLASSES = 200
MOST_SLICES = 50
EMPTY = "(empty)"
"""The slice of items whose column says nothing."""
STRETCHES = 8
LEAST_SHARED = 5
"""Items that a pair must share for its kappa to count in the mean."""


def agreement_of_file(
    path: str | Path,
    *,
    level: str | None = None,
    order: Sequence[str] | None = None,
    resamples: int = 200,
    seed: int = 0,
    slice_column: str | None = None,
    item_column: str = "item",
    annotator_column: str = "annotator",
    label_column: str = "label",
) -> dict[str, Any]:
    """Read votes and compute every coefficient of agreement.

    Args:
        level: nominal, ordinal or interval; what alpha takes the classes for. None: ordinal where they are
            given in an order, and else nominal.
        order: the classes in their order, for ordinal; numbers have theirs.
        resamples: bootstrap draws of items for the intervals.
        slice_column: report agreement for each value of this column too.

    Returns:
        See `agreement_summary`.

    Raises:
        DataError: the file is not as it must be, or its labels have no order or values.
        SettingsError: no such level, or one that takes no order.
    """
    level = level or ("ordinal" if order else "nominal")
    if order and level != "ordinal":
        raise SettingsError(f"--order is about ordinal labels, and --level is {level}; leave out one of them")
    answers = read_answers(
        path, item_column=item_column, annotator_column=annotator_column, label_column=label_column,
        slice_column=slice_column, classes=order, numbers=level != "nominal",
    )  # fmt: skip
    return agreement_summary(answers, level=level, ordered=order is not None, resamples=resamples, seed=seed)


def agreement_summary(
    answers: Answers, *, level: str = "nominal", ordered: bool = False, resamples: int = 200, seed: int = 0
) -> dict[str, Any]:
    """Every coefficient, JSON-like: no NaN, None where something is not defined.

    Returns:
        items, annotators, votes, repeats (answers that a later one replaced), classes (number), overall (see
        `Agreement`), by_class, by_slice and over_time (lists; empty where the file does not tell), pairs
        (each with `one`, `other`, shared, agreement, kappa, low, high), pairs_mean_kappa, disagreements (the
        items that divide people most) and annotators_named.
    """
    votes = answers.votes
    values = (
        numbers_of(votes.classes) if level == "interval" or (level == "ordinal" and not ordered) else None
    )
    if level == "ordinal" and values is not None and not (np.diff(values) >= 0).all():
        answers = _recoded(answers, values)
        votes, values = answers.votes, np.sort(values)
    options: dict[str, Any] = {"level": level, "values": values, "resamples": resamples, "seed": seed}
    pairs = cohen(votes)
    enough = (pairs.shared >= LEAST_SHARED) & ~np.isnan(pairs.kappa)
    by_class = class_agreement(votes, resamples=resamples, seed=seed)
    by_class.sort(key=lambda one: -one.votes)
    return {
        "items": len(votes.items),
        "annotators": len(votes.annotators),
        "votes": len(votes.label),
        "repeats": len(answers.table) - len(votes.label),
        "classes": len(votes.classes),
        "overall": _agreement(votes, options),
        "by_class": [without_nan(asdict(one)) for one in by_class[:MOST_CLASSES]],
        "by_slice": _by_slice(answers, options),
        "over_time": _over_time(answers, options),
        "pairs": _pair_rows(pairs, votes),
        "pairs_mean_kappa": float(pairs.kappa[enough].mean()) if enough.any() else None,
        "disagreements": disagreements(votes),
        "annotators_named": [
            {"annotator": str(name), "votes": int(count)}
            for name, count in zip(
                votes.annotators, np.bincount(votes.annotator, minlength=len(votes.annotators)), strict=True
            )
        ],
    }


def disagreements(votes: Votes, most: int = MOST_ITEMS) -> list[dict[str, Any]]:
    """The items with the greatest share of pairs of votes that differ; with more votes first among equals."""
    n_classes = len(votes.classes)
    keys, count = np.unique(votes.item * n_classes + votes.label, return_counts=True)
    item = keys // n_classes
    n = np.bincount(votes.item, minlength=len(votes.items)).astype(float)
    same = np.bincount(item, weights=count * (count - 1.0), minlength=len(n))
    apart = np.where(n > 1, 1 - same / np.maximum(n * (n - 1), 1), 0.0)
    first = np.lexsort((np.arange(len(n)), -n, -apart))[:most]
    found = []
    for code in first[apart[first] > 0]:
        begin, end = np.searchsorted(item, [code, code + 1])
        cells = sorted(zip(-count[begin:end], keys[begin:end] % n_classes, strict=True))
        found.append(
            {
                "item": str(votes.items[code]),
                "votes": int(n[code]),
                "disagreement": float(apart[code]),
                "answers": {votes.classes[label]: int(-many) for many, label in cells},
            }
        )
    return found


def _recoded(answers: Answers, values: np.ndarray) -> Answers:
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    votes = answers.votes
    classes = tuple(votes.classes[code] for code in order)
    recoded = Votes(votes.items, votes.annotators, classes, votes.item, votes.annotator, rank[votes.label])
    return Answers(answers.table, answers.standing, recoded)


def agreement_by_slice(votes: Votes, slices: Sequence[str], **options: Any) -> list[dict[str, Any]]:
    """Agreement within each slice, by its name, JSON-like: `slice` and the fields of `Agreement`.

    Args:
        slices: of each vote; shape (n_votes,).
        options: of `agreement`.
    """
    code, names = pd.factorize(np.asarray(slices, dtype=object), sort=True)
    return [
        {"slice": str(name) or EMPTY} | _agreement(subset(votes, code == number), options)
        for number, name in enumerate(names)
    ]


def _by_slice(answers: Answers, options: dict[str, Any]) -> list[dict[str, Any]]:
    if "slice" not in answers.standing:
        return []
    names = answers.standing["slice"].unique()
    if len(names) > MOST_SLICES:
        raise DataError(f"the slice column has {len(names)} values, such as {min(names)!r}; at most "
                        f"{MOST_SLICES} can be read side by side")  # fmt: skip
    return agreement_by_slice(answers.votes, answers.standing["slice"].tolist(), **options)


def _over_time(answers: Answers, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Agreement in stretches with as many items each, by the time of an item's last answer."""
    if "answered_at" not in answers.standing:
        return []
    votes = answers.votes
    time = answers.standing["answered_at"].to_numpy(dtype="datetime64[ns]")
    last = np.full(len(votes.items), np.datetime64("1677-09-22", "ns"))
    np.maximum.at(last, votes.item, time)
    shared = np.flatnonzero(np.bincount(votes.item, minlength=len(votes.items)) > 1)
    if len(shared) < 2:
        return []
    order = shared[np.lexsort((shared, last[shared]))]
    stretches = np.array_split(order, min(STRETCHES, max(len(order) // 10, 1)))
    found = []
    for stretch in stretches:
        inside = np.zeros(len(votes.items), dtype=bool)
        inside[stretch] = True
        found.append(
            {"from": _iso(last[stretch[0]]), "to": _iso(last[stretch[-1]])}
            | _agreement(subset(votes, inside[votes.item]), options)
        )
    return found


def _agreement(votes: Votes, options: dict[str, Any]) -> dict[str, Any]:
    """The fields of `Agreement`, JSON-like."""
    found: dict[str, Any] = without_nan(asdict(agreement(votes, **options)))
    return found


def _iso(time: np.datetime64) -> str:
    return pd.Timestamp(time).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pair_rows(pairs: Pairs, votes: Votes) -> list[dict[str, Any]]:
    columns = (pairs.one, pairs.other, pairs.shared, pairs.agreement, pairs.kappa, pairs.low, pairs.high)
    names = [str(name) for name in votes.annotators]
    return [
        {
            "one": names[one], "other": names[other], "shared": shared, "agreement": agree,
            "kappa": without_nan(kappa), "low": without_nan(low), "high": without_nan(high),
        }
        for one, other, shared, agree, kappa, low, high in zip(
            *(column.tolist() for column in columns), strict=True
        )
    ]  # fmt: skip
