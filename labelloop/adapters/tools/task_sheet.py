"""A round's tasks as a spreadsheet and a page that explains it: what a person opens to label by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence

from labelloop import files
from labelloop.adapters.tools.base import Project, Task
from labelloop.spreadsheet import plain

LONGEST_CELL = 32_000
"""Spreadsheets cut longer cells off without a word."""

_OURS = ("key", "item", "label", "annotator")

_AGAIN = """
Some of these items were asked before, and another person's view is wanted: leave the rows empty that you have
answered already. Answering one again only changes your earlier answer.
"""


_OWN = """
Every question is for one person. Your sheet is `tasks-<your name>.csv`; you may also fill it in where it is.
What you answer beyond it counts as well. What somebody has skipped is anybody's: `labelloop status` names
those items, and whoever else can tell fills in their row in `tasks.csv`, with their name in the column
`annotator`.
"""

_ALONE = """\
- Working alone, you may fill in `tasks.csv` itself, with your name in the column `annotator`.
"""

_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}", re.ASCII)


def sheet_name(person: str) -> str:
    """The file with what this person is asked, or with everything for everybody ('').

    Names that a file system could not hold, or take for another's, get a digest.
    """
    if not person:
        return "tasks.csv"
    plain_name = person
    if not _PLAIN_NAME.fullmatch(person):
        kept = re.sub(r"[^A-Za-z0-9._@+-]+", "_", person)[:80]
        plain_name = f"{kept}-{files.digest_of(person)[:8]}"
    return f"tasks-{plain_name}.csv"


def task_sheet(tasks: Sequence[Task], filled: Mapping[str, tuple[str, str]], person: str = "") -> str:
    """One row an item: key, item, label, annotator, then what the item shows.

    Args:
        tasks: every task of the round; an item's further copies add no row.
        filled: label and annotator by item, where somebody has filled them in already.
        person: whose sheet it is; stands in the column annotator.
    """
    items = {task.item: task for task in reversed(tasks)}
    first = [items[item] for item in dict.fromkeys(task.item for task in tasks)]
    names = list(dict.fromkeys(name for task in first for name in task.payload))
    titles = [
        f"{name} (shown)" if name.strip().lower() in (*_OURS, "answered_at") else name for name in names
    ]
    text = io.StringIO(newline="")
    # With "\n" alone, a lone carriage return in a text would go unquoted and break its row in two.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*_OURS, *(plain(title) for title in titles)])
    for task in first:
        shown = [_cell(task.payload.get(name)) for name in names]
        label, annotator = filled.get(task.item, ("", person))
        writer.writerow([plain(task.key), plain(task.item), plain(label), plain(annotator), *shown])
    return text.getvalue()


def instructions(
    project: Project, round_id: str, copies: Mapping[str, int], *, again: bool = False, own: bool = False
) -> str:
    """README.md of a round's folder, for the people who label.

    Args:
        copies: people asked about each item.
        again: whether some items were asked in an earlier round; not which, nor what was answered.
        own: whether everybody has a sheet of their own.
    """
    classes = "\n".join(f"- `{name}`" for name in project.classes)
    # The most, not the number of each item: that would tell which arm an item is in.
    people = max(copies.values(), default=1)
    each = "one person answers" if people == 1 else f"up to {people} different people answer"
    some = (_AGAIN if again else "") + (_OWN if own else "")
    sheet = "tasks-<your name>.csv" if own else "tasks.csv"
    alone = "" if own else _ALONE
    return f"""\
# {" ".join(project.question.split())}

Campaign {project.campaign}, round {round_id}: {len(copies)} items; {each} each of them.
{some}
Possible answers, spelled exactly like this:

{classes}

## How to answer

1. Save a copy of `{sheet}` in this folder as `answers-<your name>.csv`, for example `answers-ada.csv`.
2. Fill in the column `label`, one answer a row. Leave a row empty until you know; answers count as soon as
   the file is saved, and may be handed in bit by bit.
3. Write `skip` where nobody could tell. That also takes an earlier answer back; emptying a cell does not.

To change an answer, change the cell and save. Please do not look at the answers of others.

Good to know:

{alone}- Only the columns `item` (or `key`) and `label` are needed; comma, semicolon and tab work, in UTF-8.
- A column `annotator` wins over the name of the file. A column `answered_at` (such as 2026-01-05T09:30:00Z)
  wins over the time at which the file was saved.
- JSON lines work too: `answers-<your name>.jsonl` with lines such as `{{"item": "...", "label": "..."}}`.
- Cells that look like a formula have an apostrophe in front, and very long texts are cut; `tasks.jsonl` has
  everything as it is.
- Rows that cannot be read are listed, with the reason, when the campaign next looks into this folder.
"""


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return plain(text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…")
