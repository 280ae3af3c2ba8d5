"""What a round's votes say about annotators, written beside the labels: files of the stage fuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from labelloop import files, tables
from labelloop.annotators import pausing
from labelloop.annotators.campaign_quality import campaign_quality, headline
from labelloop.datasets.base import Prepared
from labelloop.ledger import round_name, round_number
from labelloop.reporting.agreement import slice_title
from labelloop.reporting.quality_page import quality_page
from labelloop.reporting.quality_words import quality_lines, read_quality
from labelloop.stages.people import before
from labelloop.stages.runner import Round
from labelloop.stages.slices import slices_of

COLUMNS = ("annotator", "answers", "gold right", "with the others", "spam", "seconds", "cost", "flags")
MOST_ROWS = 20


def judge_annotators(
    current: Round, votes: pd.DataFrame, prepared: Prepared, gold: Mapping[str, str]
) -> set[str]:
    """Write annotators.json, annotators.html and quality.json; return who is paused after this round.

    Args:
        votes: all votes of the campaign so far.
        gold: true labels by item.
    """
    folder = current.folder
    slices = slices_of(prepared, current.settings.quality.slice_by, votes["item"].unique().tolist())
    quality = campaign_quality(
        votes, prepared.classes, gold, ordered=current.settings.labels.ordered, slices=slices
    )
    records = quality["people"]["annotators"] if quality["people"] else []
    following = round_name(round_number(current.id) + 1)
    standing = pausing.decide(records, before(current), current.settings, following)
    files.write_json(folder.annotators, quality)
    title = f"Annotators, {current.settings.campaign.name} {current.id}"
    files.write_text(folder.annotators_page, quality_page(quality, standing.paused, title))
    notices = [*standing.notices, *_used_up(current, gold)]
    said = headline(quality) | {"paused": standing.paused, "notices": notices}
    files.write_json(folder.quality, said)
    return {one["annotator"] for one in standing.paused}


def _used_up(current: Round, gold: Mapping[str, str]) -> list[str]:
    """That no gold is left to ask, where that is so."""
    if not current.settings.gold.on:
        return []
    asked = tables.ASKED.read(current.folder.asked)
    if set(gold) - set(asked["item"]):
        return []
    return [f"no gold is left to ask: {len(gold)} items were asked about; add to gold.path (or raise "
            "gold.known), or annotators can be judged by the others only"]  # fmt: skip


def quality_section(current: Round) -> str:
    """The part of report.md about annotators."""
    quality = read_quality(current.folder.quality)
    told = files.read_json(current.folder.annotators)
    people = told["people"]
    if quality is None or people is None:
        return "Nobody has answered anything yet."
    records = people["annotators"]
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for one in records[:MOST_ROWS]:
        cells = (
            one["annotator"].replace("|", "\\|"), str(one["items"]), _share(one["gold"]),
            _share(one["consensus"]), _figure(one["spam_score"], ".2f"),
            _figure(one["median_seconds"], ".1f"), f"{one['cost']:.2f}", ", ".join(one["flags"]),
        )  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    more = f"\n\n{len(records) - MOST_ROWS} more in annotators.html." if len(records) > MOST_ROWS else ""
    parts = ["\n".join(quality_lines(quality)), "\n".join(lines) + more]
    return "\n\n".join([*parts, *_slices(told["agreement"]["by_slice"])])


def _slices(rows: list[dict[str, Any]]) -> list[str]:
    """Agreement by slice as a table, those that agree least first; nothing where none is asked for."""
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: (row["alpha"]["value"] is None, row["alpha"]["value"] or 0.0))
    lines = ["| slice | items with two votes | same answer | alpha |", "|---|---|---|---|"]
    for row in rows[:MOST_ROWS]:
        alpha = row["alpha"]
        between = "" if alpha["low"] is None else f" ({alpha['low']:.2f} to {alpha['high']:.2f})"
        title = slice_title(row).replace("|", "\\|")
        lines.append(f"| {title} | {row['items']} | {_figure(row['percent']['value'], '.0%')} | "
                     f"{_figure(alpha['value'], '.2f')}{between} |")  # fmt: skip
    more = f"\n\n{len(rows) - MOST_ROWS} more slices in annotators.html." if len(rows) > MOST_ROWS else ""
    return ["How far people agree, by slice:", "\n".join(lines) + more]


def _share(found: dict[str, float | None]) -> str:
    if found["share"] is None:
        return "–"
    return f"{found['share']:.0%} ({found['low']:.0%}–{found['high']:.0%}) of {found['of']}"


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
