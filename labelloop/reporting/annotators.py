"""The page of `labelloop annotators`: HTML from its summary."""

from __future__ import annotations

import math
from typing import Any

from labelloop.reporting.web_page import (
    Bar,
    coefficient,
    heat_map,
    intervals,
    lines_over_time,
    name,
    page,
    paragraph,
    section,
    share,
    table,
    text,
)

MOST_ROWS = 40
MOST_CLASSES_IN_MATRIX = 12
MOST_CONFUSIONS = 20
MOST_DETAILS = 60
MOST_LINES = 8
USUAL_LIMIT = math.sqrt(math.log(100) / 2)
"""Of a Brownian bridge's maximum, passed with a chance of 1%."""
SAYS = {
    "spam": "answers have little or nothing to do with what the others say",
    "copying": "gives the same wrong answers as another far more often than people who work apart",
    "drift": "accuracy fell while working, more than chance and harder items explain",
    "too fast": "many answers came in far less than the usual time",
}


def annotators_page(summary: dict[str, Any], source: str) -> str:
    """The page for `quality_file.annotators_summary`.

    Args:
        source: what the votes are called.
    """
    return page("Annotators", annotators_subtitle(summary, source), annotators_body(summary))


def annotators_subtitle(summary: dict[str, Any], source: str) -> str:
    """What the page rests on, in a sentence."""
    people, gold = summary["annotators"], summary.get("gold")
    subtitle = f"{source}: {summary['votes']:,} votes of {len(people):,} annotators about "
    subtitle += f"{summary['items']:,} items; " + (f"{gold['used']:,} items of gold" if gold else "no gold")
    return subtitle + ("." if summary["times"] else "; no times, so nobody can be seen to drift.")


def annotators_body(summary: dict[str, Any], details: int = MOST_DETAILS) -> str:
    """The page's sections; `details`: people whose answers by true class are shown, the flagged first."""
    people, gold = summary["annotators"], summary.get("gold")
    flagged = [one for one in people if one["flags"]]
    explained = (
        "The others: a consensus that does not contain the annotator's own vote, nor those of people who "
        "copy them; judged only where it is more likely right than not. Intervals are Wilson's, 95%."
    )
    shown = people[:MOST_ROWS]
    series = [("against the others", [_accuracy(one, "consensus") for one in shown])]
    if gold:
        series.append(("on gold", [_accuracy(one, "gold") for one in shown]))
    more = f"The first {MOST_ROWS} of {len(people)}; all are in the table." if len(people) > MOST_ROWS else ""
    body = [
        section("What stands out", _findings(flagged, len(people))),
        section(
            "Accuracy",
            paragraph(explained, "note"),
            intervals("accuracy", series),
            paragraph(more, "note") if more else "",
        ),
        section("Copying", _copying(summary)),
        section("Drift", _drift(people)),
        section("All annotators", _people(people)),
        section("Answers by true class", *(_details(one, summary["classes"]) for one in people[:details])),
    ]
    return "\n".join(body)


def _accuracy(one: dict[str, Any], kind: str) -> Bar:
    found = one[kind]
    note = f"{found['of']:,} judged" if kind == "consensus" else ""
    return Bar(one["annotator"], found["share"], found["low"], found["high"], note)


def _findings(flagged: list[dict[str, Any]], many: int) -> str:
    if not flagged:
        return paragraph(f"Nothing: none of the {many:,} annotators gives cause for doubt.")
    rows = [[name(one["annotator"]), " ".join(map(_flag, one["flags"])), _why(one)] for one in flagged]
    return table(["annotator", "flag", "why"], rows)


def _flag(kind: str) -> str:
    return f'<span class="flag">{text(kind)}</span>'


def _why(one: dict[str, Any]) -> str:
    return "<br>".join(f"{text(SAYS[kind])} {_figures(one, kind)}" for kind in one["flags"])


def _figures(one: dict[str, Any], kind: str) -> str:
    if kind == "spam":
        return f"(kappa with the others {coefficient(one['kappa'])} on {one['consensus']['of']:,} answers)"
    if kind == "copying":
        return f"({', '.join(map(name, one['copies'][:10]))})"
    if kind == "too fast":
        return f"({share(one['too_fast']['share'])} of {one['too_fast']['of']:,} timed answers)"
    return f"({drift_words(one)})"


def drift_words(one: dict[str, Any]) -> str:
    """Between which accuracies somebody fell, and when."""
    told = [
        f"{'on gold' if kind == 'gold' else 'against the others'} from {share(found['before'])} to "
        f"{share(found['after'])} after {found['at']:,} of {found['outcomes']:,} answers"
        for kind, found in one["drift"].items()
        if found["p_value"] is not None and found["p_value"] < 0.01
    ]
    return "; ".join(told)


def _drift(people: list[dict[str, Any]]) -> str:
    lines = [
        (f"{one['annotator']}, {'on gold' if kind == 'gold' else 'against the others'}", found["path"])
        for one in people
        if "drift" in one["flags"]
        for kind, found in one["drift"].items()
        if found["path"]
    ][:MOST_LINES]
    if not lines:
        return ""
    told = (
        "The cumulative sum of answers that were better than usual for such items at the time, less the "
        "annotator's mean: it rises while somebody is better than later, and its top is where the fall began."
        " Above the dashed line chance is below 1% for one person."
    )
    return paragraph(told, "note") + lines_over_time("cumulative sum", lines, limit=USUAL_LIMIT)


def _copying(summary: dict[str, Any]) -> str:
    pairs = [
        [name(pair["one"]), name(pair["other"]), f"{pair['shared']:,}", f"{pair['together']:,}",
         f"{pair['expected']:.1f}", f"{pair['p_value']:.1e}"]
        for pair in summary["copying"][:MOST_ROWS]
    ]  # fmt: skip
    if not pairs:
        return paragraph(
            f"No copying found among {summary['pairs_compared']:,} pairs with enough items in common."
        )
    columns = ["annotator", "and", "shared items", "same answer against the others", "expected", "chance"]
    note = "Chance: corrected for the number of pairs. Expected: of people with these habits who work apart."
    return table(columns, pairs, numbers=4) + paragraph(note, "note")


def _people(people: list[dict[str, Any]]) -> str:
    rows = [
        [name(one["annotator"]), " ".join(map(_flag, one["flags"])), f"{one['items']:,}",
         _share_of(one["gold"]), _share_of(one["consensus"]), coefficient(one["kappa"]),
         coefficient(one["spam_score"]), _bias(one),
         "–" if one["median_seconds"] is None else f"{one['median_seconds']:.1f}",
         share(one["too_fast"]["share"]), _share_of(one["consistency"])]
        for one in people
    ]  # fmt: skip
    columns = ["annotator", "flags", "items", "gold", "the others", "kappa", "spam", "leans to", "seconds",
               "too fast", "same again"]  # fmt: skip
    told = (
        "Shares with their intervals and how many answers they rest on. Spam: 0 is always with the others, 1 "
        "has nothing to do with the items. Leans to: points by which a class is chosen too often. Same "
        "again: answers to repeated questions."
    )
    return table(columns, rows, numbers=9, caption=told)


def _share_of(found: dict[str, Any]) -> str:
    if found["share"] is None:
        return "–"
    interval = f"{100 * found['low']:.0f}–{100 * found['high']:.0f}%, {found['of']:,}"
    return f"{share(found['share'])}<br><small>{interval}</small>"


def _bias(one: dict[str, Any]) -> str:
    most = max(one["bias"].items(), key=lambda pair: pair[1], default=None)
    return "–" if most is None or most[1] < 0.005 else f"{name(most[0])} {100 * most[1]:+.0f}"


def _confusions_told(one: dict[str, Any]) -> str:
    kept, cells = len(one["confusion"]), one["confusion_cells"]
    cut = f"the {kept} most frequent of {cells:,}" if kept < cells else f"all {cells}"
    return f"the most frequent confusions; the JSON has {cut} pairs of true class and answer"


def _details(one: dict[str, Any], classes: list[str]) -> str:
    if not one["confusion"]:
        return ""
    used = [label for label in classes if any(label in cell[:2] for cell in one["confusion"])]
    if len(used) > MOST_CLASSES_IN_MATRIX:
        rows = [
            [name(true), name(said), f"{many:,}"] for true, said, many in one["confusion"] if true != said
        ]
        inside = table(
            ["true", "answered", "times"], rows[:MOST_CONFUSIONS], numbers=1, caption=_confusions_told(one)
        )
    else:
        counts = {(true, said): many for true, said, many in one["confusion"]}
        totals = {true: sum(counts.get((true, said), 0) for said in used) for true in used}
        rows_used = [true for true in used if totals[true]]
        values = [[counts.get((true, said), 0) / totals[true] for said in used] for true in rows_used]
        titles = [
            [
                f"true {true}, answered {said}: {counts.get((true, said), 0)} of {totals[true]}"
                for said in used
            ]
            for true in rows_used
        ]
        inside = heat_map(f"answers of {one['annotator']} by true class", rows_used, used, values, titles)
        inside += paragraph(
            "Rows: true class (gold, or else the others'); columns: share of each answer.", "note"
        )
    return f"<details><summary>{name(one['annotator'])}</summary>{inside}</details>"
