"""kill -9 where single people are asked, some of them again: the same people, the same answers and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import campaigns
import pyarrow.parquet as pq
import pytest
from killing import Kill

TABLE, TOOL = "labelloop.table_contract:write_arrow", "labelloop.adapters.tools.simulated:SimulatedTool"
CHANGES: dict[str, dict[str, Any]] = {
    "annotation": {
        "max_overlap": 3,
        "routing": {"mode": "skill", "quota": 90, "people": {"ada": {"tier": "expert"}}},
    },
    "gold": {"known": 20},
    "quality": {"reask_share": 0.15, "reask_after": 1},
}
KILLS = [
    Kill(TABLE, "before", "r001/routing.parquet"),
    Kill(TABLE, "after", "r001/routing.parquet"),
    Kill("labelloop.adapters.tools.lines:append_lines", "torn", "r001"),
    Kill(f"{TOOL}.push", "after", "r001"),
    Kill("labelloop.files:append_line", "torn", "'receipts'"),
    Kill(f"{TOOL}.poll", "after"),
    Kill(TABLE, "after", "r001/votes.parquet"),
    Kill("stage:fuse", "after", "r001"),
]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rounds without a break, the last two of which ask people again."""
    return campaigns.finished(campaigns.make(tmp_path_factory.mktemp("routed") / "campaign", **CHANGES))


@pytest.mark.parametrize("chunks", ["", "killing:small_chunks"])
def test_killed_again_and_again_in_a_round_that_asks_single_people(
    chunks: str, tmp_path: Path, uninterrupted: Path
) -> None:
    """One campaign takes all the kills, one after the other, and ends as if there had been none."""
    campaign = campaigns.make(tmp_path / "campaign", **CHANGES)
    for kill in KILLS:
        campaigns.killed(campaign, kill, **({"prepare": chunks} if chunks else {}))
    campaigns.assert_same_end(campaigns.finished(campaign), campaigns.result(uninterrupted))
    routing = pq.read_table(campaign / "rounds" / "r001" / "routing.parquet")["why"].to_pylist()
    assert {"skill", "explore", "reask"} <= set(routing)
