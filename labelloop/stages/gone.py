"""Which items of an open round the tool has lost, and when that was noticed.

Kept in .labelloop/gone/ while the round is open: its closing, and with it the review list, are versioned.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from labelloop import files
from labelloop.adapters.tools.keys import by_round
from labelloop.errors import DamagedFileError
from labelloop.workspace import Workspace


def gone_items(workspace: Workspace, round_id: str) -> dict[str, datetime]:
    """What the last poll said, each item with the time of the poll that said so first."""
    try:
        noted = files.read_json(_path(workspace, round_id))
        return {str(item): datetime.fromisoformat(at) for item, at in noted.items()}
    except (FileNotFoundError, DamagedFileError, AttributeError, TypeError, ValueError):
        return {}


def note_gone(
    workspace: Workspace,
    round_id: str,
    campaign: str,
    keys: Sequence[str],
    asked: Collection[str],
    now: datetime,
) -> dict[str, datetime]:
    """Note what a poll at `now` says is gone; return the same as `gone_items`.

    Args:
        keys: of tasks that are gone, of any round.
        asked: the round's items; one that is asked about again has the keys of an earlier round.
    """
    before = gone_items(workspace, round_id)
    items = {key.item for of_round in by_round(keys, campaign).values() for key in of_round} & set(asked)
    noted = {item: before.get(item, now) for item in sorted(items)}
    if noted != before:
        files.write_json(_path(workspace, round_id), {item: at.isoformat() for item, at in noted.items()})
    return noted


def _path(workspace: Workspace, round_id: str) -> Path:
    return workspace.state / "gone" / f"{round_id}.json"
