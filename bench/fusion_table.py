"""Tables and figures of `bench.fusion`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.figures import Figure
from bench.fusion import GOLD, OWN

TITLES = {
    ("real", "every"): "Real crowds, every vote",
    ("real", "3"): "Real crowds, at most 3 votes an item",
    ("further", "every"): "Further real crowds, on which nothing was chosen",
    ("simulated", "every"): "Simulated crowds that err as no method assumes",
}
PUBLISHED = "constants 3 3"
"""The weights that `pooled_dawid_skene` has by default."""


def means(lines: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Mean over the draws: a row a kind, votes, set and method, with the number of draws.

    `apart` is the share of the labels by which `auto` has more right, over the draws that both have.
    """
    table = pd.DataFrame([line for line in lines if "failed" not in line])
    for column in ("error", "found", "found_by_share"):
        table[column] = table.get(column, pd.Series(dtype=float)).astype(float)
    key = ["kind", "votes", "set", "draw"]
    auto = table[table["method"] == "auto"].set_index(key)["right"].rename("auto")
    table = table.join(auto, on=key)
    table["apart"] = table["auto"] - table["right"]
    grouped = table.groupby(["kind", "votes", "set", "method"])
    columns = ["right", "found", "error", "found_by_share", "seconds", "apart"]
    return grouped[columns].mean().assign(draws=grouped.size()).reset_index()


def summary(found: pd.DataFrame, kind: str, votes: str) -> str:
    """A markdown table with a row a method: means over its sets, and how much more `auto` has right there."""
    part = found[(found["kind"] == kind) & (found["votes"] == votes)]
    rows = []
    for method, own in part.groupby("method"):
        if str(method).startswith("constants"):
            continue
        error = own["error"].mean()
        rows.append(
            (-own["right"].mean() if len(own) == part["set"].nunique() else 0.0,
             [f"`{method}`" if method in OWN else method, f"{len(own)} x {own['draws'].min()}"
              + (f"-{own['draws'].max()}" if own["draws"].min() < own["draws"].max() else ""),
              _percent(own["right"].mean()), "" if method == "auto" else f"{100 * own['apart'].mean():+.2f}",
              _number(own["found"].mean()), _number(error), f"{own['seconds'].sum():.2g}"])
        )  # fmt: skip
    head = ["method", "crowds x draws", "right, %", "auto's lead on them", "wrong found", "calibration error",
            "processor seconds a draw"]  # fmt: skip
    return _markdown(head, [cells for _, cells in sorted(rows, key=lambda row: row[0])])


def by_set(found: pd.DataFrame, kind: str, votes: str, value: str) -> str:
    """A markdown table with a row a method and a column a set."""
    part = found[(found["kind"] == kind) & (found["votes"] == votes)]
    part = part[~part["method"].str.startswith("constants")]
    wide = part.pivot_table(index="method", columns="set", values=value, dropna=False)
    wide = wide.loc[wide.mean(axis=1).sort_values(ascending=False).index].dropna(how="all")
    show = _percent if value == "right" else _number
    rows = [[f"`{name}`" if name in OWN else str(name), *(show(one) for one in row)]
            for name, row in zip(wide.index, wide.to_numpy(), strict=True)]  # fmt: skip
    return _markdown(["method", *map(str, wide.columns)], rows)


def left_out(found: pd.DataFrame) -> pd.DataFrame:
    """For each real set: the weights that are best on all other sets, and what they have right on it.

    Best is the mean over sets of what is right, of every vote and of 3 votes an item alike.
    """
    part = found[(found["kind"] == "real") & found["method"].str.startswith("constants")]
    right = part.groupby(["set", "method"])["right"].mean().unstack()
    rows = []
    for name in right.index:
        best = right.drop(index=name).mean().idxmax()
        rows.append({"set": name, "chosen": best.removeprefix("constants "), "right": right.loc[name, best],
                     "published": right.loc[name, PUBLISHED], "best": right.loc[name].max(),
                     "worst": right.loc[name].min()})  # fmt: skip
    return pd.DataFrame(rows)


def figures_of(lines: Sequence[dict[str, Any]]) -> list[Figure]:
    """What the project promises, with its aims."""
    found = means(lines)
    figures = []
    for votes, words in (("every", "every vote"), ("3", "3 votes an item")):
        part = found[(found["kind"] == "real") & (found["votes"] == votes)]
        part = part[~part["method"].str.startswith("constants")]
        whole = part[part.groupby("method")["set"].transform("nunique") == part["set"].nunique()]
        right, apart = (whole.groupby("method")[name].mean() for name in ("right", "apart"))
        # Where a method has fewer draws, it is compared on those.
        rival = apart.drop("auto").idxmin()
        auto = whole[whole["method"] == "auto"].set_index("set")
        counted = part[part["method"] == "majority"].set_index("set")
        figures += [
            Figure(f"right, {words}, auto", 100 * right["auto"], "%",
                   note=", ".join(f"{name} {100 * share:.1f}" for name, share in right.items())),
            Figure(f"lead of auto over the next best, {words}", 100 * apart[rival], "points", at_least=0.0,
                   note=str(rival)),
            Figure(f"auto less majority, {words}, the worst set", 100 * counted["apart"].min(), "points",
                   at_least=-1.0),
            Figure(f"wrong labels found by auto, {words}", auto["found"].mean(), "",
                   at_least=counted["found"].mean(), note="aim: what shares of votes find of majority's own; "
                   f"of auto's labels they find {auto['found_by_share'].mean():.3f}"),
            Figure(f"calibration error of auto after {GOLD} gold, {words}", auto["error"].mean(), "",
                   at_most=0.06),
        ]  # fmt: skip
    chosen = left_out(found)
    return [
        *figures,
        Figure("lost where a set's weights are chosen on the other sets",
               100 * (chosen["published"] - chosen["right"]).mean(), "points",
               note=", ".join(f"{row.set} {row.chosen}" for row in chosen.itertuples())),
    ]  # fmt: skip


def print_tables(lines: Sequence[dict[str, Any]]) -> None:
    """The text of `bench/fusion.md`, apart from its first paragraph."""
    found = means(lines)
    for (kind, votes), title in TITLES.items():
        if not ((found["kind"] == kind) & (found["votes"] == votes)).any():
            continue
        print(f"\n## {title}\n\n{summary(found, kind, votes)}")
        print(f"\nRight, %, crowd by crowd:\n\n{by_set(found, kind, votes, 'right')}")
        print(f"\nWrong labels found, crowd by crowd:\n\n{by_set(found, kind, votes, 'found')}")
        print(f"\nCalibration error after {GOLD} items of gold:\n\n{by_set(found, kind, votes, 'error')}")
    failed = sorted({(line["method"], line["set"], line["failed"]) for line in lines if "failed" in line})
    if failed:
        print("\n## Left out\n")
        print(_markdown(["method", "crowd", "why"], [list(row) for row in failed]))
    chosen = left_out(found)
    if chosen.empty:
        return
    print("\n## Weights chosen without the set\n")
    rows = [[row.set, row.chosen, *(_percent(v) for v in (row.right, row.published, row.best, row.worst))]
            for row in chosen.itertuples()]  # fmt: skip
    rows.append(
        ["mean", "", *(_percent(chosen[name].mean()) for name in ("right", "published", "best", "worst"))]
    )
    print(
        _markdown(
            ["crowd", "chosen on the others", "right, %", "with 3 3", "best there", "worst there"], rows
        )
    )


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f}"


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"
