"""kill -9 at any moment, then the same command again: the same end as without the kill, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import campaigns
import pytest
from killing import Kill, command

TABLE, JSON = "labelloop.table_contract:write_arrow", "labelloop.files:write_json"
RENAME = "pathlib:Path.rename"
TOOL = "labelloop.adapters.tools.simulated:SimulatedTool"
STEPS = ("score", "select", "push", "collect", "fuse", "snapshot", "train", "evaluate", "track", "version")

PREPARING = [
    [Kill("stage:prepare", "before")],
    [Kill("labelloop.ledger:Ledger.write", "after")],
    [Kill("labelloop.datasets:prepare", "after")],
    [Kill("labelloop.files:_replace", "before", "/data'")],
    [Kill("stage:prepare", "after")],
    [Kill("stage:prepare", "after"), Kill(RENAME, "after", "/data'")],
    [Kill("labelloop.ledger:Ledger.write", "before", "", 2)],
    [Kill("labelloop.loop:write_frozen", "after", "r000")],
    [Kill("labelloop.ledger:Ledger.write", "after", "", 3)],
]
"""Before the first round is open."""

AROUND = [[Kill(f"stage:{name}", when, "r001")] for name in STEPS for when in ("before", "after")]
"""Before a step (which is after the receipt of the one before), and after it, when it has no receipt yet."""

WITHIN = [
    [Kill("labelloop.loop:write_frozen", "after", "r001")],
    [Kill("labelloop.stages.score:score_shard", "after")],
    [Kill("labelloop.stages.score:score_shard", "after", "", 3)],
    [Kill("stage:score", "after", "r001"), Kill(RENAME, "after", "r001/scores'")],
    [Kill(TABLE, "after", "r001/batch.parquet")],
    [Kill("labelloop.files:append_line", "torn", "r001/pushed.jsonl")],
    [Kill("labelloop.files:append_line", "after", "r001/pushed.jsonl")],
    [Kill(f"{TOOL}.create", "after")],
    [Kill("labelloop.adapters.tools.lines:append_lines", "torn", "r001")],
    [Kill(f"{TOOL}.push", "after", "r001")],
    [Kill("labelloop.files:append_line", "torn", "'receipts'")],
    [Kill("labelloop.files:append_line", "after", "'receipts'")],
    [Kill(f"{TOOL}.poll", "after")],
    [Kill(f"{TOOL}.poll", "after"), Kill(f"{TOOL}.poll", "after", "", 2), Kill(f"{TOOL}.poll", "after")],
    [Kill(TABLE, "after", "r001/votes.parquet")],
    [Kill(f"{TOOL}.close", "before", "r001")],
    [Kill(f"{TOOL}.close", "after", "r001")],
    [Kill(JSON, "after", "r001/closed.json")],
    [Kill("labelloop.models:save_learner", "after")],
    [Kill("stage:train", "after", "r001"), Kill(RENAME, "after", "r001/model'")],
    [Kill(TABLE, "after", "r001/outcomes.parquet")],
    [Kill("labelloop.evaluation.curve:write_curve", "after", "r001")],
    [Kill(JSON, "after", "r001/metrics.json")],
    [Kill(JSON, "before", "r001/manifest.json")],
    [Kill(JSON, "after", "r001/manifest.json")],
    [Kill("labelloop.stages.publish:publish", "after", "r001")],
    [Kill("labelloop.ledger:Ledger.close", "after")],
    [Kill("labelloop.stages.runner:Receipts.write", "after", "'r001', 'version'")],
    [Kill("labelloop.ledger:Ledger.write", "after", "rounds={'r000'", 2)],
]
"""In the middle of a step: some of its files or of its effects outside are there, others are not."""

ENDING = [
    [Kill("labelloop.loop:plan_round", "after", "'r003'")],
    [Kill("stage:finish", "before")],
    [Kill("labelloop.stages.twin:random_twin", "after")],
    [Kill("stage:finish", "after")],
]


def named(kills: list[Kill]) -> str:
    return ", then ".join(str(kill) for kill in kills)


@pytest.mark.parametrize("kills", PREPARING, ids=named)
def test_killed_before_the_first_round(kills: list[Kill], tmp_path: Path, reference: dict[str, Any]) -> None:
    """A campaign killed while it prepares ends like one that was not."""
    campaign = campaigns.make(tmp_path / "campaign")
    for kill in kills:
        campaigns.killed(campaign, kill)
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


@pytest.mark.parametrize("kills", AROUND + WITHIN + ENDING, ids=named)
def test_killed_in_a_round(
    kills: list[Kill], tmp_path: Path, before_second: Path, reference: dict[str, Any]
) -> None:
    """A campaign killed around or within any step ends like one that was not."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    for kill in kills:
        campaigns.killed(campaign, kill)
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("when", ["before", "after", "torn"])
def test_killed_between_two_calls_to_the_tool(
    when: str, call: int, tmp_path: Path, before_second: Path, reference: dict[str, Any]
) -> None:
    """A batch of which the tool has a part is completed, and nobody is asked twice."""
    campaign = campaigns.copy(before_second, tmp_path / "campaign")
    kill = Kill("labelloop.adapters.tools.lines:append_lines", when, "r001", call)
    campaigns.killed(campaign, kill, prepare="killing:small_chunks")
    campaigns.assert_same_end(campaigns.finished(campaign), reference)


def test_the_reference_is_what_the_command_line_gives(tmp_path: Path, reference: dict[str, Any]) -> None:
    """The campaigns of these tests, which draw no pictures, end like one run by the plain command."""
    import subprocess
    import sys

    campaign = campaigns.make(tmp_path / "campaign")
    subprocess.run([sys.executable, "-m", "labelloop", "run", "--plain", str(campaign)], check=True,
                   capture_output=True)  # fmt: skip
    campaigns.assert_same_end(campaign, reference)


def test_advancing_often_ends_like_running_once(tmp_path: Path, reference: dict[str, Any]) -> None:
    """`advance` again and again, by itself, comes to the same end as `run`."""
    campaign = campaigns.make(tmp_path / "campaign")
    for _ in range(60):
        ended = command("advance", "--plain", campaign)
        assert ended.code == 0, ended.output
        if ended.output.startswith("stopped"):
            break
    campaigns.assert_same_end(campaign, reference)


def test_running_a_stopped_campaign_changes_nothing(tmp_path: Path, uninterrupted: Path) -> None:
    """`run` on a campaign that has stopped leaves every file of its rounds, data and ledger untouched."""
    campaign = campaigns.copy(uninterrupted, tmp_path / "campaign")
    names = ("rounds", "data", "reports", ".labelloop/simulated", ".labelloop/receipts")
    before = campaigns.contents(campaign, *names), (campaign / "rounds.yaml").read_bytes()
    campaigns.finished(campaign)
    assert (campaigns.contents(campaign, *names), (campaign / "rounds.yaml").read_bytes()) == before
