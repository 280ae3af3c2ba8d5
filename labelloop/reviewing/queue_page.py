"""The pictures of a review queue as a page, to look at beside the table that is filled in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from labelloop import files
from labelloop.errors import DataError
from labelloop.reporting.web_page import page, text
from labelloop.stages.shown_items import Shown

PAGE = ".html"
"""How the page of a queue's pictures ends; the rest of its name is the queue's."""

WIDTH = 320
"""Pixels that a picture takes at the most, and a small one at the least a third of that."""


def refuse_page(out: Path) -> None:
    """Refuse a queue that is named as its page would be."""
    if out.suffix.lower() == PAGE:
        raise DataError(f"--out {out}: a page of that name holds the queue's pictures; name a table that "
                        "ends with .csv")  # fmt: skip


def write_page(out: Path, shown: Mapping[str, Shown]) -> str | None:
    """The queue's pictures beside it; the page's path, or None without any. The page of an earlier queue in
    its place goes.

    Args:
        out: the queue's table.
        shown: what each item shows, in the table's order.
    """
    path = out.with_suffix(PAGE)
    if not any(one.picture for one in shown.values()):
        if path.exists() and is_page_of(path.read_text(encoding="utf-8", errors="replace"), out.name):
            path.unlink()
        return None
    files.write_text(path, queue_page(list(shown.items()), path.parent, out.name))
    return str(path)


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
