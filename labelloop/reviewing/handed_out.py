"""What each queue that was written holds, and why: `queues.jsonl` in the campaign's folder, append-only.

A blind queue says of an item neither why it is there nor which label it has. Both are looked up here when the
queue comes back, as they were when it was written: rounds may have closed in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

from labelloop import files
from labelloop.errors import DamagedFileError


@dataclass(frozen=True)
class Handed:
    """An item on a queue, as of when that was written."""

    reason: str
    """One of `queue.REASONS`; on a gate's queue why the label waits there."""
    label: str
    """Empty where it had none."""
    blind: bool
    """Whether the queue showed neither label nor what a model says."""


def hand_out(path: Path, round_id: str, rows: Mapping[str, Handed]) -> str:
    """Note a queue as of a round, unless the very same one is noted already; return its id."""
    content = [round_id, {item: list(astuple(row)) for item, row in rows.items()}]
    name = f"q-{files.digest_of(content)[:12]}"
    if name not in _lines(path):
        files.append_line(path, {"queue": name, "round": content[0], "rows": content[1]})
    return name


def handed_out(path: Path) -> dict[str, dict[str, Handed]]:
    """What every queue holds, by its id and by item.

    Raises:
        DamagedFileError: a line is not what was written.
    """
    found = {}
    for name, (round_id, rows) in _lines(path).items():
        if name != f"q-{files.digest_of([round_id, rows])[:12]}":
            raise DamagedFileError(f"{path} is damaged: the queue {name} is not what was written. "
                                   "`git checkout` brings it back")  # fmt: skip
        found[name] = {item: Handed(*row) for item, row in rows.items()}
    return found


def _lines(path: Path) -> dict[str, tuple[str, dict[str, tuple[str, str, bool]]]]:
    try:
        return {line["queue"]: (line["round"], line["rows"]) for line in files.read_lines(path)}
    except (KeyError, TypeError) as error:
        raise DamagedFileError(f"{path} is damaged: {error!r}. `git checkout` brings it back") from None
