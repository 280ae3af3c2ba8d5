"""What a campaign has learned, spent and saved, and what it will still need: in words, off its files.

Without pandas: `labelloop status` reads this.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labelloop import files, stopping
from labelloop.campaign import CampaignSettings
from labelloop.round_folder import RoundFolder

Rows = Sequence[Mapping[str, Any]]
"""The learning curve: labels, votes, cost, hours and accuracy a round, whether it `settles`, and whether it
`only_looks` again."""

KEPT = ("labels", "test_items", "votes", "cost", "hours", "accuracy", "accuracy_low", "accuracy_high")


def read_prospects(folder: RoundFolder, rows: Rows, settings: CampaignSettings) -> dict[str, Any]:
    """Of a campaign's newest closed round.

    Args:
        settings: params.yaml as it is now; the rules are held against it.

    Returns:
        learned, spent, saved and to_come (sentences), savings and forecast (as in their files; None where a
        round has none), rules (as in stopping.json) and cannot_fire.
    """
    savings = files.read_json(folder.savings)
    projected = savings.get("projected") or {}
    said = (savings["sentence"], projected.get("sentence"), savings.get("roi_sentence"))
    forecast = files.read_json(folder.forecast) if folder.forecast.exists() else None
    progress = stopping.Progress(
        settings.stopping, settings.budget, stopping.summaries(rows), pool_left=0,
        signals=stopping.read_signals(folder.stopping),
    )  # fmt: skip
    return {
        "learned": learned(rows),
        "spent": spent(rows, settings.annotation.currency),
        "saved": " ".join(text for text in said if text),
        "to_come": to_come(forecast),
        "savings": savings,
        "forecast": forecast,
        "rules": [dataclasses.asdict(found) for found in stopping.findings(progress)],
        "cannot_fire": stopping.cannot_fire(settings),
    }


def learned(rows: Rows) -> str:
    """How far the model has come, and what the newest labels did."""
    first, last = rows[0], rows[-1]
    if len(rows) == 1:
        return f"{last['labels']} labels gave {last['accuracy']:.1%} accuracy."
    before = rows[-2]
    moved = 100 * (last["accuracy"] - before["accuracy"])
    newest = f"the last {last['labels'] - before['labels']}"
    if last.get("settles", False):
        newest = f"{last['round']}, which asked nobody,"
    if last.get("only_looks", False):
        newest = f"{last['round']}, which only looked again,"
    return (
        f"From {first['accuracy']:.1%} with {first['labels']} labels to {last['accuracy']:.1%} with "
        f"{last['labels']}; {newest} moved it by {moved:+.1f} points."
    )


def spent(rows: Rows, currency: str) -> str:
    """Money, answers and time so far, and what the newest labels cost apiece."""
    last = rows[-1]
    text = f"{last['cost']:.2f} {currency} for {last['votes']} votes in {duration(last['hours'] / 24)}"
    labels = last["labels"] - rows[-2]["labels"] if len(rows) > 1 else 0
    if not labels or last.get("settles", False) or last.get("only_looks", False):
        return text + "."
    return f"{text}; the last labels cost {(last['cost'] - rows[-2]['cost']) / labels:.3f} {currency} each."


def to_come(forecast: Mapping[str, Any] | None) -> str:
    """The forecast, and how good earlier ones were."""
    if forecast is None:
        return ""
    from labelloop.evaluation.forecast import said_of_earlier

    return f"{forecast['sentence']} {said_of_earlier(forecast['judged'])}".strip()


def duration(days: float) -> str:
    """Days, or hours or minutes where that is too coarse."""
    if days >= 2:
        return f"{days:.1f} days"
    return f"{24 * days:.1f} hours" if 24 * days >= 1 else f"{1440 * days:.0f} minutes"


def as_pairs(prospects: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Subjects and what is said of each, then the rules, then what can never fire."""
    pairs = [
        (name, prospects[key])
        for name, key in (("learned", "learned"), ("spent", "spent"), ("saved", "saved"),
                          ("to come", "to_come"))
        if prospects[key]
    ]  # fmt: skip
    pairs += [("fires" if rule["fires"] else "rule", rule["sentence"]) for rule in prospects["rules"]]
    return pairs + [("note", sentence) for sentence in prospects["cannot_fire"]]


def as_lines(prospects: Mapping[str, Any]) -> list[str]:
    """The same, a line each."""
    return [f"{name:<10}{says}" for name, says in as_pairs(prospects)]


def read_curve(path: Path) -> list[dict[str, Any]]:
    """Rows of a round's learning_curve.csv: round, what kind it is, and the columns `KEPT` as numbers."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            {"round": row["round"]}
            | {kind: row.get(kind) == "True" for kind in ("settles", "only_looks")}
            | {name: _number(row[name]) for name in KEPT}
            for row in csv.DictReader(stream)
        ]


def read_twin(path: Path) -> dict[int, float]:
    """Accuracy of the random twins by labels; empty where the campaign has none."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {int(row["labels"]): float(row["accuracy"]) for row in csv.DictReader(stream)}


def _number(text: str) -> float | int | None:
    return None if not text else float(text) if any(mark in text for mark in ".einf") else int(text)
