"""What the learner made of the unlabeled pool, in words and as figures for MLflow; from model/pool.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labelloop import files
from labelloop.ledger import POOL_REASON, read_frozen
from labelloop.round_folder import RoundFolder

MOST = 8
"""Classes that are listed one by one."""


def pool_words(model: Path, classes: Sequence[str]) -> str:
    """For the round's report: which fit was taken and why, and what it took of the pool.

    Args:
        model: the round's model/.
        classes: names in the order of their codes.

    Returns:
        Sentences; empty where the learner was not asked to use the pool.
    """
    path = model / "pool.json"
    if not path.exists():
        return ""
    about = files.read_json(path)
    told = about.get("pseudo_labels")
    if told:
        return f"{about['reason']} {_pseudo_labels(told, classes)}"
    if about["chosen"] == "graph" and about.get("shown"):
        return f"{about['reason']} Its graph has {about['shown']} items of the pool and the labeled ones."
    return str(about["reason"])


def read_learner(folder: RoundFolder) -> str | None:
    """Of a closed round: what was trained, and what became of the unlabeled pool; None without its model."""
    if not (folder.model / "learner.json").exists():
        return None  # it may not have been pulled
    learner, path = files.read_json(folder.model / "learner.json"), folder.model / "pool.json"
    gate = files.read_json(path)["reason"] if path.exists() else ""
    why = read_frozen(folder.settings)[0].get(POOL_REASON, "")
    return " ".join(part for part in (f"The model of {folder.id} is {learner['name']}.", gate, why) if part)


def pool_metrics(model: Path) -> dict[str, float | None]:
    """For MLflow: 1 where the fit that uses the pool was taken and 0 where it was not; its pseudo-labels.

    Nothing where the learner was not asked to use the pool.
    """
    path = model / "pool.json"
    if not path.exists():
        return {}
    about = files.read_json(path)
    used: dict[str, float | None] = {"pool_used": float(about["chosen"] not in (None, "plain"))}
    told = about.get("pseudo_labels")
    if not told:
        return used
    return used | {"pseudo_labels": told["items"], "pseudo_label_confidence": told["mean_confidence"]}


def _pseudo_labels(told: dict[str, Any], classes: Sequence[str]) -> str:
    items, looked_at = told["items"], told["looked_at"]
    if not items:
        return (
            f"None of the {looked_at} items of the pool that it looked at was sure enough for a pseudo-label."
        )
    each = sorted(zip(told["by_class"], classes, strict=True), key=lambda pair: -pair[0])
    said = [f"{name} {number}" for number, name in each if number]
    more = f" and {len(said) - MOST} more classes" if len(said) > MOST else ""
    return (
        f"{items} of the {looked_at} items of the pool that it looked at got a pseudo-label inside the fit "
        f"({', '.join(said[:MOST])}{more}), with a confidence of {told['least_confidence']:.1%} or more, "
        f"{told['mean_confidence']:.1%} on average. None is among people's labels."
    )
