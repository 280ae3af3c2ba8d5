"""kill -9 where there is nothing new to ask about and a campaign looks again: the same questions and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import campaigns
import pyarrow.parquet as pq
from killing import Kill

TOOL = "labelloop.adapters.tools.simulated:SimulatedTool"
CHANGES: dict[str, dict[str, Any]] = {"annotation": {"max_overlap": 4}, "budget": {"labels": 20}}
KILLS = [
    Kill("labelloop.stages.last_looks:looks_left", "after", "'r001'"),
    Kill("labelloop.loop:write_frozen", "after", "r001"),
    Kill("labelloop.ledger:Ledger.write", "after", "open=Entry(id='r001'"),
    Kill("labelloop.table_contract:write_arrow", "before", "r001/asked.parquet"),
    Kill(f"{TOOL}.push", "after", "r001"),
    Kill(f"{TOOL}.poll", "after"),
    Kill("labelloop.files:write_json", "before", "r001/manifest.json"),
    Kill("labelloop.ledger:Ledger.close", "after", "r001"),
]


def test_killed_again_and_again_in_a_round_that_only_looks_again(tmp_path: Path) -> None:
    """One campaign takes all the kills, one after the other, and ends as if there had been none."""
    unharmed = campaigns.finished(campaigns.make(tmp_path / "unharmed", **CHANGES))
    for name in ("r001", "r002"):
        arms = pq.read_table(unharmed / "rounds" / name / "batch.parquet")["arm"].to_pylist()
        assert set(arms) == {"relabel"}
    campaign = campaigns.make(tmp_path / "campaign", **CHANGES)
    for kill in KILLS:
        campaigns.killed(campaign, kill)
    campaigns.assert_same_end(campaigns.finished(campaign), campaigns.result(unharmed))
