"""The command line. Every command imports what it needs when it runs: `status` answers in under a second."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from labelloop import __version__
from labelloop.cli import backtesting, fusing, labels, review, scheduling, selecting, tool, weak
from labelloop.cli.arguments import CAMPAIGN, Folder, Plain, campaign_in
from labelloop.errors import LabelloopError
from labelloop.hints import did_you_mean

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


@app.command(rich_help_panel=CAMPAIGN)
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


@app.command(rich_help_panel=CAMPAIGN)
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
    from labelloop import driving
    from labelloop.cli import console
    from labelloop.workspace import Workspace

    workspace = campaign_in(folder)
    with console.progress(workspace) as tell:
        outcome = driving.run(workspace, plain=plain, poll_seconds=poll_seconds, told=tell)
    console.show_outcome(Workspace.at(folder), outcome)


@app.command(rich_help_panel=CAMPAIGN)
def advance(folder: Folder = Path(), plain: Plain = False) -> None:
    """Do everything that can be done now, then leave. For schedules; seconds when there is nothing to do."""
    from labelloop import driving
    from labelloop.cli import console

    workspace = campaign_in(folder)
    with console.progress(workspace) as tell:
        outcome = driving.advance(workspace, plain=plain, told=tell)
    console.show_end(workspace, outcome)


@app.command(rich_help_panel=CAMPAIGN)
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
        typer.echo(statuses.as_text(found))


@app.command(rich_help_panel=CAMPAIGN)
def verify(folder: Folder = Path()) -> None:
    """Read every file of the campaign again and compare it with the digests noted when it was written.

    Exit code 2 when one is damaged or missing; each is named. Changes nothing.
    """
    from labelloop.verification import verify as check

    found = check(campaign_in(folder))
    for name, reason in found.damaged.items():
        typer.echo(f"damaged: {name}: {reason}")
    for name, source in found.missing.items():
        typer.echo(f"missing: {name}: {source} knows of it")
    if found.damaged or found.missing:
        known = found.checked | {*found.damaged, *found.missing}
        raise LabelloopError(
            f"{len(found.damaged)} files are damaged and {len(found.missing)} are missing of {len(known)}. "
            "`git checkout -- FILE` or `dvc checkout FILE` brings back what was versioned; `labelloop stage "
            "NAME ROUND` makes a deleted file anew"
        )
    typer.echo(f"{len(found.checked)} files and folders are as they were written")


@app.command(rich_help_panel=CAMPAIGN)
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
        hint = did_you_mean(name, NAMES, then=f"Stages: {', '.join(NAMES)}")
        raise LabelloopError(f"there is no stage {name!r}; {hint}")
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
        typer.echo(str(outcome))


review.add_to(app)
tool.add_to(app)
scheduling.add_to(app)
backtesting.add_to(app)
selecting.add_to(app)
fusing.add_to(app)
labels.add_to(app)
weak.add_to(app)


REFUSED = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EISDIR,
    errno.EEXIST, errno.ENAMETOOLONG,
}  # fmt: skip
"""What the operating system refuses for a reason that the user can put right; no defect of labelloop."""


def main() -> None:
    """Entry point: errors that the user can put right are one message and exit code 2."""
    try:
        app()
    except LabelloopError as error:
        _end(str(error))
    except OSError as error:
        if error.errno not in REFUSED or error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}; see what is there and who may write to it, or name "
             "another place")  # fmt: skip
    except (SystemExit, KeyboardInterrupt) as leaving:
        # What typer makes of Ctrl-C, without a word; or Ctrl-C before or after typer has the say.
        if isinstance(leaving, SystemExit) and leaving.code != 130:
            raise
        typer.secho("\ninterrupted; the same command goes on from here", err=True)
        sys.exit(130)


def _end(message: str) -> NoReturn:
    typer.secho(f"error: {message}", fg="red", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
