"""Which way of running the campaign would have paid, at the same money, and how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from labelloop.errors import SettingsError

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Parts of the money at which accuracies are told."""
FEW_SEEDS = 5
CLOSE = 0.01
"""Accuracy that may be missing for a smaller budget to be named beside the best."""


def at_money(curves: pd.DataFrame, money: np.ndarray) -> pd.DataFrame:
    """Accuracy by money, between rounds by a straight line.

    Args:
        curves: columns trial, seed, cost, accuracy.
        money: shape (n,), ascending.

    Returns:
        Columns trial, seed, money, accuracy; no row where a trial had not yet a model, or spent less.
    """
    parts = []
    for (trial, seed), points in curves.groupby(["trial", "seed"], sort=False):
        cost = points["cost"].to_numpy(dtype=np.float64)
        inside = money[(money >= cost[0] - 1e-9) & (money <= cost[-1] + 1e-9)]
        accuracy = np.interp(inside, cost, points["accuracy"].to_numpy(dtype=np.float64))
        parts.append(pd.DataFrame({"trial": trial, "seed": seed, "money": inside, "accuracy": accuracy}))
    return pd.concat(parts, ignore_index=True)


def compare_at_money(
    curves: pd.DataFrame, *, own: str | None, currency: str, coverage: float = 0.95
) -> dict[str, Any]:
    """Compare all trials at the most money that every one of them has spent with every seed.

    Differences are paired by seed: trials of a seed share the test set, the learner and the first draw.

    Args:
        curves: columns trial, seed, labels, cost, accuracy, ascending within a trial and seed.
        own: the trial that params.yaml describes, if it is among them.

    Returns:
        money, seeds, coverage, trials (a list, best first: trial, accuracy with low and high, labels bought,
        behind the best with low and high, as_good: the interval of the difference holds 0), budgets (of the
        best: money, accuracy, low, high at parts of the money), cheapest (trial and money: the least for
        which any trial comes within a point of the best), best, recommended, own, left_out
        (trials without a model for that money) and sentence.
    """
    ends = curves.groupby(["trial", "seed"], sort=False)["cost"].max()
    money = float(ends.min())
    names = list(dict.fromkeys(curves["trial"]))
    reached = at_money(curves, np.array([money])).pivot(index="seed", columns="trial", values="accuracy")
    # Where the pool ends early for one trial, another may not have a model yet for that money.
    reached = reached.reindex(columns=names, index=curves["seed"].unique()).dropna(axis=1)
    left_out = [name for name in names if name not in reached]
    names = list(reached)
    if not names:
        raise SettingsError(
            f"no trial has a model for {money:.2f} {currency} with every seed, which is all that one of them "
            "can spend before the pool is used up; try smaller first batches, or fewer votes an item"
        )
    curves = curves[curves["trial"].isin(names)]
    best = str(reached.mean().idxmax())
    rows = []
    for name in sorted(names, key=lambda name: -reached[name].mean()):
        low, high = _interval(reached[name].to_numpy(), coverage)
        behind = (reached[best] - reached[name]).to_numpy()
        behind_low, behind_high = _interval(behind, coverage)
        mine = curves[curves["trial"] == name]
        labels = [
            float(np.interp(money, points["cost"], points["labels"])) for _, points in mine.groupby("seed")
        ]
        rows.append(
            {
                "trial": name,
                "accuracy": float(reached[name].mean()),
                "low": low,
                "high": high,
                "labels": float(np.mean(labels)),
                "behind": float(behind.mean()),
                "behind_low": behind_low,
                "behind_high": behind_high,
                "as_good": name == best or behind_low is None or behind_low <= 0,
            }
        )
    by_name = {row["trial"]: row for row in rows}
    recommended = own if own in by_name and by_name[own]["as_good"] else best
    found: dict[str, Any] = {
        "money": money, "seeds": len(reached), "coverage": coverage, "trials": rows, "best": best,
        "recommended": recommended, "own": own, "left_out": left_out,
    }  # fmt: skip
    found["budgets"] = _budgets(curves[curves["trial"] == recommended], money, coverage)
    found["cheapest"] = _cheapest(curves, float(reached[best].mean()) - CLOSE)
    return found | {"sentence": _sentence(found, currency)}


def _budgets(curves: pd.DataFrame, money: float, coverage: float) -> list[dict[str, Any]]:
    """What less money would have brought the recommended trial."""
    by_money = at_money(curves, money * np.array(SHARES))
    rows = []
    for part, points in by_money.groupby("money", sort=True):
        if points["seed"].nunique() < curves["seed"].nunique():
            continue
        low, high = _interval(points["accuracy"].to_numpy(), coverage)
        rows.append({"money": float(str(part)), "accuracy": float(points["accuracy"].mean()),
                     "low": low, "high": high})  # fmt: skip
    return rows


def _cheapest(curves: pd.DataFrame, accuracy: float) -> dict[str, Any] | None:
    """The trial whose mean over all seeds first has this accuracy, and the money it takes."""
    seeds = curves["seed"].nunique()
    means = (
        at_money(curves, grid_of_money(curves)).groupby(["trial", "money"])["accuracy"].agg(["mean", "size"])
    )
    there = means[(means["size"] == seeds) & (means["mean"] >= accuracy - 1e-9)].reset_index()
    if there.empty:
        return None
    first = there.sort_values(["money", "mean"], ascending=[True, False]).iloc[0]
    return {"trial": str(first["trial"]), "money": float(first["money"]), "accuracy": float(first["mean"])}


def _interval(values: np.ndarray, coverage: float) -> tuple[float | None, float | None]:
    """Of the mean over seeds, by Student's t; None with a single seed."""
    from scipy.stats import t

    if len(values) < 2:
        return None, None
    half = t.ppf((1 + coverage) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return max(-1.0, float(values.mean() - half)), min(1.0, float(values.mean() + half))


def _sentence(found: dict[str, Any], currency: str) -> str:
    rows = {row["trial"]: row for row in found["trials"]}
    chosen, own = rows[found["recommended"]], found["own"]
    spent = f"{found['money']:.2f} {currency}"
    text = f"With {spent}, {chosen['trial']} reaches {_percent(chosen)}"
    if len(rows) > 1:
        text += f", the best of {len(rows)}" if chosen["trial"] == found["best"] else ""
    text += "."
    others = [name for name, row in rows.items() if row["as_good"] and name != chosen["trial"]]
    if found["seeds"] == 1:
        text += " One seed tells nothing about chance; run several."
    elif own in rows and own == chosen["trial"]:
        text += " That is params.yaml's own strategy, batch size and overlap; nothing here is surely better."
        if own != found["best"]:
            text += f" {found['best']} was ahead by no more than chance explains."
    elif own in rows:
        row = rows[own]
        text += f" What params.yaml says ({own}) reaches {row['accuracy']:.1%}: {_points(row)} points less."
    elif others:
        text += f" Not surely worse: {'; '.join(others)}."
    before = [row for row in found["budgets"] if row["money"] < found["money"] * 0.9]
    if before:
        half = min(before, key=lambda row: abs(row["money"] - found["money"] / 2))
        text += f" {half['money']:.2f} {currency} would have brought {half['accuracy']:.1%}."
    cheapest = found["cheapest"]
    if cheapest and cheapest["money"] < 0.9 * found["money"]:
        text += (f" Within a point of the best for the least money: {cheapest['trial']}, "
                 f"{cheapest['accuracy']:.1%} with {cheapest['money']:.2f} {currency}.")  # fmt: skip
    if found["left_out"]:
        text += f" Without a model for so little money: {'; '.join(found['left_out'])}."
    if 1 < found["seeds"] < FEW_SEEDS:
        text += f" With {found['seeds']} seeds take this as a hint."
    return text


def _percent(row: dict[str, Any]) -> str:
    return f"{row['accuracy']:.1%}" + (
        "" if row["low"] is None else f" ({row['low']:.1%} to {row['high']:.1%})"
    )


def _points(row: dict[str, Any]) -> str:
    between = f" ({100 * row['behind_low']:.1f} to {100 * row['behind_high']:.1f})"
    return f"{100 * row['behind']:.1f}" + between


def grid_of_money(curves: pd.DataFrame, steps: int = 24) -> np.ndarray:
    """Money from the last first round to what every trial has spent: ascending, steps at most."""
    ends = curves.groupby(["trial", "seed"], sort=False)["cost"]
    return np.unique(np.linspace(float(ends.min().max()), float(ends.max().min()), steps))
