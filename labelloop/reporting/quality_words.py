"""A round's quality.json in words, for status and report. No pandas here: status must be fast."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labelloop import files

MOST_NAMES = 5


def read_quality(path: Path) -> dict[str, Any] | None:
    """quality.json; None where it is not there, or no vote had been given."""
    if not path.exists():
        return None
    quality: dict[str, Any] = files.read_json(path)
    return quality if quality["seen"] else None


def quality_lines(quality: dict[str, Any]) -> list[str]:
    """How far people agree and who disagrees most; who stands out; who is paused; what else to know."""
    lines = [_agreement(quality)]
    if quality["flagged"]:
        lines.append(f"Worth a look: {_listed([_flagged(one) for one in quality['flagged']])}.")
    if quality["paused"]:
        told = [f"{one['annotator']} since {one['since']} ({one['reason']})" for one in quality["paused"]]
        lines.append(f"Paused: {_listed(told)}.")
    # Of a new pause the line above tells.
    lines += [f"{notice}." for notice in quality["notices"] if " is paused from " not in notice]
    return lines


def quality_metrics(quality: dict[str, Any]) -> dict[str, float | int | None]:
    """Figures for metrics.json and MLflow; None where one is not defined."""
    alpha, gold = quality["alpha"], quality["gold"]
    return {
        "alpha": alpha and alpha["value"],
        "gold_answers": gold["answers"] if gold else 0,
        "gold_accuracy": gold and gold["share"],
        "annotators": quality["seen"],
        "annotators_flagged": len(quality["flagged"]),
        "annotators_paused": len(quality["paused"]),
    }


def _agreement(quality: dict[str, Any]) -> str:
    alpha, pair, gold = quality["alpha"], quality["pair"], quality["gold"]
    if alpha["value"] is None:
        words = f"Agreement cannot be told: {alpha['undefined'] or 'too few votes'}."
    else:
        kind = "ordinal alpha" if alpha.get("level") == "ordinal" else "alpha"
        words = f"Annotators agree with {kind} {alpha['value']:.2f}"
        words += f" ({alpha['low']:.2f} to {alpha['high']:.2f})" if alpha["low"] is not None else ""
        if pair is not None:
            words += (f"; {pair['one']} and {pair['other']} least: kappa {pair['kappa']:.2f} on "
                      f"{pair['shared']} shared items")  # fmt: skip
        words += "." + _least_slice(quality.get("slice"))
    if gold is not None:
        words += (f" Gold: {gold['share']:.1%} of {gold['answers']} answers are right "
                  f"({gold['low']:.0%} to {gold['high']:.0%}).")  # fmt: skip
    again = quality.get("consistency")
    if again is not None:
        words += (f" Asked again, people gave {again['share']:.1%} of {again['answers']} answers as before "
                  f"({again['low']:.0%} to {again['high']:.0%}).")  # fmt: skip
    return words


def _least_slice(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    between = f" ({found['low']:.2f} to {found['high']:.2f})" if found["low"] is not None else ""
    return (f" They agree least where {found['column']} is {found['slice']}: alpha {found['alpha']:.2f}"
            f"{between} on {found['items']} items.")  # fmt: skip


def _flagged(one: dict[str, Any]) -> str:
    return f"{one['annotator']} ({', '.join(one['flags'])})"


def _listed(told: list[str]) -> str:
    more = f"; and {len(told) - MOST_NAMES} more" if len(told) > MOST_NAMES else ""
    return "; ".join(told[:MOST_NAMES]) + more
