"""Commands about a campaign's labels: review, settle, export."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from labelloop.cli.arguments import CAMPAIGN, Folder, Plain, campaign_in, names_of
from labelloop.cli.terminal import say, shortened

Json = Annotated[bool, typer.Option("--json", help="For scripts.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (review, settle, export):
        app.command(rich_help_panel=CAMPAIGN)(command)


def review(
    folder: Folder = Path(),
    out: Annotated[Path, typer.Option(help="Where the queue is written.")] = Path("review_queue.csv"),
    take: Annotated[Path | None, typer.Option(help="Take in this queue, filled in.")] = None,
    by: Annotated[str, typer.Option(help="Who has reviewed; with --take.")] = "",
    gate: Annotated[
        str, typer.Option(help="Only what waits at this review gate; with --take, of rows that name none "
                          "(else each counts at the gate where its label waits).")
    ] = "",
    unsure_below: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Labels with less confidence are on the queue.",
                     show_default="review.unsure_below"),
    ] = None,
    random: Annotated[
        int, typer.Option(min=0, help="Labels drawn at random; they alone tell how good the labels are.")
    ] = 20,
    model: Annotated[
        bool, typer.Option(help="Look for labels that a model, trained without them, contradicts.")
    ] = True,
    show: Annotated[
        bool, typer.Option("--open", help="Show label, votes and reason of the doubtful ones, and list these "
                           "first. Those drawn at random stay blind.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Have labels looked at by somebody who knows more: write a queue, take in what was said.

    The queue is a CSV: items that people gave up, unsure labels, labels that a model contradicts, and some
    drawn at random, mixed, without their labels. Fill in the column `answer`, then `labelloop review --take
    FILE --by NAME`. A verdict outranks votes from the next round on, and in `labelloop export` at once. Both
    are kept.

    In a campaign with review gates (review.gates in params.yaml), --gate writes what waits at one, as blind.
    """
    from labelloop.reviewing.review import take_verdicts, write_gate_queue, write_queue
    from labelloop.settling import uncounted_words
    from labelloop.stages.acceptance import time_of

    workspace = campaign_in(folder)
    if take is not None:
        told = take_verdicts(workspace, take, by, datetime.now(UTC), gate)
        if as_json:
            typer.echo(json.dumps(told, indent=2))
        else:
            say(_taken(told, uncounted_words(workspace)))
        return
    if gate:
        told = write_gate_queue(workspace, out, gate, blind=not show)
    else:
        told = write_queue(
            workspace, out, now=time_of(workspace), unsure_below=unsure_below, at_random=random,
            ask_model=model, blind=not show,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    total = sum(told["rows"].values())
    rows = ", ".join(f"{count} {reason}" for reason, count in told["rows"].items())
    say(f"{total} labels to review in {out}" + (f": {rows}" if rows else ""))
    for name, count in told.get("at_gates", {}).items():
        say(f"{count} reviewed labels of the random slice wait at the gate '{name}' and are on its list "
            f"alone: labelloop review {folder} --gate '{name}'")  # fmt: skip
    if told["page"]:
        say(f"Their pictures, to look at: {told['page']}")
    if total:
        say(f"Answers: {shortened(told['classes'])}")
        say(f"Fill in the column answer, then: labelloop review {folder} --take {out} --by NAME")


def settle(
    folder: Folder = Path(),
    plain: Plain = False,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Also where nothing is new, such as for answers that came in late."),
    ] = False,
) -> None:
    """Count what has been reviewed, with nobody asked: for a campaign that has stopped.

    A verdict counts when a round closes, and after the last round none does. This makes one that asks nobody:
    labels, model, accuracy, certificates, report and snapshot are made anew with every verdict so far. Only
    so can a random review prove anything about the newest round's labels.

    `labelloop review mine --random 100` writes what to fill in, all of it; then

    `labelloop review mine --take review_queue.csv --by eva`

    `labelloop settle mine`

    Reasons to settle are verdicts, a certificate that has expired, or another setting by which labels, model
    or certificates are made (accept, fusion, model, review ...). Without one it is refused, since each such
    round may use up one of the tries of accept.looks. Killed, the same command goes on from there.
    """
    from labelloop import driving
    from labelloop.cli import console
    from labelloop.ledger import Ledger
    from labelloop.reporting.label_words import read_labels
    from labelloop.stages.runner import Round
    from labelloop.stages.settling_report import settled_words

    workspace = campaign_in(folder)
    with console.progress(workspace) as tell:
        name, outcome = driving.settle(workspace, anyway=anyway, plain=plain, told=tell)
    if name in Ledger.read(workspace.ledger).rounds:
        current = Round(workspace, name)
        say("\n".join([settled_words(current), *read_labels(current.folder)]))
    console.show_end(workspace, outcome)


def export(
    folder: Folder = Path(),
    out: Annotated[Path, typer.Option(help="A file that ends with .csv, .csv.gz or .parquet.")] = Path(
        "labels.csv"
    ),
    people: Annotated[bool, typer.Option("--people", help="Without labels accepted from the model.")] = False,
    in_review: Annotated[
        bool, typer.Option("--in-review", help="With labels that wait at a review gate; source: in review.")
    ] = False,
    everything: Annotated[
        bool,
        typer.Option("--all", help="With all that a label rests on: posterior, dissenters, votes' ids ..."),
    ] = False,
    columns: Annotated[str, typer.Option(help="Columns of the data beside each label: 'title,text'.")] = "",
    as_json: Json = False,
) -> None:
    """Write every item's label with where it comes from and how sure it is: what the campaign is for.

    Sources: people (fused votes), reviewed, gold, given (came with the data), model (accepted under a
    certificate, see `accept` in docs/configuration.md). Labels of people that need no further person name
    a certificate as well. An item without a label has no row, nor has one whose label waits at a review gate.
    """
    from labelloop.export import export_labels
    from labelloop.stages.acceptance import time_of

    workspace = campaign_in(folder)
    told = export_labels(
        workspace, out, now=time_of(workspace), people_only=people, in_review=in_review,
        everything=everything, columns=names_of(columns) or (),
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told, indent=2))
        return
    rows = ", ".join(f"{count} {source}" for source, count in told["rows"].items())
    say(f"{out}: {rows or 'no label'}; {told['unlabeled']} items have no label")
    if told["waiting"]:
        say(f"{told['waiting']} labels wait at a review gate and are left out")
    for words in (told["certificate"], told["by_votes"]):
        if words:
            say(words)


def _taken(told: dict[str, Any], waiting: str) -> str:
    """What `take_verdicts` says; `waiting`: that no round is to come which would count them."""
    lines = [f"{told['taken']} verdicts taken in"
             + (f", {told['known']} were known already" if told["known"] else "")
             + (f", {told['blank']} rows have no answer" if told["blank"] else "")
             + f". {waiting or 'They count when the next round closes.'}"]  # fmt: skip
    lines.append(f"So far {told['reviewed']} items reviewed, {told['overturned']} labels overturned.")
    doubtful = [one for one in told["reasons"] if one["reason"] != "random"]
    if doubtful:
        shares = (f"{one['reason']} {one['overturned']} of {one['reviewed']}" for one in doubtful)
        lines.append(f"Overturned, by why they were shown: {', '.join(shares)}.")
    if told["error"] is not None:
        undone = f"; {told['undone']} drawn ones have no verdict yet" if told["undone"] else ""
        lines.append(f"Of {told['drawn']} labels drawn at random {told['error']:.1%} were wrong, which holds "
                     "without bias for all labels by votes (95% "
                     f"interval {told['error_low']:.1%} to {told['error_high']:.1%}{undone}).")  # fmt: skip
    for one in told["gates"]:
        lines.append(f"{one['gate']}: {one['waiting']} waiting, {one['reviewed']} reviewed, "
                     f"{one['overturned']} overturned, {one['divided']} with reviewers divided.")  # fmt: skip
    return "\n".join(lines)
