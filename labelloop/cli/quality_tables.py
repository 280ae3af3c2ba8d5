"""What `labelloop agreement` and `labelloop annotators` show on a terminal."""

from __future__ import annotations

from typing import Any

from labelloop.annotators.agreement_file import LEAST_SHARED
from labelloop.cli.terminal import say, shortened, show_table
from labelloop.reporting.agreement import worst_pairs
from labelloop.reporting.annotators import drift_words

MOST_PAIRS = 10
MOST_PEOPLE = 30
"""Annotators on the screen: who is flagged, then those with the most answers."""
NOTHING = "–"


def show_agreement(summary: dict[str, Any]) -> None:
    """Print `agreement_file.agreement_summary`."""
    overall = summary["overall"]
    say(
        f"{summary['votes']} votes of {summary['annotators']} annotators about {summary['items']} items; "
        f"{overall['items']} with two votes or more, {overall['unanimous']} of them unanimous"
    )
    if summary["repeats"]:
        say(f"{summary['repeats']} earlier answers of one annotator about one item do not count")
    names = {"percent": "same answer", "fleiss": "Fleiss's kappa", "alpha": f"alpha, {overall['level']}"}
    rows = [[title, *_figures(overall[key])] for key, title in names.items()]
    rows += [[f"alpha, {one['label']} or not", *_figures(one["alpha"])] for one in summary["by_class"][:12]]
    rows += [[f"alpha, slice {one['slice']}", *_figures(one["alpha"])] for one in summary["by_slice"]]
    rows += [[f"alpha, until {one['to']}", *_figures(one["alpha"])] for one in summary["over_time"]]
    show_table(["", "value", "between"], rows)
    if overall["undefined"]:
        say(f"kappa and alpha are undefined: {overall['undefined']}")
    _show_pairs(summary)
    for one in summary["disagreements"][:5]:
        answers = ", ".join(f"{label} ×{many}" for label, many in one["answers"].items())
        say(f"divided about {one['item']}: {answers}")


def _show_pairs(summary: dict[str, Any]) -> None:
    if summary["pairs_mean_kappa"] is None:
        return
    say(f"Cohen's kappa, mean of pairs with {LEAST_SHARED} shared items: {summary['pairs_mean_kappa']:.3f}")
    shown = worst_pairs(summary, MOST_PAIRS)
    rows = [
        [pair["one"], pair["other"], str(pair["shared"]), f"{pair['agreement']:.1%}",
         *_figures({"value": pair["kappa"], "low": pair["low"], "high": pair["high"]})]
        for pair in shown
    ]  # fmt: skip
    show_table(["annotator", "and", "shared", "same answer", "kappa", "between"], rows, left=("and",))
    if len(summary["pairs"]) > len(shown):
        say(f"the {len(shown)} pairs that agree least of {len(summary['pairs'])}; --json shows all")


def _figures(found: dict[str, Any]) -> list[str]:
    if found["value"] is None:
        return [NOTHING, ""]
    between = "" if found["low"] is None else f"{found['low']:.3f} to {found['high']:.3f}"
    return [f"{found['value']:.3f}", between]


def show_annotators(summary: dict[str, Any]) -> None:
    """Print `quality_file.annotators_summary`; columns about which nothing is known are left out."""
    everybody = summary["annotators"]
    gold = f"; {summary['gold']['used']} items of gold" if summary.get("gold") else ""
    say(f"{summary['votes']} votes of {len(everybody)} annotators about {summary['items']} items{gold}")
    people = sorted(everybody, key=lambda one: not one["flags"])[:MOST_PEOPLE]
    columns = {
        "annotator": [one["annotator"] for one in people],
        "items": [str(one["items"]) for one in people],
        "gold": [_share(one["gold"]) for one in people],
        "the others": [_share(one["consensus"]) for one in people],
        "spam": [NOTHING if one["spam_score"] is None else f"{one['spam_score']:.2f}" for one in people],
        "leans to": [_leaning(one["bias"]) for one in people],
        "seconds": [
            NOTHING if one["median_seconds"] is None else f"{one['median_seconds']:.1f}" for one in people
        ],
        "too fast": [_short_share(one["too_fast"]) for one in people],
        "same again": [_short_share(one["consistency"]) for one in people],
        "flags": [", ".join(one["flags"]) for one in people],
    }
    known = {title: cells for title, cells in columns.items() if set(cells) != {NOTHING}}
    show_table(list(known), list(zip(*known.values(), strict=True)), left=("leans to", "flags"))
    if len(everybody) > len(people):
        say(f"{len(everybody) - len(people)} more; --json and --out show all")
    for one in people:
        if "drift" in one["flags"]:
            say(f"{one['annotator']}: right {drift_words(one)}")
    _show_copying(summary)
    if not summary["times"]:
        say("no column answered_at, so nobody can be seen to drift")
    say("answers by true class, and every figure: --out DIR writes a page, --json prints them")


def _show_copying(summary: dict[str, Any]) -> None:
    for pair in summary["copying"][:MOST_PAIRS]:
        say(
            f"{pair['one']} and {pair['other']}: the same answer against the others "
            f"{pair['together']} times in {pair['shared']}, where {pair['expected']:.1f} are expected"
        )
    if len(summary["copying"]) > MOST_PAIRS:
        say(f"{len(summary['copying']) - MOST_PAIRS} more pairs; --json and --out show all")
    for group in summary["groups"]:
        if len(group) > 2:
            say(f"a group whose answers depend on each other: {shortened(group)}")


def _share(found: dict[str, Any]) -> str:
    if found["share"] is None:
        return NOTHING
    return f"{found['share']:.0%} ({100 * found['low']:.0f}–{found['high']:.0%})"


def _short_share(found: dict[str, Any]) -> str:
    return NOTHING if found["share"] is None else f"{found['share']:.0%}"


def _leaning(bias: dict[str, float]) -> str:
    """The class that somebody chooses too often, and by how many points."""
    label, excess = max(bias.items(), key=lambda pair: pair[1], default=("", 0.0))
    return f"{label} {100 * excess:+.0f}" if excess >= 0.005 else NOTHING
