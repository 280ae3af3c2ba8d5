"""The pictures of a review queue as a page, to look at beside the table that is filled in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from labelloop.reporting.web_page import page, text
from labelloop.stages.shown_items import Shown

WIDTH = 320
"""Pixels that a picture takes at the most, and a small one at the least a third of that."""


def queue_page(rows: Sequence[tuple[str, Shown]], folder: Path, queue: str) -> str:
    """The page, an item a row in the order of the table; nothing of what votes or a model say.

    Args:
        rows: item and what it shows.
        folder: where the page lies; picture files are named relative to it.
        queue: the table's file name.
    """
    style = f'style="max-width:{WIDTH}px;min-width:{WIDTH // 3}px"'
    cells = "\n".join(
        f"<tr><td>{number}</td><td>{text(item)}</td>"
        f'<td><img loading="lazy" alt="{text(item)}" {style} src="{text(_source(shown.picture, folder))}">'
        f"</td><td>{text(shown.text)}</td></tr>"
        for number, (item, shown) in enumerate(rows, start=1)
    )
    body = f"<table><tr><th>row</th><th>item</th><th>picture</th><th>text</th></tr>\n{cells}\n</table>"
    return page(f"{len(rows)} items to review", _subtitle(queue), body, files=True)


def is_page_of(content: str, queue: str) -> bool:
    """Whether `queue_page` made this for a table of this name."""
    return text(_subtitle(queue)) in content


def _subtitle(queue: str) -> str:
    return f"Answers belong in {queue}"


def _source(picture: str, folder: Path) -> str:
    if not picture or picture.startswith("data:"):
        return picture
    return quote(Path(os.path.relpath(picture, folder.resolve())).as_posix())
