"""The command `labelloop backtest`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from labelloop.cli.arguments import ALONE
from labelloop.errors import SettingsError


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=ALONE)(backtest)


def backtest(
    out: Annotated[
        Path, typer.Option(help="Folder for backtest.html, curves.csv, summary.json, curves.png.")
    ],
    params: Annotated[
        Path | None, typer.Option(help="params.yaml of a campaign whose data has labels. Or --campaign.")
    ] = None,
    campaign: Annotated[
        Path | None, typer.Option(help="A campaign's folder: replay what it has labeled, with its own votes.")
    ] = None,
    strategies: Annotated[
        str,
        typer.Option(
            help="Comma-separated. Default: the one in params, and random. acquisition.options are "
            "those of the one in params; the others have none."
        ),
    ] = "",
    batch_sizes: Annotated[str, typer.Option(help="Such as 20,40,80. Default: the one in params.")] = "",
    overlaps: Annotated[str, typer.Option(help="Votes an item, such as 1,3. Default: as in params.")] = "",
    votes: Annotated[
        str,
        typer.Option(
            help="Who answers. known: labels of the data, always right. crew: the simulated annotators of "
            "params. Or a file of votes (item, annotator, label). With --campaign: recorded, its own votes."
        ),
    ] = "",
    money: Annotated[
        float | None, typer.Option(min=0.0, help="Money for each trial. Default: what params' plan costs.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="What trials are compared by: accuracy, macro_recall or recall:CLASS.")
    ] = "accuracy",
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions; the same for every trial.")] = 5,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = os.cpu_count() or 1,
    verdict_for: Annotated[
        Path | None,
        typer.Option(
            help="A campaign's folder: its auto then leaves out what is surely worse than random here "
            "(backtest.json, which keeps what earlier backtests of the same showed of other strategies). "
            "Default: the folder of --params, if it is a campaign."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: the summary.")] = False,
) -> None:
    """Which strategy, batch size, overlap and budget would have paid? Replays campaigns on labeled data.

    Every combination is a trial. All trials have the same money to spend, so asking one person an item
    instead of three buys three times the items; they share test sets, learner and first draws by seed, so
    differences are paired. Needs no servers, costs nothing, asks nobody.

    Before a campaign, on a labeled sample of the data:

    `labelloop backtest --params params.yaml --out replay --strategies auto,margin,random --batch-sizes 20,80`

    With annotators that err, is a second opinion worth its price?

    `labelloop backtest --params params.yaml --out replay --votes crew --overlaps 1,3,5`

    On a labeled sample, so that the campaign's auto leaves out what is surely worse than random:

    `labelloop backtest --params sample.yaml --out replay --strategies auto,margin,random --verdict-for mine`

    In the middle of one, with what people really answered:

    `labelloop backtest --campaign mine --out replay --overlaps 1,2,3`

    For a class that is one item in a hundred, how much of it does the model find?

    `labelloop backtest --params params.yaml --out replay --strategies rare_class,auto --metric recall:spam`

    Open replay/backtest.html: the recommendation, the curves, and what less money would have bought.
    """
    from labelloop.cli import console
    from labelloop.stages.backtest import backtest as replay

    if (params is None) == (campaign is None):
        raise SettingsError(
            "say what to replay: --params FILE (data that has labels) or --campaign FOLDER (what a campaign "
            "has labeled so far), one of them"
        )
    verdict_for = _campaign_to_tell(params, verdict_for)
    with console.counting("campaigns") as tell:
        summary = replay(
            params,
            out,
            campaign=campaign,
            strategies=[name for name in strategies.split(",") if name],
            batch_sizes=_numbers(batch_sizes, "--batch-sizes"),
            overlaps=_numbers(overlaps, "--overlaps"),
            votes=votes,
            money=money,
            metric=metric,
            seeds=seeds,
            workers=workers,
            verdict_for=verdict_for,
            told=tell,
        )
    if as_json:
        import json

        typer.echo(json.dumps(summary))
    else:
        _show(summary, out)


def _campaign_to_tell(params: Path | None, wanted: Path | None) -> Path | None:
    """The folder of the campaign that the verdict is left in; None where there is none."""
    if params is None:
        if wanted is None:
            return None
        raise SettingsError(
            f"--verdict-for {wanted} goes with --params alone: what --campaign replays was mostly picked by "
            "that campaign's own strategy, so random is judged on items that are not random"
        )
    folder = params.resolve().parent if wanted is None else wanted
    if (folder / "rounds.yaml").exists():
        return folder
    if wanted is None:
        return None
    raise SettingsError(
        f"--verdict-for {wanted}: there is no campaign (no rounds.yaml); `labelloop init` makes one"
    )


def _numbers(text: str, option: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise SettingsError(f"{option} {text}: numbers above 0 with commas between them, such as 20,40")
    return [int(part) for part in parts]


def _show(summary: dict[str, Any], out: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console, money = Console(), summary["at_money"]
    table = Table(title=f"{summary['seeds']} seeds; every label gives {summary['full_pool_accuracy']:.1%}; "
                        f"all at {money['money']:.2f} {summary['currency']}")  # fmt: skip
    for column in ("trial", summary["metric"], "between", "labels", "to 95%", "behind", "between"):
        table.add_column(column, justify="left" if column == "trial" else "right", no_wrap=True)
    for row in money["trials"]:
        found = summary["strategies"][row["trial"]]["labels_to"]["95%"]
        behind = between = "–"
        if row["trial"] != money["best"]:
            behind, between = f"{100 * row['behind']:.1f}", _between(row["behind_low"], row["behind_high"])
        table.add_row(
            row["trial"], f"{row['accuracy']:.1%}", _between(row["low"], row["high"]),
            f"{row['labels']:.0f}", _labels_to(found, summary["seeds"]), behind, between,
        )  # fmt: skip
    console.print(table)
    console.print("to 95%: labels to 95% of what every label gives. behind: points at the same money, paired "
                  "by seed.")  # fmt: skip
    console.print(f"\n{money['sentence']}", highlight=False)
    for note in summary["notes"]:
        console.print(note, highlight=False)
    page = (out / "backtest.html").resolve().as_uri()
    console.print("curves.csv, summary.json and curves.png are in " + str(out), highlight=False)
    console.print(f"Open in a browser: {page}", highlight=False, soft_wrap=True)


def _between(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}"


def _labels_to(found: dict[str, Any], seeds: int) -> str:
    if found["mean"] is None:
        return "–"
    return f"{found['mean']:.0f}" + ("" if found["seeds"] == seeds else f" ({found['seeds']}/{seeds})")
