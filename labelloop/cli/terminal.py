"""What comes from data, shown on a terminal: as text, and never as markup or as an order to the terminal.

Names of classes, annotators, items and files are anybody's. What the command line prints of them goes through
here; rich, which reads a bare string as markup, is used here and in `console` alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

import typer

MOST_NAMES = 20
_CONTROL = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029"
_DIRECTION = r"\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNFIT = re.compile(rf"[{_CONTROL}{_DIRECTION}\ud800-\udfff]")
"""Control characters but tab and end of line, what turns the direction of writing, halves of characters."""


def printable(words: object) -> str:
    """With a mark in the place of what would move the cursor, colour or reorder what follows."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", str(words))


def say(words: object, *, err: bool = False, colour: str | None = None) -> None:
    """Print a line, or several."""
    typer.secho(printable(words), err=err, fg=colour)


def shortened(names: Iterable[object], most: int = MOST_NAMES) -> str:
    """Names with commas between; the first of them, and how many more, where they are many."""
    named = [str(name) for name in names]
    more = f" and {len(named) - most} more" if len(named) > most else ""
    return ", ".join(named[:most]) + more


def show_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    left: Sequence[str] = (),
    title: str | None = None,
    no_wrap: bool = False,
) -> None:
    """Print a table; numbers stand to the right.

    Args:
        left: columns of words besides the first one.
        no_wrap: cells are cut rather than put on several lines.
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    table = Table(title=None if title is None else escape(printable(title)))
    for place, column in enumerate(columns):
        justify: Literal["left", "right"] = "left" if place == 0 or column in left else "right"
        table.add_column(
            Text(printable(column)),
            justify=justify,
            no_wrap=no_wrap,
            overflow="ellipsis" if no_wrap else "fold",
        )
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)
