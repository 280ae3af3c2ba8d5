"""A disk that is full in the middle of a write: said clearly, nothing lost, and the same end later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import campaigns
import pytest
from killing import Kill, command


@pytest.mark.parametrize("call", [1, 2, 9, 16, 25, 40, 60, 80, 100, 140])
def test_the_disk_is_full_at_any_flush(
    call: int, tmp_path: Path, before_second: Path, reference: dict[str, Any]
) -> None:
    """Whichever write finds no room, the command names the file, exits with 2, and can be repeated."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    ended = command("run", "--plain", campaign, kill=Kill("os:fsync", "full", "", call))
    assert ended.code == 2, ended.output
    assert "error: could not " in ended.output and str(campaign) in ended.output.replace("\n", "")
    assert "Traceback" not in ended.output
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


def test_files_that_may_not_grow(tmp_path: Path, before_second: Path, reference: dict[str, Any]) -> None:
    """A real refusal by the system, in whatever library writes, is told in the same way."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    before = campaigns.contents(campaign, "rounds/r000", "data")
    ended = command("run", "--plain", campaign, prepare="killing:files_of_4096_bytes")
    assert ended.code == 2, ended.output
    assert "error: could not write" in ended.output and "Traceback" not in ended.output
    assert campaigns.contents(campaign, "rounds/r000", "data") == before
    campaigns.assert_same_end(campaigns.finished(campaign), reference)
