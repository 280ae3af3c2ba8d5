"""Campaigns that are played to their end, of the settings and the data that a module writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Play = Callable[..., Path]


@pytest.fixture(scope="session")
def playing(
    tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]
) -> Callable[[Callable[..., Any]], Play]:
    """`playing(write)(folder=None, **changes)`: calls `write(folder, **changes)` and runs the campaign there.

    Without a folder a new campaign is made; with one it goes on there.
    """

    def of(write: Callable[..., Any]) -> Play:
        def play(folder: Path | None = None, **changes: Any) -> Path:
            if folder is None:
                folder = tmp_path_factory.mktemp("campaign")
                labelloop("init", folder)
            write(folder, **changes)
            said = labelloop("run", "--plain", folder)
            assert said.code == 0, said.error
            return folder

        return play

    return of
