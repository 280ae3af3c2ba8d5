"""The command line. Every command imports what it needs when it runs: `status` answers in under a second."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from labelloop import __version__
from labelloop.cli import backtesting, fusing, labels, review, scheduling, tool, weak
from labelloop.cli.arguments import Folder, Plain, campaign_in, options_of
from labelloop.errors import LabelloopError
from labelloop.terminal import say

app = typer.Typer(
    name="labelloop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Active-learning campaigns with people in them.\n\n"
    "A campaign is a folder. `labelloop init DIR` makes one, `labelloop run DIR` runs it until it stops or "
    "waits for people, `labelloop status DIR` says where it stands. Settings are in DIR/params.yaml.",
    epilog="First time? `labelloop init demo && labelloop run demo`",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"labelloop {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    pass


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make the campaign in.")] = Path(),
    params: Annotated[
        str, typer.Option(help="Where params.yaml comes from: an example's name or a file.")
    ] = "digits",
    own_git: Annotated[
        bool, typer.Option("--own-git", help="A git repository of its own, even inside another one.")
    ] = False,
    examples: Annotated[bool, typer.Option("--examples", help="List the examples and leave.")] = False,
) -> None:
    """Make a new campaign: params.yaml, dvc.yaml, an empty ledger, a git and a DVC repository.

    Without an edit it is the demo: scikit-learn's digits, five simulated annotators. Nothing that is there
    is overwritten.
    """
    from labelloop import scaffold

    if examples:
        for name, text in scaffold.examples().items():
            typer.echo(f"{name:<12} {text.splitlines()[0].lstrip('# ')}")
        return
    for path in scaffold.init(folder.resolve(), params=params, own_git=own_git):
        typer.echo(f"wrote {path.relative_to(folder.resolve())}")
    where = "" if folder == Path() else f" {folder}"
    typer.echo(f"\nNext: edit {folder / 'params.yaml'}, then `labelloop run{where}`")


@app.command()
def run(
    folder: Folder = Path(),
    plain: Plain = False,
    poll_seconds: Annotated[
        float, typer.Option(help="Look for people's answers this often. 0: leave when only people can go on.")
    ] = 0.0,
) -> None:
    """Run the campaign until it stops, or until only people can go on.

    Killed at any moment, the same command goes on from there. Ends with the table of rounds.
    """
    from labelloop import console, driving
    from labelloop.workspace import Workspace

    workspace = campaign_in(folder)
    with console.progress(workspace) as tell:
        outcome = driving.run(workspace, plain=plain, poll_seconds=poll_seconds, told=tell)
    console.show_outcome(Workspace.at(folder), outcome)


@app.command()
def advance(folder: Folder = Path(), plain: Plain = False) -> None:
    """Do everything that can be done now, then leave. For schedules; seconds when there is nothing to do."""
    from labelloop import console, driving

    workspace = campaign_in(folder)
    with console.progress(workspace) as tell:
        outcome = driving.advance(workspace, plain=plain, told=tell)
    say(outcome)


@app.command()
def status(
    folder: Folder = Path(),
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Say where the campaign stands: what was learned, what it cost, what is being waited for."""
    from labelloop import status as statuses

    found = statuses.read_status(campaign_in(folder))
    if as_json:
        import json

        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        say(statuses.as_text(found))


@app.command()
def verify(folder: Folder = Path()) -> None:
    """Read every file of the campaign again and compare it with the digests noted when it was written.

    Exit code 2 when one is damaged or missing; each is named. Changes nothing.
    """
    from labelloop.verification import verify as check

    found = check(campaign_in(folder))
    for name, reason in found.damaged.items():
        say(f"damaged: {name}: {reason}")
    for name, source in found.missing.items():
        say(f"missing: {name}: {source} knows of it")
    if found.damaged or found.missing:
        known = found.checked | {*found.damaged, *found.missing}
        raise LabelloopError(
            f"{len(found.damaged)} files are damaged and {len(found.missing)} are missing of {len(known)}. "
            "`git checkout -- FILE` or `dvc checkout FILE` brings back what was versioned; `labelloop stage "
            "NAME ROUND` makes a deleted file anew"
        )
    typer.echo(f"{len(found.checked)} files and folders are as they were written")


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="prepare, score, select, push, collect, fuse, snapshot, train "
                                             "or evaluate.")],
    round_id: Annotated[str | None, typer.Argument(help="Such as r003; left out for prepare.")] = None,
    campaign: Annotated[Path, typer.Option("--campaign", "-C", help="The campaign's folder.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Run it although it is done.")] = False,
) -> None:  # fmt: skip
    """Run one stage of one round, as dvc.yaml does. Does nothing when it is done."""
    from labelloop.stages import NAMES
    from labelloop.stages.collect import Waiting
    from labelloop.stages.runner import run_stage

    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise LabelloopError(f"there is no stage {name!r}; {hint}Stages: {', '.join(NAMES)}")
    if (round_id is None) != (name == "prepare"):
        raise LabelloopError(
            "prepare takes no round" if round_id else f"stage {name} needs a round, such as r000"
        )
    workspace = campaign_in(campaign)
    opened = [folder.id for folder in workspace.rounds() if folder.settings.exists()]
    if round_id is not None and round_id not in opened:
        raise LabelloopError(f"round {round_id!r} was never opened; rounds: {', '.join(opened) or 'none'}")
    with workspace.hold(f"labelloop stage {name} {round_id or ''}".strip()):
        outcome = run_stage(workspace, name, round_id, force=force)
    if isinstance(outcome, Waiting):
        say(outcome)


@app.command()
def select(
    strategy: Annotated[
        str, typer.Option(help="auto, margin, k_center ... or your own as 'package.module:function'.")
    ],
    batch_size: Annotated[int, typer.Option(help="Rows to choose.")],
    out: Annotated[Path, typer.Option(help="Picks in the order of choice: .csv.")],
    embeddings: Annotated[Path | None, typer.Option(help=".npy, one row an item.")] = None,
    probabilities: Annotated[
        Path | None, typer.Option(help=".npy, one row an item, one column a class.")
    ] = None,
    labeled: Annotated[
        Path | None, typer.Option(help=".npy of the rows that are labeled already, or a mask.")
    ] = None,
    members: Annotated[
        Path | None, typer.Option(help=".npy of a committee's probabilities: members x items x classes.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help=".npy of class codes, one a labeled row in the order of --labeled.")
    ] = None,
    beliefs: Annotated[
        Path | None,
        typer.Option(help=".npy of class chances by the votes about labeled rows, NaN: not again (relabel)."),
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(help=".npy: what models not trained on a row say of it, for error_based.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the strategy as key=value, such as power=2; again for more."),
    ] = None,
    ids: Annotated[
        Path | None,
        typer.Option(help="An id a row: .npy of text, or a text file with one a line. The order of the rows "
                          "then decides nothing, and the picks have a column item."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    compose: Annotated[
        Path | None, typer.Option(help="YAML with the keys of acquisition.compose: filter, caps, shares ...")
    ] = None,
    table: Annotated[
        Path | None, typer.Option(help="The columns that --compose names: CSV or Parquet, one row an item.")
    ] = None,
    money: Annotated[float | None, typer.Option(help="What the batch may cost, by cost_column.")] = None,
) -> None:  # fmt: skip
    """Choose the rows of plain arrays to label next. Needs no campaign.

    Arrays are .npy files that cover all rows, labeled or not; which ones a strategy reads is in
    docs/selection.md, and it says so when one is missing. Rows are counted from 0.

    Nothing labeled and no model yet:

    `labelloop select --strategy auto --batch-size 50 --embeddings x.npy --out picks.csv`

    With a model's predictions, told by id, three times as keen on doubt as by default:

    `labelloop select --strategy power_margin --option power=3 --batch-size 50 --probabilities p.npy --labeled
    known.npy --ids ids.txt --out picks.csv`

    No more than two of one source, within a budget:

    `labelloop select --strategy margin --batch-size 50 --probabilities p.npy --compose compose.yaml --table
    items.csv --money 20 --out picks.csv`
    """
    from labelloop.acquisition.array_selection import select_from_files

    rows = select_from_files(
        strategy,
        batch_size=batch_size,
        out=out,
        embeddings=embeddings,
        probabilities=probabilities,
        labeled=labeled,
        members=members,
        labels=labels,
        beliefs=beliefs,
        held_out=held_out,
        seed=seed,
        compose=compose,
        table=table,
        money=money,
        ids=ids,
        options=options_of(option or []),
    )
    say(f"{len(rows)} rows in {out}")


fusing.add_to(app)
scheduling.add_to(app)
tool.add_to(app)
weak.add_to(app)
labels.add_to(app)
backtesting.add_to(app)
review.add_to(app)


def main() -> None:
    """Entry point: errors that the user can put right are one message and exit code 2."""
    try:
        app()
    except LabelloopError as error:
        say(f"error: {error}", err=True, colour="red")
        sys.exit(2)
    except (SystemExit, KeyboardInterrupt) as leaving:
        # What typer makes of Ctrl-C, without a word; or Ctrl-C before or after typer has the say.
        if isinstance(leaving, SystemExit) and leaving.code != 130:
            raise
        typer.secho("\ninterrupted; the same command goes on from here", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
