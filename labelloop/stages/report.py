"""The round's report: what a person reads when they open the folder of a round."""

from __future__ import annotations

from typing import Any

import pandas as pd

from labelloop import files, tables
from labelloop.evaluation.forecast import said_of_earlier
from labelloop.ledger import POOL_REASON
from labelloop.reporting.label_words import (
    acceptance_words,
    fused_words,
    fusion_words,
    list_words,
    review_words,
)
from labelloop.reporting.pool_words import pool_words
from labelloop.stages.asked_accuracy import sentence as on_asked_items
from labelloop.stages.overruling import gate_table, kept_verdicts, places_in
from labelloop.stages.quality import quality_section
from labelloop.stages.routing_report import routing_sentences
from labelloop.stages.runner import Round
from labelloop.stages.second_look_report import second_look_sentences
from labelloop.stages.settling_report import settled_words
from labelloop.stages.snapshot import before_review


def write_report(
    current: Round,
    curve: pd.DataFrame,
    metrics: dict[str, Any],
    savings: dict[str, Any],
    per_class: list[dict[str, Any]],
    labels: pd.DataFrame,
    batch: pd.DataFrame,
) -> None:
    """Write report.md from what `evaluate` has measured."""
    files.write_text(
        current.folder.report,
        "\n\n".join(
            [
                f"# Round {current.id} of {current.settings.campaign.name}",
                in_words(_summary(current, curve, metrics), _pool(current, per_class)),
                "## Savings against random labeling\n\n" + _savings(savings),
                "## What is still to come\n\n" + _outlook(current),
                "## Who was asked\n\n" + _asked(current, batch, metrics),
                "## How votes became labels\n\n"
                + in_words(
                    fusion_words(files.read_json(current.folder.fusion)),
                    review_words(metrics["reviewed"], metrics["overturned"], metrics["in_review"]),
                    list_words(current.id, metrics["to_review"], metrics["overturned_by_reason"]),
                )
                + _gates(current, labels),
                "## Annotators\n\n" + quality_section(current),
                *_accepted(current, metrics["accepted"]),
                "## Classes on the test set\n\n" + _classes(per_class),
                "## Items people disagreed on\n\n" + _disagreements(labels, current.id),
            ]
        )
        + "\n",
    )


def _summary(current: Round, curve: pd.DataFrame, metrics: dict[str, Any]) -> str:
    currency = current.settings.annotation.currency
    gained = ""
    if len(curve) > 1:
        change = metrics["accuracy"] - curve["accuracy"].iloc[-2]
        labels = metrics["labels"] - int(curve["labels"].iloc[-2])
        cost = metrics["cost"] - curve["cost"].iloc[-2]
        bought = f"This round's {labels} labels cost {cost:.2f} {currency} and"
        if current.settles:
            bought = "What was reviewed"
        elif current.only_looks:
            bought = f"This round's {metrics['second_looks']} second looks cost {cost:.2f} {currency} and"
        gained = f" {bought} moved it by {100 * change:+.1f} points."
    return (
        f"Test accuracy is **{metrics['accuracy']:.1%}** ({metrics['accuracy_low']:.1%} to "
        f"{metrics['accuracy_high']:.1%}) on {metrics['test_items']} items, with {metrics['labels']} labels, "
        f"{metrics['votes']} votes and {metrics['cost']:.2f} {currency}.{gained} Macro F1 "
        f"{metrics['macro_f1']:.3f}, log loss {metrics['log_loss']:.3f}, expected calibration error "
        f"{metrics['ece']:.3f}{_steps_off(metrics)}." + on_asked_items(metrics)
    )


def _steps_off(metrics: dict[str, Any]) -> str:
    return f", {metrics['steps_off']:.2f} classes off on average" if "steps_off" in metrics else ""


def _savings(savings: dict[str, Any]) -> str:
    projected = savings["projected"] or {"sentence": ""}
    return in_words(savings["sentence"], projected["sentence"], savings["roi_sentence"])


def _outlook(current: Round) -> str:
    """The forecast, how good earlier ones were, and the stopping rules as they stood when it was opened."""
    forecast, stopped = files.read_json(current.folder.forecast), files.read_json(current.folder.stopping)
    parts = [in_words(forecast["sentence"], said_of_earlier(forecast["judged"]))]
    if stopped["rules"]:
        parts.append(rules_table(stopped))
    parts += stopped["cannot_fire"]
    return "\n\n".join(parts)


def rules_table(stopped: dict[str, Any]) -> str:
    """The rules on evidence that are set: value, threshold, whether each fires, and why."""
    several = len(stopped["rules"]) > 1
    lines = ["| rule | value | threshold | rounds in a row | fires | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {rule['rule']} | {'–' if rule['value'] is None else format(rule['value'], '.4g')} | "
        f"{rule['threshold']:.4g} | {rule['in_a_row']} of {stopped['patience']} | "
        f"{'yes' if rule['fires'] else 'no'} | {rule['sentence']} |"
        for rule in stopped["rules"]
    ]
    how = {"any": "One of them is enough to stop.", "all": "Only all of them together stop the campaign."}
    return "\n".join(lines) + (f"\n\n{how[stopped['combine']]}" if several else "")


def in_words(*sentences: str) -> str:
    """Sentences as one paragraph; empty ones are left out."""
    return " ".join(sentence for sentence in sentences if sentence)


def _asked(current: Round, batch: pd.DataFrame, metrics: dict[str, Any]) -> str:
    if current.settles:
        return settled_words(current)
    settings = current.settings
    closed = files.read_json(current.folder.closed)
    lines = ["| arm | items | votes an item |", "|---|---|---|"]
    for arm, rows in batch.groupby("arm", sort=True):
        lines.append(f"| {arm} | {len(rows)} | {rows['overlap'].mean():g} |")
    picked = files.read_json(current.folder.selection)
    reasked = int((tables.TASKS.read(current.folder.tasks)["arm"] == tables.REASK).sum())
    return (
        "\n".join(lines)
        + f"\n\nStrategy `{picked['strategy']}`, tool `{settings.annotation.tool}`. "
        + (f"{picked['reason']} " if picked["reason"] else "")
        + f"The round closed with {closed['answered']} of {closed['asked']} answers: {closed['reason']}."
        + _given_up(metrics["given_up"])
        + second_look_sentences(picked, metrics)
        + routing_sentences(picked, reasked)
        + _prelabels(metrics)
    )


def _given_up(items: int) -> str:
    """Which items people could not label, by where to find them."""
    if not items:
        return ""
    were = "1 item of this round was" if items == 1 else f"{items} items of this round were"
    return f"\n\n{were} given up; review.csv says who skipped, when and why."


def _prelabels(metrics: dict[str, Any]) -> str:
    """How many answers began with a shown prediction, where any did."""
    shown, kept, answers = (metrics[name] for name in ("prelabelled", "prelabels_kept", "answers"))
    if not shown:
        return ""
    return (f"\n\nSo far {shown} of {answers} answers ({shown / answers:.0%}) began with a prediction that "
            f"was shown, and {kept} of those ({kept / shown:.0%}) kept it.")  # fmt: skip


def _pool(current: Round, per_class: list[dict[str, Any]]) -> str:
    said = pool_words(current.folder.model, [row["class"] for row in per_class])
    return in_words(said, current.about.get(POOL_REASON, ""))


def _gates(current: Round, labels: pd.DataFrame) -> str:
    review, said = current.settings.review, kept_verdicts(current)
    if not review.gates:
        return ""
    found = places_in(current, before_review(current), said, review)
    text = "\n\n" + gate_table(found, said, review, current.settings.campaign.seed)
    if review.hold_from_training and ((labels["status"] == "in review") & (labels["split"] == "train")).any():
        text += ("\n\nLabels that wait were trained on all the same: without them fewer than two classes "
                 "would have been left.")  # fmt: skip
    return text


def _accepted(current: Round, accepted: int) -> list[str]:
    """What counts without a person; nothing while that is off."""
    told = files.read_json(current.folder.certificate)
    said = {
        "Labels accepted from the model": acceptance_words(told, accepted),
        "Labels by votes that need no further person": fused_words(told),
    }
    return [f"## {title}\n\n{words}" for title, words in said.items() if words]


def _classes(per_class: list[dict[str, Any]]) -> str:
    def number(value: Any) -> str:
        return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)

    # Worst first: that is what a reader is after; long lists are in per_class.csv.
    rows = sorted(per_class, key=lambda row: (row["f1"] is None, row["f1"] or 0.0))[:20]
    columns = ("class", "precision", "recall", "f1", "support")
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(number(row[column]) for column in columns) + " |" for row in rows]
    more = f"\n\n{len(per_class) - len(rows)} more in per_class.csv." if len(per_class) > len(rows) else ""
    return "\n".join(lines) + more


def _disagreements(labels: pd.DataFrame, round_id: str) -> str:
    mine = labels[labels["round"] == round_id]
    if not len(mine):
        return "This round brought no label of a new item."
    split = mine[mine["agreeing"] < mine["votes"]].sort_values(["confidence", "item"]).head(10)
    if not len(split):
        return "None: everybody agreed on every item of this round."
    lines = ["| item | label | votes for it | of | tie |", "|---|---|---|---|---|"]
    lines += [
        f"| {row.item} | {row.label} | {row.agreeing} | {row.votes} | {'yes' if row.tie else ''} |"
        for row in split.itertuples()
    ]
    return "\n".join(lines)
