"""What a set of replayed curves says: which strategy pays, and how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labelloop.evaluation.curve import normalised_area

SHARES = (0.90, 0.95, 0.98)
RESAMPLES = 2000


def summarise(curves: pd.DataFrame, full: dict[int, float], baseline: str = "random") -> dict[str, Any]:
    """Per strategy: area under the curve, labels to reach shares of the full-pool accuracy, and wins.

    Args:
        curves: columns strategy, seed, labels, accuracy.
        full: accuracy by seed of the learner trained on every label of the pool.

    Returns:
        full_pool_accuracy (mean), seeds, and `strategies`: by name area (mean), final_accuracy (mean),
        labels_to (by share: mean over the seeds that got there, and how many did) and against_baseline
        (difference in area, its 95% paired bootstrap interval over seeds, wins, ties, losses).
    """
    areas = {
        (strategy, seed): normalised_area(points["labels"].to_numpy(), points["accuracy"].to_numpy())
        for (strategy, seed), points in curves.groupby(["strategy", "seed"], sort=True)
    }
    seeds = sorted(full)
    names = list(dict.fromkeys(curves["strategy"]))
    strategies = {}
    for name in names:
        mine = curves[curves["strategy"] == name]
        last = mine.groupby("seed")["accuracy"].last()
        strategies[name] = {
            "area": float(np.mean([areas[name, seed] for seed in seeds])),
            "final_accuracy": float(last.mean()),
            "labels_to": {f"{share:.0%}": _labels_to(mine, full, share) for share in SHARES},
            "against_baseline": None
            if name == baseline or baseline not in names
            else _paired(np.array([areas[name, s] - areas[baseline, s] for s in seeds])),
        }
    return {
        "full_pool_accuracy": float(np.mean(list(full.values()))),
        "seeds": len(seeds),
        "baseline": baseline if baseline in names else None,
        "strategies": strategies,
    }


def _labels_to(curves: pd.DataFrame, full: dict[int, float], share: float) -> dict[str, Any]:
    """Labels at which each seed's curve first has this share of its full-pool accuracy."""
    reached = []
    for seed, points in curves.groupby("seed", sort=True):
        there = points[points["accuracy"] >= share * full[int(str(seed))]]
        if len(there):
            reached.append(int(there["labels"].iloc[0]))
    return {"mean": float(np.mean(reached)) if reached else None, "seeds": len(reached)}


def _paired(differences: np.ndarray) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    drawn = rng.choice(differences, size=(RESAMPLES, len(differences))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "area_difference": float(differences.mean()),
        "low": float(low) if len(differences) > 1 else None,
        "high": float(high) if len(differences) > 1 else None,
        "wins": int((differences > 0).sum()),
        "ties": int((differences == 0).sum()),
        "losses": int((differences < 0).sum()),
    }
