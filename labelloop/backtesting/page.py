"""A backtest as one HTML file that needs nothing else: no script, no font and no picture from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #333; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
td, th { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; font-variant-numeric: tabular-nums }
td:first-child, th:first-child { text-align: left }
tr.chosen { font-weight: 600 }
p.answer { font-size: 1.15rem; border-left: 4px solid #0072B2; padding-left: 1rem }
svg { max-width: 100%; height: auto }
"""  # noqa: E501


def page(summary: Mapping[str, Any], svg: str, *, title: str) -> str:
    """The whole document.

    Args:
        summary: what summary.json holds.
        svg: the picture, as the text of an SVG file.
    """
    money = summary["at_money"]
    drawing = svg[svg.index("<svg") :]
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f'<p class="answer">{html.escape(money["sentence"])}</p>',
        drawing,
        f"<h2>At {money['money']:.2f} {html.escape(summary['currency'])}</h2>",
        _trials(money, summary["metric"]),
        f"<p>Means of {money['seeds']} seeds with {money['coverage']:.0%} intervals (Student's t); behind: "
        "paired by seed with the best. The best of several was chosen after the fact, so its lead is on the "
        "hopeful side.</p>",
        f"<h2>What less money buys: {html.escape(money['recommended'])}</h2>",
        _budgets(money, summary["currency"], summary["metric"]),
        *(f"<p>{html.escape(note)}</p>" for note in summary["notes"]),
    ]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _trials(money: Mapping[str, Any], metric: str) -> str:
    names = ("trial", html.escape(metric), "interval", "labels", "behind, points", "interval")
    rows = ["<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"]
    for row in money["trials"]:
        chosen = ' class="chosen"' if row["trial"] == money["recommended"] else ""
        behind = "–" if row["trial"] == money["best"] else f"{100 * row['behind']:.1f}"
        spread = "–" if row["trial"] == money["best"] else _between(row["behind_low"], row["behind_high"], 1)
        cells = (
            html.escape(row["trial"]), f"{row['accuracy']:.1%}", _between(row["low"], row["high"], 1),
            f"{row['labels']:.0f}", behind, spread,
        )  # fmt: skip
        rows.append(f"<tr{chosen}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _budgets(money: Mapping[str, Any], currency: str, metric: str) -> str:
    rows = [f"<tr><th>{html.escape(currency)}</th><th>{html.escape(metric)}</th><th>interval</th></tr>"]
    rows += [
        f"<tr><td>{row['money']:.2f}</td><td>{row['accuracy']:.1%}</td>"
        f"<td>{_between(row['low'], row['high'], 1)}</td></tr>"
        for row in money["budgets"]
    ]
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _between(low: float | None, high: float | None, digits: int) -> str:
    if low is None or high is None:
        return "–"
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f}"
