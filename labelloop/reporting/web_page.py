"""One HTML file that needs nothing else: text, tables and drawings, every value escaped.

The page's policy forbids scripts and anything from outside, so a hostile name can do no more than look odd.
Drawings are SVG in Okabe and Ito's palette (2008), made for colour-blind readers; what a colour says is also
written.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BLUE, ORANGE, INK = "#0072B2", "#B36B00", "#222222"
LONGEST_NAME = 28
STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #222; background: #fff;
       max-width: 70rem; margin: 2rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .5rem; }
p { margin: .4rem 0; max-width: 46rem; } .note { color: #555; font-size: .9rem; }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; }
.card { border: 1px solid #d0d0d0; border-radius: 6px; padding: .6rem 1rem; min-width: 9rem; }
.card b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
caption { text-align: left; color: #555; padding: .2rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e2e2e2; text-align: left; vertical-align: top; }
th { font-weight: 600; border-bottom: 2px solid #888; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.flag { background: #fde8dc; color: #7a2e06; border: 1px solid #e0a98a; border-radius: 4px;
        padding: 0 .35rem; white-space: nowrap; }
svg, img { max-width: 100%; height: auto; } code { overflow-wrap: anywhere; }
svg text { font: 12px system-ui, "DejaVu Sans", sans-serif; fill: #222; }
td small { color: #555; white-space: nowrap; }
details { margin: .4rem 0; } summary { cursor: pointer; }
"""


@dataclass(frozen=True)
class Bar:
    """A value with its interval, for `intervals`."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    note: str = ""


def page(title: str, subtitle: str, body: str, *, pictures: bool = False) -> str:
    """A whole page; `body` is HTML that was escaped already.

    Args:
        pictures: whether it may show some: within the page, or files beside it.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    policy += "; img-src data: file: 'self'" if pictures else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body>\n"
        f'<h1>{text(title)}</h1><p class="note">{text(subtitle)}</p>\n{body}\n</body></html>\n'
    )


def text(value: object) -> str:
    """Escaped; control characters that would change how the rest reads are taken out."""
    shown = "".join(sign for sign in str(value) if sign.isprintable() or sign in " \n")
    return html.escape(shown, quote=True)


def name(value: object) -> str:
    """A name from outside, kept apart from the text around it, whatever its writing direction."""
    return f"<bdi>{text(value)}</bdi>"


def short(value: object, longest: int = LONGEST_NAME) -> str:
    """Escaped, and cut where it is too long."""
    shown = str(value)
    return text(shown if len(shown) <= longest else shown[: longest - 1] + "…")


def section(heading: str, *parts: str) -> str:
    """A heading and what is under it; nothing where there is nothing."""
    inside = "\n".join(part for part in parts if part)
    return f"<section><h2>{text(heading)}</h2>\n{inside}</section>\n" if inside else ""


def paragraph(words: str, kind: str = "") -> str:
    """Plain words, escaped."""
    return f'<p class="{kind}">{text(words)}</p>' if kind else f"<p>{text(words)}</p>"


def picture(png: str, what: str, rem: int) -> str:
    """A PNG in base64, within the page, at most so wide; `what` it shows, for readers who do not see it."""
    return (
        f'<img style="max-width: min(100%, {rem}rem)" src="data:image/png;base64,{png}" alt="{text(what)}">'
    )


def sentence(words: str) -> str:
    """A paragraph in which `names` between backticks stand out, escaped."""
    parts = text(words).split("`")
    marked = "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
    return f"<p>{marked}</p>"


def cards(facts: Sequence[tuple[str, str, str]]) -> str:
    """Numbers side by side: what, how much, and a note."""
    inside = "".join(
        f'<div class="card">{text(what)}<b>{text(much)}</b><span class="note">{text(note)}</span></div>'
        for what, much, note in facts
    )
    return f'<div class="cards">{inside}</div>'


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 0, caption: str = ""
) -> str:
    """A table; cells are HTML. The last `numbers` columns are figures."""
    if not rows:
        return ""
    first = len(columns) - numbers

    def cells(tag: str, values: Sequence[str], scope: str = "") -> str:
        return "".join(
            f'<{tag}{scope} class="number">{value}</{tag}>'
            if place >= first
            else f"<{tag}{scope}>{value}</{tag}>"
            for place, value in enumerate(values)
        )

    heading = cells("th", [text(column) for column in columns], ' scope="col"')
    lines = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    told = f"<caption>{text(caption)}</caption>" if caption else ""
    head = f"<thead><tr>{heading}</tr></thead>" if any(columns) else ""
    return f'<div class="scroll"><table>{told}{head}<tbody>{lines}</tbody></table></div>'


def share(value: float | None) -> str:
    """A share in per cent, or a dash."""
    return "–" if value is None else f"{100 * value:.1f}%"


def coefficient(value: float | None) -> str:
    """Two digits, or a dash."""
    return "–" if value is None else f"{round(value, 2) + 0.0:.2f}"


def intervals(
    label: str, series: Sequence[tuple[str, Sequence[Bar]]], *, low: float = 0.0, high: float = 1.0
) -> str:
    """Dots with intervals, a row a name; the series share rows and differ in shape as well as in colour.

    Args:
        label: what the axis shows.
        series: names, each with as many bars in the same order.
        low, high: ends of the axis.
    """
    rows = len(series[0][1])
    left, width, step = 210.0, 520.0, 24.0
    bottom = 14 + rows * step

    def x(value: float) -> float:
        return left + width * (min(max(value, low), high) - low) / (high - low)

    parts = []
    for tick in range(6):
        at = low + (high - low) * tick / 5
        parts.append(f'<line x1="{x(at):.1f}" x2="{x(at):.1f}" y1="6" y2="{bottom:.1f}" stroke="#e2e2e2"/>')
        parts.append(f'<text x="{x(at):.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{at:.2g}</text>')
    middle = f'x="{left + width / 2:.1f}" y="{bottom + 34:.1f}" text-anchor="middle"'
    parts.append(f"<text {middle}>{text(label)}</text>")
    for row in range(rows):
        y = 14 + step * row + step / 2
        parts.append(
            f'<text x="{left - 10}" y="{y + 4:.1f}" text-anchor="end">{short(series[0][1][row].name)}</text>'
        )
        for number, (kind, bars) in enumerate(series):
            shift = (number - (len(series) - 1) / 2) * 8
            parts.append(_interval(bars[row], kind, x, y + shift, number))
    legend = _legend([kind for kind, _ in series]) if len(series) > 1 else ""
    return legend + _svg(left + width + 90, bottom + 44, f"{label}, {rows} rows", parts)


def _interval(bar: Bar, kind: str, x: Callable[[float], float], y: float, number: int) -> str:
    if bar.value is None:
        return ""
    color = (BLUE, ORANGE)[number % 2]
    told = f"{bar.name}, {kind}: {bar.value:.3f}"
    line = ""
    if bar.low is not None and bar.high is not None:
        told += f" ({bar.low:.3f} to {bar.high:.3f})"
        ends = f'x1="{x(bar.low):.1f}" x2="{x(bar.high):.1f}" y1="{y}" y2="{y}"'
        line = f'<line {ends} stroke="{color}" stroke-width="2"/>'
    note = ""
    if bar.note:
        note = f'<text x="{x(math.inf) + 8:.1f}" y="{y + 4:.1f}">{short(bar.note, 14)}</text>'
    mark = _mark(x(bar.value), y, number)
    return f"<g><title>{text(f'{told} {bar.note}')}</title>{line}{mark}</g>{note}"


def _mark(x: float, y: float, number: int) -> str:
    """A full circle for the first series, an empty square for the second."""
    if number % 2 == 0:
        return f'<circle cx="{x:.1f}" cy="{y}" r="4" fill="{BLUE}"/>'
    place = f'x="{x - 4:.1f}" y="{y - 4}" width="8" height="8"'
    return f'<rect {place} fill="#fff" stroke="{ORANGE}" stroke-width="2"/>'


def _legend(kinds: Sequence[str]) -> str:
    told = " &nbsp; ".join(
        f'<svg width="12" height="12" aria-hidden="true">{_mark(6, 6, number)}</svg> {text(kind)}'
        for number, kind in enumerate(kinds)
    )
    return f'<p class="note">{told}</p>'


def lines_over_time(label: str, series: Sequence[tuple[str, Sequence[float]]], *, limit: float) -> str:
    """Lines from the first answer to the last, each named at its top, with a dashed limit.

    Args:
        label: what is drawn.
        series: names and values.
    """
    width, height, left, top = 560.0, 220.0, 60.0, 14.0
    high = 1.15 * max([limit, *(max(values) for _, values in series)])
    low = min(0.0, *(min(values) for _, values in series))

    def y(value: float) -> float:
        return top + height * (high - value) / (high - low)

    ends = f'x1="{left}" x2="{left + width}"'
    parts = [
        f'<line {ends} y1="{y(0):.1f}" y2="{y(0):.1f}" stroke="#999"/>',
        f'<line {ends} y1="{y(limit):.1f}" y2="{y(limit):.1f}" stroke="{INK}" stroke-dasharray="5 4"/>',
        f'<text x="{left - 8}" y="{y(0) + 4:.1f}" text-anchor="end">0</text>',
        f'<text x="{left - 8}" y="{y(limit) + 4:.1f}" text-anchor="end">{limit:.1f}</text>',
        f'<text x="{left}" y="{top + height + 18:.1f}">first answer</text>',
        f'<text x="{left + width}" y="{top + height + 18:.1f}" text-anchor="end">last answer</text>',
    ]
    for number, (title, values) in enumerate(series):
        x = [left + width * place / max(len(values) - 1, 1) for place in range(len(values))]
        points = " ".join(f"{at:.1f},{y(value):.1f}" for at, value in zip(x, values, strict=True))
        color, dashes = (BLUE, ORANGE)[number % 2], ("", "2 3", "8 3")[number // 2 % 3]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2" '
                     f'stroke-dasharray="{dashes}"><title>{text(title)}</title></polyline>')  # fmt: skip
        highest = max(range(len(values)), key=lambda place: values[place])
        parts.append(
            f'<text x="{x[highest] + 6:.1f}" y="{y(values[highest]) - 5:.1f}">{short(title, 40)}</text>'
        )
    return _svg(left + width + 180, top + height + 28, label, parts)


def heat_map(
    label: str, rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float | None]],
    titles: Sequence[Sequence[str]], *, written: str = "{:.2f}",
) -> str:  # fmt: skip
    """A matrix of values in [0, 1] (below 0 counts as 0), dark for high; every cell says its number.

    Args:
        label: what the matrix shows, for readers who do not see it.
        titles: what a cell says when pointed at.
        written: how a number is written into its cell.
    """
    size, left, top = 38.0, 170.0, 110.0
    parts = []
    for number, title in enumerate(columns):
        at = left + size * number + size / 2
        parts.append(
            f'<text transform="translate({at + 4:.1f},{top - 8}) rotate(-50)">{short(title, 16)}</text>'
        )
    for number, title in enumerate(rows):
        y = top + size * number
        parts.append(
            f'<text x="{left - 8}" y="{y + size / 2 + 4:.1f}" text-anchor="end">{short(title, 22)}</text>'
        )
        for place, value in enumerate(values[number]):
            x = left + size * place
            if value is None:
                continue
            fill, ink = _shade(value)
            number_written = written.format(round(value, 2) + 0.0)
            parts.append(
                f'<g><title>{text(titles[number][place])}</title><rect x="{x}" y="{y}" width="{size - 1}" '
                f'height="{size - 1}" fill="{fill}"/><text x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}" '
                f'text-anchor="middle" style="fill:{ink};font-size:11px">{number_written}</text></g>'
            )
    return _svg(left + size * len(columns) + 110, top + size * len(rows) + 8, label, parts)


def _shade(value: float) -> tuple[str, str]:
    """White to dark blue, and an ink that can be read on it."""
    strength = min(max(value, 0.0), 1.0)
    ends = ((247, 251, 255), (8, 69, 130))
    rgb = [round(a + (b - a) * strength) for a, b in zip(*ends, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*rgb), "#ffffff" if strength > 0.5 else INK


def _svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg role="img" aria-label="{text(label)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
