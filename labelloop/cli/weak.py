"""The command `labelloop weak`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(weak)


def weak(
    functions: Annotated[Path, typer.Argument(help="Python file with functions under @labeling_function.")],
    items: Annotated[Path, typer.Argument(help="CSV, TSV, Parquet or JSON lines, one item a row.")],
    out: Annotated[Path, typer.Option("--out", help="Votes: .csv or .parquet, for `labelloop fuse`.")],
    gold: Annotated[Path | None, typer.Option(help="Table with columns item and label.")] = None,
    item_column: Annotated[str, typer.Option(help="Column of the item's id.")] = "item",
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Let rules vote: labeling functions over a table of items, with coverage, overlap and conflict of each.

    A function takes a row and gives a class, or None to abstain. Fuse the votes with `labelloop fuse`.
    """
    import json

    from labelloop import console
    from labelloop.fusion.labels_file import check_suffix, write_table
    from labelloop.fusion.text_table import read_text_table
    from labelloop.fusion.votes_file import read_gold
    from labelloop.weak.applying import PREFIX, votes_of, worth
    from labelloop.weak.functions import functions_of

    check_suffix(out)
    rules, table = functions_of(functions), read_text_table(items)
    with console.counting("functions") as tell:
        votes = votes_of(rules, table, item_column, tell)
    told = None if gold is None else read_gold(gold, item_column)
    found = worth(votes, [PREFIX + rule.name for rule in rules], len(table), told)
    write_table(votes, out)
    voted = votes["item"].nunique()
    if as_json:
        summary: dict[str, Any] = {"items": len(table), "voted": int(voted), "functions": found}
        typer.echo(json.dumps(summary))
        return
    _show(found)
    typer.echo(f"{voted} of {len(table)} items have a vote; {len(votes)} votes are in {out}")


def _show(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for name in ("function", "labels", "votes", "coverage", "overlap", "conflict"):
        table.add_column(name, justify="left" if name in ("function", "labels") else "right")
    with_gold = bool(found) and "accuracy" in found[0]
    if with_gold:
        table.add_column("right on gold", justify="right")
    for row in found:
        cells = [row["annotator"].removeprefix("function:"), ", ".join(row["labels"]), str(row["votes"])]
        cells += [f"{row[name]:.1%}" for name in ("coverage", "overlap", "conflict")]
        if with_gold:
            known = row["accuracy"] is not None
            cells.append(f"{row['accuracy']:.1%} ({row['low']:.0%}–{row['high']:.0%})" if known else "–")
        table.add_row(*cells)
    Console().print(table)
