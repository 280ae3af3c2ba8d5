"""What a reviewer is shown of an item: its text, the numbers of its row, where its picture lies."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from labelloop.datasets.base import Prepared

MOST_NUMBERS = 12
"""Of a list of numbers that are shown."""

_NUMBER = re.compile(r"[-+]?[0-9]+([.,][0-9]+)?(e[-+]?[0-9]+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Shown:
    """An item as a reviewer sees it."""

    text: str
    """For a cell of a table; of a picture its path, relative to the campaign's folder where it is below."""
    picture: str = ""
    """Its path as it is, or all of it as a `data:` address; empty where there is none."""


def shown_items(
    prepared: Prepared, items: Sequence[str], columns: Sequence[str], root: Path
) -> dict[str, Shown]:
    """What people are shown of the items, by item.

    Args:
        columns: annotation.payload_columns.
        root: the campaign's folder.
    """
    payloads = prepared.pool.payload(prepared.pool.rows_of(list(items)), columns)
    return {item: _shown(payload, root) for item, payload in zip(items, payloads, strict=True)}


def _shown(payload: dict[str, object], root: Path) -> Shown:
    parts, picture = [], ""
    for name, value in payload.items():
        if name == "image" and isinstance(value, str) and value.startswith("data:image/"):
            picture = value
        elif name == "image" and isinstance(value, str) and Path(value).is_absolute():
            picture = value
            parts.append(_below(value, root))
        else:
            parts.append(_told(name, value))
    return Shown(" | ".join(part for part in parts if part), picture)


def _below(path: str, root: Path) -> str:
    """Relative to the campaign's folder, so that a list is the same wherever that lies."""
    place = Path(path)
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else path


def _told(name: str, value: object) -> str:
    """Text as it is, a number with its column's name, of many numbers the first."""
    if isinstance(value, str):
        # A table that was read for its text has numbers as text, too.
        return f"{name} {value}" if _NUMBER.fullmatch(value.strip()) else value
    if isinstance(value, list):
        numbers = " ".join(f"{number:.4g}" for number in value[:MOST_NUMBERS])
        return numbers if len(value) <= MOST_NUMBERS else f"{numbers} … ({len(value)} numbers)"
    if isinstance(value, bool):
        return f"{name} {'yes' if value else 'no'}"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return f"{name} {value:.6g}" if isinstance(value, float) else f"{name} {value}"
