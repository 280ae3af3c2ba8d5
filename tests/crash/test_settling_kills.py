"""kill -9 while a stopped campaign settles, then the command again, or `advance`: the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import campaigns
import pandas as pd
import pytest
from killing import Kill, command

JSON = "labelloop.files:write_json"

BEFORE_IT_IS_OPEN = [
    Kill("labelloop.settling:open_settling", "before"),
    Kill("labelloop.loop:write_frozen", "after", "r003"),
]
"""Nothing is promised yet: the same command opens the round."""

ONCE_IT_IS_OPEN = [
    Kill("labelloop.ledger:Ledger.write", "after", "open=Entry(id='r003'"),
    Kill("stage:select", "after", "r003"),
    Kill(JSON, "after", "r003/reviews.json"),
    Kill(JSON, "after", "r003/closed.json"),
    Kill(JSON, "before", "r003/manifest.json"),
    Kill("labelloop.ledger:Ledger.close", "after", "r003"),
]
"""From here on any driver ends it, a schedule's too."""


@pytest.fixture(scope="module")
def reviewed(uninterrupted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped campaign of which ten labels were reviewed; not to be changed."""
    campaign = campaigns.copy(uninterrupted, tmp_path_factory.mktemp("reviewed") / "campaign")
    queue = campaign.parent / "queue.csv"
    command("review", "--out", queue, "--random", "10", "--unsure-below", "0", "--no-model", campaign)
    rows = pd.read_csv(queue, dtype=str)
    labels = pd.read_parquet(campaign / "rounds/r002/labels.parquet").set_index("item")["label"]
    rows.assign(answer=rows["item"].map(labels)).to_csv(queue, index=False)
    assert command("review", "--take", queue, "--by", "eva", campaign).code == 0
    return campaign


@pytest.fixture(scope="module")
def settled(reviewed: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What it ends with when nothing goes wrong."""
    campaign = campaigns.copy(reviewed, tmp_path_factory.mktemp("settled") / "campaign")
    assert command("settle", "--plain", campaign).code == 0
    return campaigns.result(campaign)


@pytest.mark.parametrize(
    ("kill", "again"),
    [*((kill, "settle") for kill in BEFORE_IT_IS_OPEN),
     *((kill, again) for kill, again in zip(ONCE_IT_IS_OPEN, ("advance", "settle") * 3, strict=True))],
    ids=str,
)  # fmt: skip
def test_killed_while_it_settles(
    kill: Kill, again: str, tmp_path: Path, reviewed: Path, settled: dict[str, Any]
) -> None:
    campaign = campaigns.copy(reviewed, tmp_path / "campaign")
    assert command("settle", "--plain", campaign, kill=kill).code == -9
    ended = command(again, "--plain", campaign)
    assert ended.code == 0, ended.output
    campaigns.assert_same_end(campaign, settled)


def test_a_schedule_settles_nothing(tmp_path: Path, reviewed: Path) -> None:
    """Each time it does may use up a try of a certificate, so that is for a person to say."""
    campaign = campaigns.copy(reviewed, tmp_path / "campaign")
    before = campaigns.result(campaign)
    assert command("advance", "--plain", campaign).code == 0
    campaigns.assert_same_end(campaign, before)
