"""Pictures of a campaign, the same bytes for the same numbers.

Figures are drawn without pyplot, so that no window is ever opened; the file's metadata holds no
time and no version. The palette is Okabe and Ito's (2008), made for colour-blind readers.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from labelloop import files

BLUE, ORANGE, GREEN, PINK, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
GREY, INK = "#767676", "#333333"
STYLE = {
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": "#E5E5E5",
    "svg.hashsalt": "labelloop",
    "text.parse_math": False,  # a class or title may hold dollar signs
}
MOST_NAMED_CLASSES = 40
MOST_NUMBERED_CLASSES = 20
MOST_MARKED_POINTS = 15


def learning_curve(
    curve: pd.DataFrame,
    path: Path,
    *,
    twin: pd.DataFrame | None = None,
    target: float | None = None,
    title: str | None = None,
    currency: str = "USD",
) -> None:
    """Draw accuracy against labels: the campaign, its control arm, and a random twin if there is one.

    Args:
        curve: columns of `evaluation.curve.TYPES`, at least one round.
        path: an .svg, or anything else for a PNG; written atomically.
        twin: the same campaign run with random batches: columns labels, accuracy, low, high.
        target: the accuracy at which the campaign stops.
        currency: of the cost, shown above.
    """
    from labelloop.evaluation.intervals import wilson

    with _figure(path, 7.2, 4.6) as figure:
        axes = figure.add_subplot()
        labels, accuracy = curve["labels"].to_numpy(float), curve["accuracy"].to_numpy(float)
        ends = [(labels[-1], accuracy[-1], "campaign", BLUE)]
        if twin is not None and len(twin):
            x, y = twin["labels"].to_numpy(float), twin["accuracy"].to_numpy(float)
            axes.fill_between(x, twin["low"], twin["high"], color=GREY, alpha=0.18, linewidth=0)
            axes.plot(x, y, color=GREY, linewidth=1.6, linestyle=(0, (4, 2)))
            ends.append((x[-1], y[-1], "random twin", GREY))
        band = (curve["accuracy_low"].to_numpy(float), curve["accuracy_high"].to_numpy(float))
        _points_with_interval(axes, labels, accuracy, band, color=BLUE)
        control = curve[curve["control_accuracy"].notna() & (curve["control_labels"].fillna(0) > 0)]
        if len(control):
            x = control["control_labels"].to_numpy(float)
            y = control["control_accuracy"].to_numpy(float)
            bounds = [wilson(round(a * n), n) for a, n in zip(y, control["test_items"], strict=True)]
            low, high = np.array(bounds).T
            _points_with_interval(axes, x, y, (low, high), color=RED, marker="D")
            # The first point, not the last: the control arm ends where the campaign's curve begins.
            axes.annotate("control arm", (x[0], y[0]), xytext=(9, 0), textcoords="offset points",
                          color=RED, fontsize=9.5, va="center",
                          bbox={"facecolor": "white", "alpha": 0.8, "pad": 1, "linewidth": 0})  # fmt: skip
        if target is not None:
            axes.axhline(target, color=GREEN, linewidth=1, linestyle=":")
            # Beside the picture, where names are moved apart: within it any curve may pass by.
            ends.append((labels[-1], target, f"target {target:.1%}", GREEN))
        _percent_axis(axes)
        axes.set_xlabel("labeled items")
        axes.set_ylabel(f"accuracy on {int(curve['test_items'].iloc[-1])} test items")
        if title:
            axes.set_title(title, pad=14)
        axes.set_xlim(left=0)
        _name_ends(axes, ends)
        _cost_axis(axes, labels, curve["cost"].to_numpy(float), currency)


def confusion_matrix(matrix: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Draw which class was taken for which; rows are true classes, shaded by share of the row.

    Counts are written into up to 20 classes and names beside up to 40; beyond that only the pattern shows.

    Args:
        matrix: shape (n_classes, n_classes), counts.
        path: an .svg, or anything else for a PNG; written atomically.
    """
    from matplotlib.colors import PowerNorm

    n = len(classes)
    matrix = np.asarray(matrix)
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    side = float(np.clip(2.6 + 0.42 * n, 4.2, 10.0))
    # The square root spreads out the small shares: the confusions are what one looks for.
    norm = PowerNorm(0.5, vmin=0, vmax=1)
    with _figure(path, side + 0.8, side) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(share, cmap="Blues", norm=norm, interpolation="nearest")
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        if n <= MOST_NAMED_CLASSES:
            names = [_short(name) for name in classes]
            size = 10 if n <= MOST_NUMBERED_CLASSES else 8
            slanted = max(map(len, names)) > 3 and n > 2
            axes.set_xticks(range(n), names, fontsize=size, rotation=90 if slanted else 0)
            axes.set_yticks(range(n), names, fontsize=size)
        else:
            axes.set_xlabel(f"predicted ({n} classes)")
            axes.set_xticks([])
            axes.set_yticks([])
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(n > MOST_NAMED_CLASSES)
        if n <= MOST_NUMBERED_CLASSES:
            size = 9 if n <= 12 else 7
            for row, column in zip(*np.nonzero(matrix), strict=True):
                color = "white" if share[row, column] > 0.4 else INK
                axes.text(
                    column,
                    row,
                    str(matrix[row, column]),
                    ha="center",
                    va="center",
                    color=color,
                    fontsize=size,
                )
        bar = figure.colorbar(
            image, ax=axes, shrink=0.7, aspect=28, pad=0.03, ticks=[0, 0.02, 0.1, 0.25, 0.5, 1]
        )
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        bar.set_label("share of the true class")
        bar.outline.set_visible(False)


def backtest_curves(
    curves: pd.DataFrame,
    path: Path,
    *,
    title: str | None = None,
    axis: str = "labeled items",
    judged: str = "accuracy",
) -> None:
    """Draw the mean accuracy of each strategy over seeds, with its 95% interval (Student's t).

    Args:
        curves: columns strategy, seed, labels, accuracy. Points with a single seed have no band.
        path: an .svg, or anything else for a PNG; written atomically.
        axis: what the column labels counts.
        judged: what the column accuracy holds.
    """
    with _figure(path, 7.2, 4.6) as figure:
        axes = figure.add_subplot()
        ends = []
        for strategy, color, dashes in _strategy_styles(curves):
            points = _mean_over_seeds(curves[curves["strategy"] == strategy])
            x, y, half = (points[name].to_numpy(float) for name in ("labels", "mean", "half"))
            axes.fill_between(x, y - half, y + half, color=color, alpha=0.15, linewidth=0)
            axes.plot(x, y, color=color, linewidth=1.8, linestyle=dashes)
            ends.append((x[-1], y[-1], str(strategy), color))
        _percent_axis(axes)
        seeds = curves["seed"].nunique()
        axes.set_xlabel(axis)
        axes.set_ylabel(f"{judged}, mean of {seeds} seeds" if seeds > 1 else f"{judged}, one seed")
        if title:
            axes.set_title(title)
        axes.set_xlim(left=0)
        _name_ends(axes, ends)


def _short(name: str, longest: int = 18) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


def _strategy_styles(curves: pd.DataFrame) -> Iterator[tuple[Any, str, Any]]:
    colors = (BLUE, ORANGE, GREEN, PINK, SKY, RED, INK)
    dashes: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1)), (0, (6, 2, 1, 2)))
    others = sorted(set(curves["strategy"]) - {"random"})
    for number, strategy in enumerate(others):
        yield strategy, colors[number % len(colors)], dashes[number // len(colors) % len(dashes)]
    if "random" in set(curves["strategy"]):
        yield "random", GREY, (0, (4, 2))


def _mean_over_seeds(points: pd.DataFrame) -> pd.DataFrame:
    from scipy.stats import t

    grouped = points.groupby("labels")["accuracy"].agg(["mean", "std", "count"]).reset_index()
    count = grouped["count"].to_numpy(float)
    quantile = t.ppf(0.975, np.maximum(count - 1, 1))
    half = quantile * grouped["std"].fillna(0.0) / np.sqrt(count)
    return grouped.assign(half=half)


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of a fixed size in inches, written to `path` on leaving."""
    import matplotlib
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # A matplotlibrc of the user's must not change the picture.
    with matplotlib.style.context(["default", STYLE]):
        figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        yield figure
        kind = "svg" if path.suffix.lower() == ".svg" else "png"
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        content = io.BytesIO()
        figure.savefig(content, format=kind, metadata=metadata)
    files.write_bytes(path, content.getvalue())


def _points_with_interval(
    axes: Any,
    x: np.ndarray,
    y: np.ndarray,
    band: tuple[np.ndarray, np.ndarray],
    *,
    color: str,
    marker: str = "o",
) -> None:
    """A line with a band; the points themselves are marked while they have room."""
    low, high = band
    shape = marker if len(x) <= MOST_MARKED_POINTS else ""
    face = color if marker == "o" else "white"
    if len(x) == 1:
        axes.vlines(x, low, high, color=color, linewidth=1.2, alpha=0.6)
    axes.fill_between(x, low, high, color=color, alpha=0.16, linewidth=0)
    axes.plot(x, y, color=color, linewidth=1.8, marker=shape, markersize=4.5, markerfacecolor=face)


def _percent_axis(axes: Any) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    axes.grid(axis="y", linewidth=0.8)
    axes.set_axisbelow(True)
    low, high = axes.get_ylim()
    axes.set_ylim(max(0.0, low), min(1.005, high))


def _name_ends(axes: Any, ends: list[tuple[float, float, str, str]]) -> None:
    """Write each line's name right of the picture at its end's height, moved apart where names overlap."""
    low, high = axes.get_ylim()
    gap = (high - low) * 0.055
    right = max(x for x, *_ in ends) * 1.02
    axes.set_xlim(right=right)
    placed = sorted(ends, key=lambda end: end[1])
    wanted = np.array([y for _, y, *_ in placed])
    steps = gap * np.arange(len(placed))
    heights = np.maximum.accumulate(wanted - steps) + steps
    heights -= max(float((heights - wanted).mean()), float(heights[-1] - high))
    for (_, _, name, color), height in zip(placed, heights, strict=True):
        axes.annotate(name, (right, height), xytext=(4, 0), textcoords="offset points", color=color,
                      fontsize=9.5, va="center", annotation_clip=False)  # fmt: skip


def _cost_axis(axes: Any, labels: np.ndarray, cost: np.ndarray, currency: str) -> None:
    """Money spent, along the top, at the rounds whose names have room."""
    top = axes.secondary_xaxis("top")
    width = axes.get_xlim()[1]
    shown: list[int] = []
    for number in reversed(range(len(labels))):
        if not shown or labels[shown[-1]] - labels[number] >= 0.11 * width:
            shown.append(number)
    top.set_xticks([labels[number] for number in shown], [f"{cost[number]:,.2f}" for number in shown])
    top.tick_params(length=2, labelsize=8, colors=GREY)
    top.set_xlabel(f"cost so far, {currency}", color=GREY, fontsize=8)
    top.spines["top"].set_visible(False)
