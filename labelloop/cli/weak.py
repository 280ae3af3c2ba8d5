"""The command `labelloop weak`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from labelloop.cli.arguments import ALONE


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(rich_help_panel=ALONE)(weak)


def weak(
    source: Annotated[
        Path, typer.Argument(help="Python file with functions under @labeling_function; or as with --model.")
    ],
    items: Annotated[Path, typer.Argument(help="CSV, TSV, Parquet or JSON lines, one item a row.")],
    out: Annotated[Path, typer.Option("--out", help="Votes: .csv or .parquet, for `labelloop fuse`.")],
    gold: Annotated[Path | None, typer.Option(help="Table with columns item and label.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="A model's probabilities: item and a column a class; or .npy, a row for "
                     "each item. FILE=0.9 abstains below that. Repeat for more."),
    ] = None,
    abstain_below: Annotated[float, typer.Option(help="Where models abstain that name no threshold.")] = 0.8,
    classes: Annotated[str, typer.Option(help="A model's classes, in their columns' order: 'cat,dog'.")] = "",
    item_column: Annotated[str, typer.Option(help="Column of the item's id.")] = "item",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:  # fmt: skip
    """Let rules and models vote about a table of items, with coverage, overlap and conflict of each.

    A function takes a row and gives a class, or None to abstain. A model abstains where no class is likely
    enough. Fuse the votes with `labelloop fuse`.
    """
    import json

    import pandas as pd

    from labelloop.cli import console
    from labelloop.cli.arguments import names_of
    from labelloop.fusion.column_names import item_column_of
    from labelloop.fusion.labels_file import check_suffix, write_table
    from labelloop.fusion.text_table import read_text_table
    from labelloop.fusion.votes_file import read_gold
    from labelloop.weak.applying import PREFIX, votes_of, worth
    from labelloop.weak.functions import functions_of
    from labelloop.weak.model_votes import PREFIX as MODEL
    from labelloop.weak.model_votes import check_names, read_model, votes_of_model

    check_suffix(out)
    only_models = source.suffix != ".py"
    rules, table = [] if only_models else functions_of(source), read_text_table(items)
    item_column = item_column_of(table, items, (item_column,), "--item-column")
    with console.counting("functions") as tell:
        votes = votes_of(rules, table, item_column, tell)
    ids, named = table[item_column].tolist(), names_of(classes)
    given = [*([str(source)] if only_models else []), *(model or [])]
    models = [
        read_model(path, ids, abstain_below=least, classes=named, item_column=item_column)
        for path, least in _thresholds(given, abstain_below)
    ]
    check_names(models)
    votes = pd.concat([votes, *(votes_of_model(one, ids) for one in models)], ignore_index=True)
    told = None if gold is None else read_gold(gold, item_column)
    voters = [PREFIX + rule.name for rule in rules] + [MODEL + one.name for one in models]
    found = worth(votes, voters, len(table), told)
    write_table(votes, out)
    voted = votes["item"].nunique()
    if as_json:
        summary: dict[str, Any] = {"items": len(table), "voted": int(voted), "functions": found[: len(rules)],
                                   "models": found[len(rules) :]}  # fmt: skip
        typer.echo(json.dumps(summary))
        return
    _show(found)
    typer.echo(f"{voted} of {len(table)} items have a vote; {len(votes)} votes are in {out}")


def _thresholds(models: list[str], usual: float) -> list[tuple[Path, float]]:
    """File and threshold of each `FILE` or `FILE=0.9`."""
    found = []
    for text in models:
        file, equals, least = text.rpartition("=")
        try:
            found.append((Path(file), float(least)) if equals else (Path(text), usual))
        except ValueError:
            found.append((Path(text), usual))
    return found


def _show(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in ("annotator", "labels", "votes", "coverage", "overlap", "conflict"):
        left = name in ("annotator", "labels")
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    with_gold = bool(found) and "accuracy" in found[0]
    if with_gold:
        table.add_column("gold", justify="right")
    for row in found:
        cells = [row["annotator"], ", ".join(row["labels"]), str(row["votes"])]
        cells += [f"{row[name]:.1%}" for name in ("coverage", "overlap", "conflict")]
        if with_gold:
            known = row["accuracy"] is not None
            cells.append(
                f"{row['accuracy']:.0%} ({100 * row['low']:.0f}–{row['high']:.0%})" if known else "–"
            )
        table.add_row(*cells)
    Console().print(table)
