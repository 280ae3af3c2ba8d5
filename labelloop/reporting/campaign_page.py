"""reports/campaign.html: the whole campaign on one page, for somebody with a browser and a few minutes.

It says what `labelloop status` says, with pictures and with links to what tells more. The pictures are in the
file, so it may be sent to somebody who has no campaign.
"""

from __future__ import annotations

import base64
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from labelloop.campaign import CampaignSettings
from labelloop.reporting.label_words import read_labels
from labelloop.reporting.pool_words import read_learner
from labelloop.reporting.prospects import as_pairs, read_curve, read_prospects, read_twin
from labelloop.reporting.quality_words import quality_lines, read_quality
from labelloop.reporting.web_page import (
    cards,
    name,
    page,
    paragraph,
    picture,
    section,
    sentence,
    share,
    table,
    text,
)
from labelloop.round_folder import RoundFolder
from labelloop.workspace import Workspace

MOST_CLASSES = 15
"""Rows of the table of classes, the worst first."""

ROUND_FILES = (
    ("report.md", "the round in words"),
    ("annotators.html", "who answers how well, how far people agree"),
    ("review.csv", "labels that somebody should look at again"),
    ("learning_curve.csv", "the curve as a table"),
)


def campaign_page(workspace: Workspace, round_id: str, settings: CampaignSettings, stopped: str = "") -> str:
    """The page as it stands after a round that is evaluated, its pictures being in reports/.

    Args:
        settings: params.yaml; its stopping rules and budgets are held against what was reached.
        stopped: why the campaign has ended, where it has.
    """
    folder = workspace.round(round_id)
    rows = read_curve(folder.curve)
    # A campaign that goes on has twins of its earlier end only, and its curve is drawn without them.
    twin = read_twin(workspace.twin) if stopped else {}
    with folder.per_class.open(encoding="utf-8", newline="") as stream:
        per_class = list(csv.DictReader(stream))
    body = [
        cards(_cards(rows[-1], settings)),
        paragraph(f"The campaign has ended: {stopped}") if stopped else "",
        _curve_picture(workspace.reports, bool(twin)),
        section("Where it stands", _prospects(folder, rows, settings)),
        section("What each round bought", _rounds(rows, twin, settings.annotation.currency)),
        section("Model", *(sentence(line) for line in [read_learner(folder)] if line)),
        section("Labels", *(sentence(line) for line in read_labels(folder))),
        section("People", _people(folder)),
        section(
            "Classes on the test set", _classes(per_class), _confusion(workspace.reports, len(per_class))
        ),
        section("Look further", _files(workspace, folder)),
    ]
    subtitle = f"{settings.labels.question} After round {round_id}; made anew after every round."
    return page(settings.campaign.name, subtitle, "\n".join(part for part in body if part), pictures=True)


def _cards(last: Mapping[str, Any], settings: CampaignSettings) -> list[tuple[str, str, str]]:
    target, budget = settings.stopping.target_accuracy, settings.budget
    between = f"{share(last['accuracy_low'])} to {share(last['accuracy_high'])}"
    test = f"{between} on {last['test_items']} test items"
    goal = f"; target {target:.1%}" if target is not None else ""
    labels = f"of {budget.labels:,} in the budget" if budget.labels is not None else "beside the test set"
    money = f"of {budget.money:,.2f} in the budget" if budget.money is not None else "for all answers"
    return [
        ("accuracy", share(last["accuracy"]), test + goal),
        ("labels", f"{last['labels']:,}", labels),
        ("votes", f"{last['votes']:,}", "answers of people, the test set's too"),
        (f"cost, {settings.annotation.currency}", f"{last['cost']:,.2f}", money),
    ]


def _curve_picture(reports: Path, twin: bool) -> str:
    told = (
        "Blue: the campaign, with the 95% interval of its accuracy. "
        "Orange: the control arm, the same learner on the labels that were drawn at random."
    )
    told += " Grey: twin campaigns with the same annotators that ask at random." if twin else ""
    return _picture(reports / "learning_curve.png", "accuracy by labeled items", told, 46)


def _confusion(reports: Path, classes: int) -> str:
    told = "Which class is taken for which: each row is one true class."
    return _picture(reports / "confusion_matrix.png", "confusion matrix", told, min(26 + classes, 60))


def _picture(path: Path, what: str, told: str, rem: int) -> str:
    if not path.exists():
        return ""
    return picture(base64.b64encode(path.read_bytes()).decode(), what, rem) + paragraph(told, "note")


def _prospects(folder: RoundFolder, rows: Sequence[Mapping[str, Any]], settings: CampaignSettings) -> str:
    pairs = as_pairs(read_prospects(folder, rows, settings))
    return table(
        ["", ""], [[f"<b>{text(what).replace(' ', '&nbsp;')}</b>", text(says)] for what, says in pairs]
    )


def _rounds(rows: Sequence[Mapping[str, Any]], twin: Mapping[int, float], currency: str) -> str:
    columns = ["round", "labels", "votes", f"cost, {currency}", "accuracy", "95% interval"]
    cells = [
        [
            f'<a href="../rounds/{text(row["round"])}/report.md">{text(row["round"])}</a>',
            f"{row['labels']:,}", f"{row['votes']:,}", f"{row['cost']:,.2f}", share(row["accuracy"]),
            f"{share(row['accuracy_low'])} to {share(row['accuracy_high'])}",
            *([share(twin.get(row["labels"]))] if twin else []),
        ]
        for row in rows
    ]  # fmt: skip
    if twin:
        columns.append("random gives")
    return table(columns, cells, numbers=len(columns) - 1)


def _people(folder: RoundFolder) -> str:
    quality = read_quality(folder.quality)
    return "" if quality is None else "\n".join(sentence(line) for line in quality_lines(quality))


def _classes(rows: Sequence[Mapping[str, str]]) -> str:
    worst = sorted(rows, key=lambda row: float(row["f1"] or 0.0))[:MOST_CLASSES]
    more = f"; {len(rows) - len(worst)} more in per_class.csv" if len(rows) > len(worst) else ""
    figures = ("precision", "recall", "f1")
    cells = [
        [name(row["class"]), *(f"{float(row[key]):.2f}" if row[key] else "–" for key in figures),
         text(row["support"])]
        for row in worst
    ]  # fmt: skip
    caption = f"The worst first{more}. Support: test items of the class."
    return table(["class", "precision", "recall", "F1", "support"], cells, numbers=4, caption=caption)


def _files(workspace: Workspace, folder: RoundFolder) -> str:
    rows = [
        [f'<a href="../rounds/{folder.id}/{file}">{file}</a>', text(says)]
        for file, says in ROUND_FILES
        if (folder.path / file).exists()
    ]
    rows.append(["<code>labelloop export</code>", "every label so far in one CSV, with where it comes from"])
    if workspace.settings.tracking.enabled:
        command = "<code>mlflow ui --backend-store-uri sqlite:///mlflow.db</code>"
        rows.append([command, "every round and its model; in this folder, where no MLflow server is set"])
    return table([f"of round {folder.id}", ""], rows)
