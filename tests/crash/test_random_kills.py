"""Kills at random times, one after the other, in one campaign."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import campaigns
import pyarrow.parquet as pq
import pytest
from killing import start

KILLS = 12


def kill_at_random(campaign: Path, seed: int) -> int:
    """Start and kill the campaign's driver KILLS times, then let it end; return how many kills hit it."""
    draw = random.Random(seed)
    # A driver lives about this long before it is killed: a fraction of what the whole campaign takes, so
    # that the kills are spread over it, whatever the machine's speed.
    patience, hits = 0.15, 0
    for _ in range(KILLS):
        process, log = start("run", "--plain", campaign)
        while process.is_alive() and not log.exists():
            time.sleep(0.001)
        process.join(draw.uniform(0.02, 2 * patience))
        process.kill()
        process.join()
        hits += process.exitcode == -9
    campaigns.finished(campaign)
    return hits


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_times(seed: int, tmp_path: Path, reference: dict[str, Any]) -> None:
    """A dozen kills at random times leave no trace in what the campaign ends with."""
    campaign = campaigns.make(tmp_path / "campaign")
    assert kill_at_random(campaign, seed) >= KILLS // 2
    campaigns.assert_same_end(campaign, reference)


def test_late_votes_survive_random_kills(tmp_path: Path) -> None:
    """With rounds that close before everybody has answered, late votes land in the same rounds as ever."""
    expected = campaigns.finished(campaigns.make(tmp_path / "expected", annotation=campaigns.STRAGGLERS))
    late = [
        vote
        for folder in sorted((expected / "rounds").iterdir())
        for vote in pq.read_table(folder / "votes.parquet")["round"].to_pylist()
        if vote != folder.name
    ]
    assert late, "nobody was late, so this test shows nothing"
    campaign = campaigns.make(tmp_path / "campaign", annotation=campaigns.STRAGGLERS)
    kill_at_random(campaign, seed=3)
    campaigns.assert_same_end(campaign, campaigns.result(expected))
