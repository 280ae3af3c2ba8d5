"""The command that fuses a table of votes; it needs no campaign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from labelloop.cli.arguments import ALONE, names_of, options_of
from labelloop.errors import SettingsError


def add_to(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command(rich_help_panel=ALONE)(fuse)


def fuse(
    votes: Annotated[Path, typer.Argument(help="CSV (gzip too), Parquet or JSON lines, one vote a row.")],
    out: Annotated[Path, typer.Option("--out", help="Labels: .csv or .parquet.")],
    method: Annotated[str | None, typer.Option(help="Fusion method.", show_default="auto")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="The method's option key=value: temperature=1. Repeat for more."),
    ] = None,
    gold: Annotated[Path | None, typer.Option(help="Table with columns item and label.")] = None,
    classes: Annotated[str, typer.Option(help="Every class, in its order: 'cat,dog'. Decides ties.")] = "",
    order: Annotated[
        str, typer.Option(help="Classes with an order: 'low,mid,high'. The label is then the median.")
    ] = "",
    probabilities: Annotated[
        Path | None,
        typer.Option(help="A model's word: item and a column a class. It must not know the item's votes."),
    ] = None,
    warm_start: Annotated[
        Path | None,
        typer.Option(help="Labels of an earlier run: the fit starts from them and ends sooner. For votes "
                          "that keep coming in."),
    ] = None,
    item_column: Annotated[str, typer.Option(help="Column of the item's id.")] = "item",
    annotator_column: Annotated[str, typer.Option(help="Column of the annotator.")] = "annotator",
    label_column: Annotated[str, typer.Option(help="Column of the answer.")] = "label",
    vote_column: Annotated[str, typer.Option(help="Column of the vote's id, where there is one.")] = "vote",
    ratings: Annotated[
        bool, typer.Option("--ratings", help="Answers are numbers: fuse them into one value an item.")
    ] = False,
    robust: Annotated[
        bool, typer.Option("--robust", help="With --ratings: single numbers far off count less.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found, for scripts.")] = False,
) -> None:  # fmt: skip
    """Fuse any table of votes into one label an item, with its confidence."""
    import json

    from labelloop.cli import console
    from labelloop.fusion.ratings_file import fuse_ratings_file
    from labelloop.fusion.votes_file import fuse_file

    options = options_of(option or [])
    columns: dict[str, Any] = {
        "item_column": item_column, "annotator_column": annotator_column, "label_column": label_column,
    }  # fmt: skip
    if ratings:
        of_classes = {
            "--method": method,
            "--classes": classes,
            "--order": order,
            "--probabilities": probabilities,
            "--warm-start": warm_start,
        }
        useless = [name for name, value in of_classes.items() if value]
        if useless:
            raise SettingsError(f"{useless[0]} is about classes and --ratings about numbers; leave out one")
        summary = fuse_ratings_file(
            votes, out, options=options | ({"robust": True} if robust else {}), gold_path=gold, **columns
        )
    else:
        if robust:
            raise SettingsError("--robust is about numbers; it goes with --ratings")
        if classes and order:
            raise SettingsError("--classes and --order both name the classes; leave out one")
        summary = fuse_file(
            votes, out, method=method or "auto", options=options, gold_path=gold,
            probabilities_path=probabilities, warm_start_path=warm_start, vote_column=vote_column,
            ordered=bool(order), classes=names_of(order or classes), **columns,
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(summary, indent=2, ensure_ascii=False))
    else:
        console.show_fusion(summary, out)
