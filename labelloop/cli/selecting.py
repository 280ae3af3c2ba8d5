"""The command `labelloop select`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from labelloop.cli.arguments import ALONE, options_of


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=ALONE)(select)


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
    """Choose the rows of plain arrays to label next.

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
    typer.echo(f"{len(rows)} rows in {out}")
