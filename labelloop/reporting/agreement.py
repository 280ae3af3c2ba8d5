"""The page of `labelloop agreement`: HTML from its summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labelloop.reporting.web_page import (
    Bar,
    cards,
    coefficient,
    heat_map,
    intervals,
    name,
    page,
    paragraph,
    section,
    share,
    table,
)

MOST_ROWS = 40
MOST_IN_HEAT_MAP = 20


def agreement_page(summary: dict[str, Any], source: str) -> str:
    """The page for `agreement_file.agreement_summary`.

    Args:
        source: what the votes are called.
    """
    return page("Agreement", agreement_subtitle(summary, source), agreement_body(summary))


def agreement_subtitle(summary: dict[str, Any], source: str) -> str:
    """What the page rests on, in a sentence or two."""
    overall = summary["overall"]
    counts = (
        f"{source}: {summary['votes']:,} votes of {summary['annotators']:,} annotators about "
        f"{summary['items']:,} items; {overall['items']:,} items have two votes or more, "
        f"{overall['unanimous']:,} of them unanimous. Intervals are 95%, from resampling items."
    )
    if summary["repeats"]:
        counts += f" {summary['repeats']:,} earlier answers of one person about one item do not count."
    return counts


def agreement_body(summary: dict[str, Any]) -> str:
    """The page's cards and sections."""
    overall = summary["overall"]
    facts = [
        (title, shown(overall[key]["value"]), _between(overall[key], shown))
        for key, title, shown in (
            ("percent", "same answer, pairs of votes", share),
            ("fleiss", "Fleiss's kappa", coefficient),
            ("alpha", f"Krippendorff's alpha, {overall['level']}", coefficient),
        )
    ]
    mean_kappa = coefficient(summary["pairs_mean_kappa"])
    body = [cards([*facts, ("mean Cohen's kappa of pairs", mean_kappa, "5 shared items or more")])]
    if overall["undefined"]:
        body.append(paragraph(f"Kappa and alpha are undefined: {overall['undefined']}."))
    scale = (
        "Alpha and kappa: 1 is perfect, 0 is what chance gives. Krippendorff asks for .80 to rely on labels, "
        "and for .667 at the least to draw tentative conclusions."
    )
    body.append(paragraph(scale, "note"))
    by_class = _dots([(one["label"], one) for one in summary["by_class"]])
    body.append(section("By class", by_class, _class_table(summary)))
    body.append(section("By slice", _dots([(slice_title(one), one) for one in summary["by_slice"]])))
    stretches = [(f"until {one['to'][:16].replace('T', ' ')}", one) for one in summary["over_time"]]
    body.append(section("Over time", _dots(stretches)))
    body.append(section("Pairs of annotators", _pair_map(summary)))
    body.append(section("Items that divide people", _disagreements(summary)))
    return "\n".join(body)


def slice_title(one: dict[str, Any]) -> str:
    """What a slice is called; with the column where there may be several."""
    return f"{one['column']}: {one['slice']}" if "column" in one else str(one["slice"])


def _between(found: dict[str, Any], shown: Any = coefficient) -> str:
    return "" if found["low"] is None else f"{shown(found['low'])} to {shown(found['high'])}"


def _dots(rows: Sequence[tuple[str, dict[str, Any]]]) -> str:
    if not rows:
        return ""
    bars = [
        Bar(
            str(title),
            one["alpha"]["value"],
            one["alpha"]["low"],
            one["alpha"]["high"],
            f"{one['votes']:,} votes",
        )
        for title, one in rows[:MOST_ROWS]
    ]
    seen = [bar.low for bar in bars if bar.low is not None] + [
        bar.value for bar in bars if bar.value is not None
    ]
    low = -1.0 if min(seen, default=0.0) < -0.2 else -0.2 if min(seen, default=0.0) < 0 else 0.0
    return intervals("Krippendorff's alpha", [("alpha", bars)], low=low)


def _class_table(summary: dict[str, Any]) -> str:
    rows = [
        [name(one["label"]), f"{one['votes']:,}", coefficient(one["alpha"]["value"]), _between(one["alpha"]),
         share(one["specific"]["value"]), _between(one["specific"], share)]
        for one in summary["by_class"][:MOST_ROWS]
    ]  # fmt: skip
    columns = ["class", "votes", "alpha", "between", "second vote agrees", "between"]
    return table(
        columns, rows, numbers=5, caption="This class or not; and if one vote says it, does a second?"
    )


def _pair_map(summary: dict[str, Any]) -> str:
    busiest = sorted(summary["annotators_named"], key=lambda one: (-one["votes"], one["annotator"]))
    names = sorted(one["annotator"] for one in busiest[:MOST_IN_HEAT_MAP])
    place = {title: number for number, title in enumerate(names)}
    if len(names) < 2:
        return ""
    values: list[list[float | None]] = [[None] * len(names) for _ in names]
    titles = [[""] * len(names) for _ in names]
    for pair in summary["pairs"]:
        if pair["one"] in place and pair["other"] in place and pair["kappa"] is not None:
            one, other = place[pair["one"]], place[pair["other"]]
            told = (f"{pair['one']} and {pair['other']}: kappa {pair['kappa']:.2f} ({_between(pair)}) on "
                    f"{pair['shared']} shared items, {100 * pair['agreement']:.0f}% the same")  # fmt: skip
            values[one][other] = values[other][one] = pair["kappa"]
            titles[one][other] = titles[other][one] = told
    note = "Cohen's kappa; an empty cell shares no item. Point at a cell for how many items it rests on."
    if len(busiest) > len(names):
        note += (
            f" The {len(names)} annotators with the most votes of {len(busiest)}; all pairs are in the JSON."
        )
    return heat_map("Cohen's kappa of pairs of annotators", names, names, values, titles) + paragraph(
        note, "note"
    )


def _disagreements(summary: dict[str, Any]) -> str:
    rows = [
        [name(one["item"]), ", ".join(f"{name(label)} ×{many}" for label, many in one["answers"].items()),
         str(one["votes"]), share(one["disagreement"])]
        for one in summary["disagreements"]
    ]  # fmt: skip
    return table(["item", "answers", "votes", "pairs that differ"], rows, numbers=2)
