"""What the command line shows: progress while it works, tables when it is done."""

from __future__ import annotations

import csv
import logging
import os
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from labelloop import files
from labelloop.workspace import Workspace

DOES = {
    "prepare": "reading the data",
    "score": "scoring the pool",
    "select": "choosing the batch",
    "push": "asking the questions",
    "collect": "collecting answers",
    "fuse": "fusing votes into labels",
    "snapshot": "writing the snapshot",
    "train": "training",
    "evaluate": "evaluating",
    "track": "logging to MLflow",
    "version": "putting the snapshot into DVC and git",
    "finish": "comparing with random labeling",
}


class _Progress(logging.Handler):
    """Follows the stages' log: a spinner for what is being done, a line for every finished round."""

    def __init__(self, workspace: Workspace, console: Console, status: Status) -> None:
        super().__init__(logging.INFO)
        self.workspace, self.console, self.status = workspace, console, status

    def emit(self, record: logging.LogRecord) -> None:
        stage, event = getattr(record, "stage", None), getattr(record, "event", None)
        round_id = getattr(record, "round_id", None)
        if stage is None:
            if record.levelno >= logging.WARNING:
                self.console.print(f"[yellow]{record.getMessage()}[/yellow]")
        elif event == "begun":
            self.status.update(f"{round_id or 'campaign'}: {DOES.get(stage, stage)}")
        elif event == "waiting":
            self.status.update(record.getMessage())
        elif stage == "evaluate":
            self._round_line(str(round_id))

    def _round_line(self, round_id: str) -> None:
        metrics = files.read_json(self.workspace.round(round_id).metrics)
        self.console.print(
            f"{round_id}  {metrics['labels']:>6} labels  {metrics['votes']:>7} votes  "
            f"{metrics['cost']:>9.2f} {self.workspace.settings.annotation.currency}  "
            f"accuracy {metrics['accuracy']:.1%}",
            highlight=False,
        )


@contextmanager
def progress(workspace: Workspace) -> Iterator[Callable[[str], None]]:
    """Show what the stages do; yields a function for further lines."""
    console = Console(stderr=True)
    logger = logging.getLogger("labelloop")
    with console.status("starting") as status:
        handler = _Progress(workspace, console, status)
        logger.addHandler(handler)
        before, propagates = logger.level, logger.propagate
        logger.setLevel(logging.INFO)
        # Prefect prints what reaches the root logger; these lines are shown here already.
        logger.propagate = False
        try:
            yield lambda line: console.print(f"[yellow]{line}[/yellow]", highlight=False)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(before)
            logger.propagate = propagates


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of work done."""
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def show_outcome(workspace: Workspace, outcome: object) -> None:
    """The campaign's rounds as a table, what random labeling would have given, and what to do next."""
    from labelloop.ledger import Ledger
    from labelloop.reporting.prospects import read_twin

    console = Console()
    ledger = Ledger.read(workspace.ledger)
    last = ledger.last_closed
    if last is None:
        show_end(workspace, outcome, console)
        return
    twin = read_twin(workspace.twin)
    currency = workspace.settings.annotation.currency
    table = Table(title=f"{workspace.settings.campaign.name}: what each round bought")
    for column in ("round", "labels", "votes", f"cost {currency}", "accuracy", "between", "random gives"):
        table.add_column(column, justify="left" if column == "round" else "right", no_wrap=True)
    folder = workspace.round(last.id)
    with folder.curve.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            random = f"{twin[labels]:.1%}" if (labels := int(row["labels"])) in twin else None
            if random is None and row["control_accuracy"]:
                random = f"{float(row['control_accuracy']):.1%} with {row['control_labels']}"
            table.add_row(
                row["round"], row["labels"], row["votes"], f"{float(row['cost']):.2f}",
                f"{float(row['accuracy']):.1%}",
                f"{100 * float(row['accuracy_low']):.0f}–{float(row['accuracy_high']):.0%}", random or "–",
            )  # fmt: skip
    console.print(table)
    if twin:
        console.print("random gives: mean of twin campaigns with the same annotators that ask at random.")
    else:
        console.print("random gives: the same learner on the control arm's labels alone, as many as said.")
    savings = files.read_json(folder.savings)
    forecast = files.read_json(folder.forecast) if folder.forecast.exists() else {}
    projected = savings.get("projected") or {}
    for sentence in (
        savings["sentence"], projected.get("sentence"), savings.get("roi_sentence"), forecast.get("sentence")
    ):  # fmt: skip
        if sentence:
            console.print(sentence, highlight=False)
    show_end(workspace, outcome, console)
    console.print()
    if workspace.page.exists():
        console.print(f"Open in a browser: {workspace.page.as_uri()}\n", soft_wrap=True, highlight=False)
    console.print(next_steps(workspace, last.id), highlight=False, soft_wrap=True)


def show_end(workspace: Workspace, outcome: object, console: Console | None = None) -> None:
    """What a command ended with; where people are waited for, also where they answer."""
    from labelloop.answering import refused_words, where_to_answer
    from labelloop.ledger import Ledger, read_frozen
    from labelloop.loop import AwaitingApproval
    from labelloop.stages.collect import Waiting

    console = console or Console()
    console.print(str(outcome), highlight=False, markup=False, soft_wrap=True)
    opened = Ledger.read(workspace.ledger).open
    if isinstance(outcome, Waiting) and not isinstance(outcome, AwaitingApproval) and opened is not None:
        settings = read_frozen(workspace.round(opened.id).settings)[1]
        said = (
            refused_words(workspace, opened.id),
            where_to_answer(workspace, opened.id, settings.annotation),
        )
        for words in filter(None, said):
            console.print(words, highlight=False, markup=False, soft_wrap=True)


def next_steps(workspace: Workspace, round_id: str) -> str:
    """What to try next, as commands that work from the present folder.

    Args:
        round_id: the newest closed round.
    """
    from labelloop.answering import from_here

    where, settings = from_here(workspace.root), workspace.settings
    texts = settings.dataset.text_columns
    columns = f" --columns {shlex.quote(','.join(texts))}" if texts else ""
    steps = [
        ("read a round", f"cat {where}/rounds/{round_id}/report.md"),
        ("take the labels", f"labelloop export {where} --out labels.csv{columns}"),
    ]
    if settings.tracking.enabled:
        steps.append(("MLflow", f"mlflow ui --backend-store-uri sqlite:///{workspace.root}/mlflow.db"))
    server = "prefect server start; then PREFECT_API_URL=http://127.0.0.1:4200/api"
    steps.append(("Prefect", f"{server} labelloop serve {where}"))
    if settings.versioning.enabled:
        steps.append(
            ("DVC", f"cd {where} && dvc repro    # nothing to do; with -f all of it, the same bytes")
        )
    if settings.dataset.kind == "digits":
        steps.append(
            ("your own data", "labelloop init mine --params text    # labelloop init --examples lists others")
        )
    first = "" if os.environ.get("VIRTUAL_ENV") else " (after `source .venv/bin/activate`)"
    return f"Next{first}:\n" + "\n".join(f"  {what:<17}{command}" for what, command in steps)


def show_fusion(summary: dict[str, Any], out: Path) -> None:
    """What `labelloop fuse` did."""
    gold = summary.get("gold") or {}
    table = Table.grid(padding=(0, 2))
    for name, value in [*summary.items(), *((f"gold {name}", value) for name, value in gold.items())]:
        if name == "people":
            text = "\n".join(
                f"{who}  bias {found['bias']:+.3f}  noise {found['noise']:.3f}"
                for who, found in value.items()
            )
            more = f"\nand {len(value) - 20} more" if len(value) > 20 else ""
            table.add_row("people", Text(text + more))
        elif name not in ("gold", "out") and value != []:
            text = f"{value:.4f}" if isinstance(value, float) else str(value)
            text = ", ".join(map(str, value)) if isinstance(value, list) else text
            table.add_row(name.replace("_", " "), Text(text))
    table.add_row("written", Text(str(out)))
    Console().print(table, highlight=False)
