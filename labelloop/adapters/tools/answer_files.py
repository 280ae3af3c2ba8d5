"""Answers as people hand them in: spreadsheets and JSON lines of every provenance, read without surprise.

Nothing that a person can do to such a file raises: what cannot be read as an answer becomes a refusal
that names file, row and reason.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from labelloop.adapters.tools.base import Refusal
from labelloop.adapters.tools.times import read_time
from labelloop.spreadsheet import unplain

SKIP = "skip"
"""What is written in place of a label by someone who cannot decide; also takes an earlier answer back."""

MOST_REFUSALS = 50
"""Refusals a file that are told one by one: whoever hands in the wrong file needs no thousand lines."""

_NAME = re.compile(r"answers[-_ .]*(?P<annotator>.*?)\s*(\(\d+\))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One filled-in row: `annotator` says `value` of `item`."""

    item: str
    annotator: str
    value: object
    """Not checked against the classes; None for a skip."""
    answered_at: datetime
    where: str
    """File and row, for messages."""


@dataclass(frozen=True)
class AnswerFile:
    """What one file holds."""

    rows: list[Row]
    refusals: list[Refusal]


def is_answer_file(path: Path) -> bool:
    """Whether a round's folder hands this file in: `answers*.csv`, `answers*.jsonl` or a sheet itself."""
    name = path.name.lower()
    sheet = name == "tasks.csv" or (name.startswith("tasks-") and name.endswith(".csv"))
    return sheet or (name.startswith("answers") and name.endswith((".csv", ".jsonl")))


def read_answer_file(
    path: Path, items: Mapping[str, str], label: str, *, skippable: bool, anonymous: bool = False
) -> AnswerFile:
    """Read one file; rows without a label are not answered yet and left out.

    Args:
        items: item ids by task key and by item id, of the round that the folder belongs to.
        label: how the file is called in messages.
        skippable: whether the word `skip` is a skip (it is not where it is a class).
        anonymous: whether a row may say not who answered.

    Returns:
        Rows in file order, with the time from their `answered_at` column (naive means UTC) or else the
        file's own. At most `MOST_REFUSALS` refusals and one that counts the rest.
    """
    try:
        if not path.is_file():
            raise ValueError("it is not a plain file")
        content = path.read_bytes()
        saved_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        parse = _json_rows if path.name.lower().endswith(".jsonl") else _csv_rows
        parsed = list(parse(_decode(content)))
    except (OSError, ValueError, OverflowError, csv.Error) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        return AnswerFile([], [Refusal(label, reason, None)])
    named = _NAME.fullmatch(path.stem)
    annotator = named["annotator"] if named else ""
    rows: list[Row] = []
    refusals: list[Refusal] = []
    for number, cells in parsed:
        where = f"{label}, row {number}"
        try:
            row = _row(
                cells,
                items,
                annotator=annotator,
                saved_at=saved_at,
                where=where,
                skippable=skippable,
                anonymous=anonymous,
            )
        except ValueError as error:
            refusals.append(Refusal(where, str(error), _shortened(cells)))
        else:
            rows += [row] if row else []
    if len(refusals) > MOST_REFUSALS:
        more = len(refusals) - MOST_REFUSALS
        refusals[MOST_REFUSALS:] = [Refusal(label, f"{more} more rows cannot be read either", None)]
    return AnswerFile(rows, refusals)


def _decode(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 (byte {error.start}); save it as 'CSV UTF-8'") from None


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    """Rows with their line numbers; comma, semicolon or tab, whichever makes sense of the first line.

    Raises:
        ValueError: no separator gives the columns that are needed.
        csv.Error: it is no CSV.
    """
    if not text.strip():
        return
    first = text.lstrip().splitlines()[0].strip('"')
    if first.lower().startswith("sep="):  # Excel's own hint
        text = text.lstrip().partition("\n")[2]
    for separator in ",;\t":
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        names = [name.strip().lower() for name in next(reader, [])]
        if "label" in names and ("item" in names or "key" in names):
            break
    else:
        raise ValueError(
            f"it needs a column 'label' and a column 'item' or 'key'; its first line is {first[:200]!r}"
        )
    for cells in reader:
        if any(cell.strip() for cell in cells):
            row: dict[str, Any] = {}
            for name, cell in zip(names, cells, strict=False):
                row.setdefault(name, cell)
            yield reader.line_num, row


def _json_rows(text: str) -> Iterator[tuple[int, Any]]:
    """Objects with their line numbers; a line that is no JSON comes as its text."""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            content = line
        if isinstance(content, dict):
            content = {name.strip().lower(): value for name, value in content.items()}
        yield number, content


def _row(
    cells: Any,
    items: Mapping[str, str],
    *,
    annotator: str,
    saved_at: datetime,
    where: str,
    skippable: bool,
    anonymous: bool,
) -> Row | None:
    """Read one row; None if it has no label yet.

    Raises:
        ValueError: it cannot be read; says why.
    """
    if not isinstance(cells, dict):
        raise ValueError('it is not a JSON object such as {"item": ..., "label": ...}')
    value = cells.get("label")
    if isinstance(value, str):
        value = unplain(value.strip())
    if value is None or value == "":
        return None
    item = _item(cells, items)
    name = unplain(_text(cells, "annotator")) or annotator
    if not name and not anonymous:
        raise ValueError("it does not say who answered; fill in the column 'annotator', or call the file "
                         "answers-<your name>")  # fmt: skip
    if not name.isprintable() or len(name) > 200:
        raise ValueError(f"the annotator's name {name[:50]!r} is not plain text")
    if not _is_writable(value):
        raise ValueError("the label holds broken characters")
    skipped = skippable and isinstance(value, str) and value.lower() == SKIP
    # A label is not refused for the time that its row claims.
    at = read_time(cells.get("answered_at")) or saved_at
    return Row(item, name, None if skipped else value, at, where)


def _item(cells: Mapping[str, Any], items: Mapping[str, str]) -> str:
    # The key goes first: a spreadsheet turns the id 00123 into 123, but leaves a key alone.
    key, item = _text(cells, "key"), _text(cells, "item")
    for name, text in (("key", key), ("item", item)):
        if text:
            for candidate in (str(cells[name]), text, unplain(text)):
                if candidate in items:
                    return items[candidate]
            raise ValueError(f"{name} {text[:200]!r} was not asked about in this round")
    raise ValueError("it names no item; fill in the column 'key' or 'item'")


def _text(cells: Mapping[str, Any], name: str) -> str:
    value = cells.get(name)
    if value is None or isinstance(value, str | int | float):
        return "" if value is None else str(value).strip()
    raise ValueError(f"{name} must be text, not {type(value).__name__}")


def _is_writable(value: object) -> bool:
    """Whether a value is fit for UTF-8 JSON: no lone surrogates, no NaN, no bottomless nesting."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _shortened(cells: Any) -> object:
    if isinstance(cells, dict):
        return {_plain(name): _plain(value) for name, value in list(cells.items())[:20]}
    return _plain(cells)


def _plain(value: object) -> str:
    return str(value)[:200].encode(errors="replace").decode()
