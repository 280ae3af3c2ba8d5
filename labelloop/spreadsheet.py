"""Cells that people open in a spreadsheet: none is taken for a formula, and each can be read back."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Lines(list[str]):
    """Takes what a `csv.writer` writes, a row at a time."""

    def write(self, line: str) -> None:
        self.append(line)


def plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe before what would be one, or look so."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def sheet(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as CSV, its cells made `plain`, a row a line that ends in a line feed."""
    lines = _Lines()
    # With "\n" as the writer's own end, a lone carriage return would go unquoted and break its row in two.
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([plain(cell) for cell in row] for row in rows)
    return "".join(line.removesuffix("\r\n") + "\n" for line in lines)


def unplain(text: str) -> str:
    """What `plain` was given."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text
