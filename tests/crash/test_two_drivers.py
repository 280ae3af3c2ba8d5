"""One driver at a time: the second says who holds the campaign and leaves; a dead one holds nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import campaigns
from killing import HERE, Kill, command, start


def test_the_second_driver_names_the_first_and_changes_nothing(
    tmp_path: Path, before_second: Path, reference: dict[str, Any]
) -> None:
    """While one holds the campaign another exits with 2; when it is killed, the next starts at once."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    first, log = start("run", "--plain", campaign, kill=Kill("stage:train", "wait", "r001"))
    _until(lambda: log.exists() and HERE in log.read_text())
    before = campaigns.contents(campaign, ".")
    for words in (("run", "--plain"), ("advance", "--plain"), ("stage", "fuse", "r001", "--campaign")):
        second = command(*words, campaign)
        assert second.code == 2
        assert f"pid {first.pid}," in second.output and "`labelloop run`" in second.output
        assert campaigns.contents(campaign, ".") == before
    first.kill()
    first.join()
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


def test_of_two_that_start_at_the_same_instant_exactly_one_wins(
    tmp_path: Path, before_second: Path, reference: dict[str, Any]
) -> None:
    """Ten times two drivers at once: one exits with 0 and one with 2, and the campaign ends as ever."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    for attempt in range(10):
        pair = [start("advance", "--plain", campaign, prepare="killing:at_the_same_time") for _ in range(2)]
        _until(lambda: len(list(tmp_path.glob("ready-*"))) == 2)
        (tmp_path / "go").touch()
        for process, _ in pair:
            process.join()
        said = {process.exitcode: log.read_text() for process, log in pair}
        assert sorted(said) == [0, 2], f"attempt {attempt}: {said}"
        winner = next(process for process, _ in pair if process.exitcode == 0)
        assert f"pid {winner.pid}," in said[2]
        for file in tmp_path.glob("ready-*"):
            file.unlink()
        (tmp_path / "go").unlink()
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


def _until(holds: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)
