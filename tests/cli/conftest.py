"""A campaign to run commands on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import weather


@pytest.fixture
def campaign(tmp_path: Path, labelloop: Callable[..., Any]) -> Path:
    """A new campaign that nobody has started."""
    folder = tmp_path / "weather"
    folder.mkdir()
    weather.write_csv(folder / "texts.csv", weather.texts())
    weather.write_params(folder)
    assert labelloop("init", folder).code == 0
    return folder
