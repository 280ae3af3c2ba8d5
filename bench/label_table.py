"""Tables of the label-efficiency measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

SHARES = (0.90, 0.95, 0.98)
RESAMPLES = 2000
BASELINE = "random"

Results = Mapping[tuple[str, int, str], Mapping[str, Any]]


def labels_to(result: Mapping[str, Any], share: float) -> float:
    """Labels at which the curve first has `share` of the full-pool accuracy; infinite where it never has."""
    labels, reached = result["labels"], result["accuracy"]
    above = np.flatnonzero(reached >= share * result["full"])
    if len(above) == 0:
        return float("inf")
    at = above[0]
    if at == 0:
        return float(labels[0])
    rise = (share * result["full"] - reached[at - 1]) / (reached[at] - reached[at - 1])
    return float(labels[at - 1] + rise * (labels[at] - labels[at - 1]))


def area(result: Mapping[str, Any], most: float = float("inf")) -> float:
    """Area under the curve over the logarithm of the labels, up to `most` of them; between 0 and 1.

    The logarithm, because batches grow with the labels: on a plain axis the last rounds, where all strategies
    meet, would be most of the area.
    """
    used = result["labels"] <= most
    labels, reached = np.log(result["labels"][used]), result["accuracy"][used]
    return float(np.trapezoid(reached, labels) / (labels[-1] - labels[0]))


def print_tables(results: Results, arms: Sequence[str]) -> None:
    """One table a set, then the summary over the sets."""
    sets = list(dict.fromkeys(name for name, _, _ in results))
    rows = {name: {arm: _row(results, name, arm) for arm in arms} for name in sets}
    for name in sets:
        full = np.mean([r["full"] for (found, _, _), r in results.items() if found == name])
        print(f"\n{name}: full-pool accuracy {full:.3f}\n")
        print("| arm | seeds | labels to 90% | 95% | 98% | area - random | interval | wins/ties/losses |")
        print("|---|---|---|---|---|---|---|---|")
        for arm in arms:
            row = rows[name][arm]
            if row is None:
                continue
            reached = " | ".join(_number(row["labels"][share]) for share in SHARES)
            low, high = row["interval"]
            print(
                f"| {arm} | {row['seeds']} | {reached} | {row['gain']:+.3f} | {low:+.3f} to {high:+.3f} | "
                f"{row['wins']} |"
            )
    print(
        "\nOver the sets: labels as a share of random's (geometric mean; 95% interval by a bootstrap "
        "over the paired seeds of each set; sets where both got there)\n"
    )
    print(
        "| arm | sets x seeds | 90% | 95% | 98% | area - random | surely better / worse than random, sets | "
        "than margin |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for arm in arms:
        print(_summary(results, rows, sets, arm))


def _row(results: Results, name: str, arm: str) -> dict[str, Any] | None:
    seeds = sorted(s for found, s, a in results if found == name and a == arm)
    if not seeds:
        return None
    labels = {
        share: float(np.median([labels_to(results[name, s, arm], share) for s in seeds])) for share in SHARES
    }
    gains = _differences(results, name, arm, BASELINE)
    return {
        "seeds": len(seeds),
        "labels": labels,
        "gain": float(gains.mean()) if len(gains) else float("nan"),
        "interval": _interval(gains),
        "wins": f"{(gains > 0).sum()}/{(gains == 0).sum()}/{(gains < 0).sum()}",
        "against_margin": _interval(_differences(results, name, arm, "margin")),
    }


def _differences(results: Results, name: str, arm: str, other: str) -> np.ndarray:
    seeds = sorted(s for found, s, a in results if found == name and a == arm and (name, s, other) in results)
    differences = []
    for seed in seeds:
        mine, theirs = results[name, seed, arm], results[name, seed, other]
        most = min(mine["labels"][-1], theirs["labels"][-1])
        differences.append(area(mine, most) - area(theirs, most))
    return np.array(differences)


def _interval(differences: np.ndarray) -> tuple[float, float]:
    if len(differences) < 2:
        return float("nan"), float("nan")
    drawn = np.random.default_rng(0).choice(differences, size=(RESAMPLES, len(differences))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def ratio_to_baseline(
    results: Results, sets: Sequence[str], arm: str, share: float
) -> tuple[float, tuple[float, float], int]:
    """Labels that an arm needs for a share of the full-pool accuracy, over what random needs.

    In each set the geometric mean over the seeds where both get there, if those are more than half of them;
    of these means the geometric mean over the sets. The interval resamples the pairs of seeds within each
    set: it speaks of these sets, not of others.

    Returns:
        The ratio (NaN without a set), its 95% interval (NaN where a set has a single pair of seeds), and how
        many sets it is over.
    """
    logs = [found for name in sets if len(found := _log_ratios(results, name, arm, share))]
    if not logs:
        return float("nan"), (float("nan"), float("nan")), 0
    value = float(np.exp(np.mean([found.mean() for found in logs])))
    if min(len(found) for found in logs) < 2:
        return value, (float("nan"), float("nan")), len(logs)
    random = np.random.default_rng(0)
    drawn = [random.choice(found, size=(RESAMPLES, len(found))).mean(axis=1) for found in logs]
    low, high = np.exp(np.quantile(np.mean(drawn, axis=0), [0.025, 0.975]))
    return value, (float(low), float(high)), len(logs)


def _log_ratios(results: Results, name: str, arm: str, share: float) -> np.ndarray:
    """Of the seeds where the arm and random get there; empty where those are no more than half."""
    mine = {seed for found, seed, a in results if found == name and a == arm}
    seeds = sorted(seed for seed in mine if (name, seed, BASELINE) in results)
    pairs = [[labels_to(results[name, seed, who], share) for who in (arm, BASELINE)] for seed in seeds]
    both = [own / base for own, base in pairs if np.isfinite(own) and np.isfinite(base)]
    return np.log(both) if len(both) > len(pairs) / 2 else np.empty(0)


def _summary(results: Results, rows: Mapping[str, Mapping[str, Any]], sets: Sequence[str], arm: str) -> str:
    cells = []
    for share in SHARES:
        ratio, (low, high), count = ratio_to_baseline(results, sets, arm, share)
        interval = f", {low:.2f} to {high:.2f}" if np.isfinite(low) and arm != BASELINE else ""
        cells.append(f"{ratio:.2f}{interval} ({count})" if count else "-")
    found = [row for name in sets if (row := rows[name][arm]) is not None]
    if not found:
        return f"| {arm} | none | | | | | | |"
    fewest, most = (pick(row["seeds"] for row in found) for pick in (min, max))
    seeds = str(most) if fewest == most else f"{fewest}-{most}"
    gain = np.mean([row["gain"] for row in found])
    counts = []
    for key in ("interval", "against_margin"):
        better = sum(row[key][0] > 0 for row in found)
        worse = sum(row[key][1] < 0 for row in found)
        counts.append(f"{better} / {worse}")
    shares = " | ".join(cells)
    return f"| {arm} | {len(found)} x {seeds} | {shares} | {gain:+.3f} | {counts[0]} | {counts[1]} |"


def _number(value: float) -> str:
    return f"{value:.0f}" if np.isfinite(value) else "never"
