"""One record an annotator: accuracy on gold and against the others, errors, speed, and what looks wrong.

The others' opinion about an item is the leave-one-out consensus (`consensus`), with annotators who copy each
other (`copying`) left out together. `kappa` is Cohen's between an annotator's answers and that opinion, and
`spam_score` is 1 - max(0, kappa): 0 for somebody who always agrees with the others, 1 for answers that have
nothing to do with the items, be they drawn at random or always the same.

An annotator is flagged

- `spam`: kappa with 1.645 standard errors added is below half of the crowd's median kappa, on `LEAST_JUDGED`
  answers or more;
- `copying`: found in a pair by `copying`;
- `drift`: the order of right and wrong answers, on gold or against the others, has a chance below
  `DRIFT_LEVEL`, corrected (Holm) for the number of annotators and for the two looks at each, beside what the
  crowd did with such items at the time; needs times;
- `too fast`: more than `MOST_TOO_FAST` of the answers took less than `FAST` of the crowd's median time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from labelloop.annotators.answers import SECONDS, Answers
from labelloop.annotators.consensus import Others, consensus_of_others
from labelloop.annotators.copying import Copying, copying_pairs, holm
from labelloop.annotators.drift import Change, change_point
from labelloop.annotators.patterns import subset
from labelloop.evaluation.intervals import wilson
from labelloop.fusion.base import Votes

LEAST_JUDGED = 20
DRIFT_LEVEL = 0.01
FAST = 0.3
MOST_TOO_FAST = 0.3
MOST_CONFUSIONS = 200
"""Cells of a confusion matrix that are kept, the greatest first."""
BINS = 10


@dataclass(frozen=True)
class Share:
    """So many of so many, with Wilson's 95% interval; None without any."""

    hits: int
    of: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Record:
    """What votes say about one annotator."""

    annotator: str
    items: int
    """Items answered."""
    repeats: int
    """Answers about items that were answered before."""
    gold: Share
    consensus: Share
    """Against the others, on the items about which they are not undecided."""
    kappa: float | None
    spam_score: float | None
    confusion: list[tuple[str, str, int]]
    """True class (gold, or else the others'), answer, how often: the `MOST_CONFUSIONS` greatest cells."""
    confusion_cells: int
    """How many cells there are."""
    bias: dict[str, float]
    """Answered share of a class less the others' share of it, on the same items; the greatest first."""
    median_seconds: float | None
    too_fast: Share
    consistency: Share
    """Of repeated questions, how often the answer was the same as before."""
    copies: list[str]
    drift: dict[str, Change]
    """By `gold` and `consensus`; p-values are not corrected for the number of annotators."""
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Quality:
    """All annotators, by name, and what their records rest on."""

    records: list[Record]
    copying: Copying
    groups: list[list[str]]
    others: Others
    fast_below: float | None
    """Seconds under which an answer counts as too fast; None without times."""


def annotator_quality(answers: Answers, gold: np.ndarray | None = None) -> Quality:
    """A record for each annotator.

    Args:
        answers: see `answers.read_answers`.
        gold: shape (n_items,), int64: true class, -1 where unknown, -2 where no vote's class is right.
    """
    votes = answers.votes
    copying = copying_pairs(votes)
    groups = copying.groups(len(votes.annotators))
    others = consensus_of_others(votes, groups)
    truth = np.full(len(votes.item), -1) if gold is None else gold[votes.item]
    judged = others.label >= 0
    order = _time_order(answers.standing)
    drift = {
        "gold": _drift(votes, votes.label == truth, truth != -1, others, order),
        "consensus": _drift(votes, votes.label == others.label, judged, others, order),
    }
    drifted = _corrected([one.p_value for found in drift.values() for one in found])
    drifted = drifted.reshape(len(drift), -1).min(axis=0) < DRIFT_LEVEL
    kappa, error, n_judged = _kappa(subset(votes, judged), others.label[judged])
    usual = kappa[n_judged >= LEAST_JUDGED]
    usual_kappa = float(np.median(usual[~np.isnan(usual)])) if (~np.isnan(usual)).any() else 0.0
    spam = (n_judged >= LEAST_JUDGED) & (kappa + 1.645 * error < usual_kappa / 2)
    seconds = answers.standing[SECONDS].to_numpy() if SECONDS in answers.standing else None
    fast_below = _fast_below(votes, seconds)
    same, asked_again = _consistency(answers)
    names = [str(name) for name in votes.annotators]
    partners = _partners(copying, names)
    reference = np.where(truth != -1, truth, others.label)
    by_annotator = np.split(np.argsort(votes.annotator, kind="stable"),
                            np.cumsum(np.bincount(votes.annotator, minlength=len(names)))[:-1])  # fmt: skip
    records = []
    for code, rows in enumerate(by_annotator):
        known, seen = truth[rows] != -1, judged[rows]
        taken = None if seconds is None else seconds[rows][~np.isnan(seconds[rows])]
        flags = ["spam"] * bool(spam[code]) + ["copying"] * bool(partners[code])
        flags += ["drift"] * bool(drifted[code])
        fast = _share(0, 0)
        if taken is not None and fast_below is not None:
            fast = _share(int((taken < fast_below).sum()), len(taken))
            flags += ["too fast"] * (len(taken) >= 10 and fast.hits > MOST_TOO_FAST * fast.of)
        confusion = _confusion(votes, rows, reference)
        records.append(
            Record(
                annotator=names[code],
                items=len(rows),
                repeats=int(asked_again[code]),
                gold=_share(int((votes.label[rows] == truth[rows])[known].sum()), int(known.sum())),
                consensus=_share(int((votes.label[rows] == others.label[rows])[seen].sum()), int(seen.sum())),
                kappa=None if np.isnan(kappa[code]) else float(kappa[code]),
                spam_score=None if np.isnan(kappa[code]) else float(1 - max(0.0, kappa[code])),
                confusion=confusion[:MOST_CONFUSIONS],
                confusion_cells=len(confusion),
                bias=_bias(votes, rows[reference[rows] >= 0], reference),
                median_seconds=float(np.median(taken)) if taken is not None and len(taken) else None,
                too_fast=fast,
                consistency=_share(int(same[code]), int(asked_again[code])),
                copies=partners[code],
                drift={kind: found[code] for kind, found in drift.items() if found[code].outcomes},
                flags=flags,
            )
        )
    return Quality(
        records, copying, [[names[code] for code in group] for group in groups], others, fast_below
    )


def _share(hits: int, of: int) -> Share:
    if not of:
        return Share(0, 0, None, None, None)
    return Share(hits, of, hits / of, *wilson(hits, of))


def _time_order(standing: pd.DataFrame) -> np.ndarray | None:
    """Positions of votes in the order of time; None where no times are known."""
    if "answered_at" not in standing:
        return None
    order: np.ndarray = np.argsort(standing["answered_at"].to_numpy(dtype="datetime64[ns]"), kind="stable")
    return order


def _drift(
    votes: Votes, right: np.ndarray, known: np.ndarray, others: Others, order: np.ndarray | None
) -> list[Change]:
    """Each annotator's likeliest fall."""
    n_annotators = len(votes.annotators)
    none = Change(0, float("nan"), 0, float("nan"), float("nan"))
    if order is None or not known.any():
        return [none] * n_annotators
    usual = _usual_rate(right, known, others.chance, order)
    kept = order[known[order]]
    sorted_rows = kept[np.argsort(votes.annotator[kept], kind="stable")]
    ends = np.cumsum(np.bincount(votes.annotator[sorted_rows], minlength=n_annotators))
    return [change_point(right[rows], usual[rows]) for rows in np.split(sorted_rows, ends[:-1])]


def _corrected(p_values: list[float]) -> np.ndarray:
    """Chances corrected (Holm) for how many were looked at; infinite where there is none."""
    p = np.array(p_values)
    corrected = np.full(len(p), np.inf)
    corrected[~np.isnan(p)] = holm(p[~np.isnan(p)])
    return corrected


def _usual_rate(right: np.ndarray, known: np.ndarray, chance: np.ndarray, order: np.ndarray) -> np.ndarray:
    """How often the crowd is right on items about which the others are as sure, in the same stretch of time.

    So neither harder items nor a task that gets harder for everybody looks like one person's drift.
    """
    sure = np.where(np.isnan(chance), -1.0, chance)
    edges = np.unique(np.quantile(sure[known], np.linspace(0, 1, BINS + 1)[1:-1]))
    usual = _means(right, known, np.searchsorted(edges, sure, side="right"))
    stretch = np.empty(len(order), dtype=np.int64)
    stretch[order] = np.arange(len(order)) * BINS // max(len(order), 1)
    return usual + _means(right - usual, known, stretch)


def _means(values: np.ndarray, known: np.ndarray, group: np.ndarray) -> np.ndarray:
    """For each row, the mean of the known values in its group; 0 where there are none."""
    total = np.bincount(group[known], weights=values[known], minlength=int(group.max(initial=0)) + 1)
    many = np.bincount(group[known], minlength=len(total))
    means: np.ndarray = (total / np.maximum(many, 1))[group]
    return means


def _kappa(votes: Votes, opinion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cohen's kappa of each annotator with the others' opinion, a standard error, and on how many answers.

    The error takes the chance agreement for known: sqrt(p_o (1 - p_o) / n) / (1 - p_e), as Cohen (1960).
    """
    n_annotators, n_classes = len(votes.annotators), len(votes.classes)
    n = np.bincount(votes.annotator, minlength=n_annotators)
    hits = np.bincount(votes.annotator, weights=votes.label == opinion, minlength=n_annotators)
    said, said_n = np.unique(votes.annotator * n_classes + votes.label, return_counts=True)
    meant, meant_n = np.unique(votes.annotator * n_classes + opinion, return_counts=True)
    both, in_said, in_meant = np.intersect1d(said, meant, return_indices=True)
    together = (said_n[in_said] * meant_n[in_meant]).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        by_chance = np.bincount(both // n_classes, weights=together, minlength=n_annotators) / n**2.0
        share = hits / n
        kappa = np.where(by_chance < 1 - 1e-12, (share - by_chance) / (1 - by_chance), np.nan)
        error = np.sqrt(share * (1 - share) / n) / (1 - by_chance)
    return kappa, error, n


def _fast_below(votes: Votes, seconds: np.ndarray | None) -> float | None:
    if seconds is None or np.isnan(seconds).all():
        return None
    table = pd.DataFrame({"annotator": votes.annotator, "seconds": seconds}).dropna()
    return FAST * float(table.groupby("annotator")["seconds"].median().median())


def _consistency(answers: Answers) -> tuple[np.ndarray, np.ndarray]:
    """Of each annotator: repeats that gave the answer before, and repeats."""
    table = answers.table
    if "answered_at" in table:
        table = table.sort_values("answered_at", kind="stable")
    before = table.groupby(["item", "annotator"], sort=False)["label"].shift()
    again = before.notna().to_numpy()
    code = np.searchsorted(answers.votes.annotators.astype(str), table["annotator"].to_numpy(dtype=str))
    n = len(answers.votes.annotators)
    same = again & (before == table["label"]).to_numpy()
    return np.bincount(code[same], minlength=n), np.bincount(code[again], minlength=n)


def _partners(copying: Copying, names: list[str]) -> list[list[str]]:
    partners: list[list[str]] = [[] for _ in names]
    for one, other in zip(copying.one[copying.found], copying.other[copying.found], strict=True):
        partners[one].append(names[other])
        partners[other].append(names[one])
    return [sorted(found) for found in partners]


def _confusion(votes: Votes, rows: np.ndarray, reference: np.ndarray) -> list[tuple[str, str, int]]:
    rows = rows[reference[rows] >= 0]
    n_classes = len(votes.classes)
    cells, count = np.unique(reference[rows] * n_classes + votes.label[rows], return_counts=True)
    order = np.lexsort((cells, -count))
    return [
        (votes.classes[cell // n_classes], votes.classes[cell % n_classes], int(many))
        for cell, many in zip(cells[order], count[order], strict=True)
    ]


def _bias(votes: Votes, rows: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    if not len(rows):
        return {}
    said = np.bincount(votes.label[rows], minlength=len(votes.classes)) / len(rows)
    meant = np.bincount(reference[rows], minlength=len(votes.classes)) / len(rows)
    difference = said - meant
    order = np.lexsort((np.arange(len(difference)), -np.abs(difference)))[:20]
    return {votes.classes[code]: float(difference[code]) for code in order if said[code] or meant[code]}
