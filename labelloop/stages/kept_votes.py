"""Votes of a round that still waits: nothing else records them yet, so damage to them must be found.

Once the round is closed, receipts, the manifest and DVC know the file's digest. Until then a note of this
machine does.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from labelloop import files, tables
from labelloop.errors import DamagedFileError
from labelloop.stages.runner import Round


def keep_votes(current: Round, votes: pd.DataFrame) -> None:
    """Write votes.parquet, and note its digest."""
    # Killed in between, the file is whole, the old one or the new one, but nobody knows which.
    files.write_json(_note(current), {"digest": None})
    tables.VOTES.write(votes, current.folder.votes)
    files.write_json(_note(current), {"digest": files.digest(current.folder.votes)})


def kept_votes(current: Round) -> pd.DataFrame | None:
    """What was kept; None before the first poll.

    Raises:
        DamagedFileError: the file is not the one that was written.
    """
    path, note = current.folder.votes, _note(current)
    if not path.exists():
        return None
    expected = files.read_json(note).get("digest") if note.exists() else None
    if expected is not None and files.digest(path) != expected:
        name = current.workspace.relative(path)
        raise DamagedFileError(
            f"{name} is damaged: its digest is {files.digest(path)[:12]}, but collect wrote {expected[:12]}. "
            f"Nothing was changed. Bring it back from a backup; or delete {name} and "
            f"{current.workspace.relative(note)}, and the answers are asked of the tool again"
        )
    return tables.VOTES.read(path)


def _note(current: Round) -> Path:
    return current.workspace.state / "votes" / f"{current.id}.json"
