"""kill -9 while a round is being made known: MLflow, DVC, git each have it once, whatever was interrupted."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import campaigns
import pytest
from killing import Kill

CLIENT, TRACKER = "mlflow:MlflowClient", "labelloop.adapters.mlflow:Tracker"
KILLS = [
    Kill("stage:track", "before", "r001"),
    Kill(f"{CLIENT}.create_run", "before", "r001"),
    Kill(f"{CLIENT}.create_run", "after", "r001"),
    Kill(f"{CLIENT}.log_batch", "after", "params"),
    Kill(f"{TRACKER}._log_facts", "after", "r001"),
    Kill(f"{CLIENT}.create_logged_model", "after"),
    Kill(f"{CLIENT}.log_model_artifacts", "after"),
    Kill(f"{TRACKER}._log_model", "after"),
    Kill(f"{TRACKER}._log_metrics", "after", "", 2),
    Kill(f"{CLIENT}.set_terminated", "before"),
    Kill(f"{TRACKER}.log_round", "after", "r001"),
    Kill("labelloop.ledger:Ledger.write", "after", "'r001': '"),
    Kill("stage:version", "before", "r001"),
    Kill("labelloop.ledger:Ledger.close", "after"),
    Kill("labelloop.adapters.dvc:commit_round", "before", "r001"),
    Kill("labelloop.adapters.dvc_commit:_add", "after", "r001"),
    Kill("labelloop.adapters.dvc_commit:_record", "before"),
    Kill("labelloop.adapters.dvc_commit:_record", "after"),
    Kill("labelloop.adapters.dvc:commit_round", "after", "r001"),
    Kill("labelloop.adapters.git:_identity", "before"),
    Kill("labelloop.adapters.git:commit", "after", "r001"),
    Kill("labelloop.adapters.git:tag", "after", "r001"),
    Kill("stage:version", "after", "r001"),
    Kill(f"{TRACKER}.finish", "after"),
    Kill("labelloop.adapters.git:commit", "after", "stopped"),
]
"""In the order in which a campaign meets them."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Callable[[], Path], dict[str, Any]]:
    """Puts back a campaign that stands before its second and last round, at the place MLflow knows it by."""
    folder = tmp_path_factory.mktemp("recorded")
    campaign = campaigns.make(
        folder / "campaign",
        tracking={"enabled": True},
        versioning={"enabled": True},
        stopping={"max_rounds": 2},
    )
    campaigns.killed(campaign, Kill("labelloop.loop:write_frozen", "before", "r001"))
    kept = campaigns.copy(campaign, folder / "kept")

    def again() -> Path:
        shutil.rmtree(campaign)
        return campaigns.copy(kept, campaign)

    return again, records(campaigns.finished(campaign))


def records(campaign: Path) -> dict[str, Any]:
    """What is known of the campaign elsewhere, without ids and times."""
    git = ("git", "-C", str(campaign))
    log = subprocess.run([*git, "log", "--format=%s%d"], check=True, capture_output=True, text=True).stdout
    changed = subprocess.run(
        [*git, "status", "--porcelain"], check=True, capture_output=True, text=True
    ).stdout
    with sqlite3.connect(campaign / "mlflow.db") as database:
        rounds = database.execute("select value from tags where key = 'labelloop.round'").fetchall()
        states = database.execute("select name, status from runs order by name").fetchall()
        points = database.execute(
            "select name, key, step, value from metrics join runs using (run_uuid)"
        ).fetchall()
        ready = database.execute(
            "select name, status from logged_models where lifecycle_stage = 'active'"
        ).fetchall()
    return {
        "log": log.splitlines(),
        "changed": changed.splitlines(),
        "lock": (campaign / "dvc.lock").read_text().splitlines(),
        "runs": Counter(rounds),
        "states": states,
        "points": Counter(points),
        "models": sorted(ready),
        "result": campaigns.result(campaign),
    }


def assert_known_once(campaign: Path, expected: dict[str, Any]) -> None:
    found = records(campaign)
    assert {name for name in expected if found[name] != expected[name]} == set()
    assert set(found["runs"].values()) == {1} and len(found["runs"]) == 2
    assert sum("tag: labels/crash/" in line for line in found["log"]) == 2
    assert found["changed"] == []
    campaigns.assert_asked_once(campaign)


def test_killed_again_and_again_while_recording(
    recorded: tuple[Callable[[], Path], dict[str, Any]], dvc_is_clean: Callable[[Path], bool]
) -> None:
    """A campaign killed at every step of recording is known once everywhere, and DVC is clean."""
    again, expected = recorded
    campaign = again()
    for kill in KILLS:
        campaigns.killed(campaign, kill)
    assert_known_once(campaigns.finished(campaign), expected)
    assert dvc_is_clean(campaign)


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS, ids=str)
def test_killed_once_while_recording(kill: Kill, recorded: tuple[Callable[[], Path], dict[str, Any]]) -> None:
    """The same with a single kill, so that no kill covers another's trace."""
    again, expected = recorded
    campaign = again()
    campaigns.killed(campaign, kill)
    assert_known_once(campaigns.finished(campaign), expected)


def test_a_stopped_campaign_is_not_committed_again(
    recorded: tuple[Callable[[], Path], dict[str, Any]],
) -> None:
    """`run` after the end makes no commit and no run."""
    again, expected = recorded
    campaign = campaigns.finished(again())
    campaigns.finished(campaign)
    assert_known_once(campaign, expected)
