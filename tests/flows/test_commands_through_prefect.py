"""`labelloop run`, `advance` and `serve` as processes: with no server, and with one."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import flow_campaigns
import httpx
import psutil
import pytest

pytestmark = pytest.mark.prefect

ROUND_LINE = re.compile(r"^r00[01] +\d+ labels +\d+ votes +[\d.]+ USD +accuracy [\d.]+%$")


def start(*words: str | Path, cwd: Path, **environment: str) -> subprocess.Popen[str]:
    """Start `labelloop` as a user without any Prefect settings would."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return subprocess.Popen(
        [sys.executable, "-m", "labelloop", *(str(word) for word in words)],
        env=kept | {"PREFECT_HOME": str(cwd / "home"), "COLUMNS": "200"} | environment,
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def servers_of(campaign: Path) -> list[int]:
    """Processes that keep the private server's database of this campaign."""
    home = str(campaign / ".labelloop" / "prefect")
    found = []
    for process in psutil.process_iter():
        try:
            if "flows.private_server" in process.cmdline() and process.environ()["PREFECT_HOME"] == home:
                found.append(process.pid)
        except (psutil.Error, KeyError):
            continue
    return found


def wait_until(holds: Callable[[], bool], seconds: float = 180.0) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def side_by_side(
    plain: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Path], list[tuple[str, str]]]:
    """Two campaigns run at once without any server; one command is killed on the way and run again."""
    folder = tmp_path_factory.mktemp("alone")
    campaigns = [flow_campaigns.make(folder / name) for name in ("one", "two")]
    runs = [start("run", campaign, cwd=folder) for campaign in campaigns]
    wait_until((campaigns[1] / "rounds" / "r000" / "tasks.parquet").exists)
    assert len(servers_of(campaigns[1])) == 1
    runs[1].kill()
    runs[1].communicate()
    wait_until(lambda: not servers_of(campaigns[1]), 15)
    runs[1] = start("run", campaigns[1], cwd=folder)
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    return campaigns, said


def test_two_campaigns_run_at_once_and_a_killed_one_goes_on(
    plain: Path, side_by_side: tuple[list[Path], list[tuple[str, str]]]
) -> None:
    """Each command has a server and a database of its own; both end with the bytes of a plain run."""
    expected = flow_campaigns.rounds(plain)
    for campaign in side_by_side[0]:
        found = flow_campaigns.rounds(campaign)
        assert [name for name in expected if found.get(name) != expected[name]] == []


def test_the_console_shows_the_campaign_and_nothing_else(
    side_by_side: tuple[list[Path], list[tuple[str, str]]],
) -> None:
    """No log of Prefect's, no warning on the way out."""
    shown = [line.rstrip() for line in side_by_side[1][0][1].splitlines() if line.strip()]
    assert [line for line in shown if not ROUND_LINE.match(line)] == []
    assert len(shown) == 2


def test_nothing_stays_behind(side_by_side: tuple[list[Path], list[tuple[str, str]]]) -> None:
    """The server went with its command, its log is empty, and the user's own Prefect folder was not used."""
    for campaign in side_by_side[0]:
        assert servers_of(campaign) == []
        assert (campaign / ".labelloop" / "prefect" / "server.log").read_text() == ""
        assert not (campaign.parent / "home" / "prefect.db").exists()


def test_advance_with_nothing_to_do_takes_seconds(
    side_by_side: tuple[list[Path], list[tuple[str, str]]], tmp_path: Path
) -> None:
    """A stopped campaign is looked at without starting Prefect."""
    campaign = side_by_side[0][0]
    began = time.monotonic()
    looking = start("advance", campaign, cwd=tmp_path)
    out, error = looking.communicate(timeout=60)
    assert (looking.returncode, error.strip()) == (0, "")
    assert out.startswith("stopped (max_rounds)")
    assert time.monotonic() - began < 5


def test_ctrl_c_leaves_the_campaign_as_it_can_go_on(
    side_by_side: tuple[list[Path], list[tuple[str, str]]], tmp_path: Path
) -> None:
    """No traceback, the exit code of an interruption, the lock gone and no server left."""
    campaign = flow_campaigns.make(tmp_path / "interrupted")
    # Making a database takes seconds, and has been watched already.
    shutil.copytree(side_by_side[0][0] / ".labelloop" / "prefect", campaign / ".labelloop" / "prefect")
    run = start("run", campaign, cwd=tmp_path)
    wait_until((campaign / "data").exists)
    run.send_signal(signal.SIGINT)
    _, error = run.communicate(timeout=60)
    assert run.returncode == 130
    assert error.strip().endswith("interrupted; the same command goes on from here")
    assert "Traceback" not in error
    assert servers_of(campaign) == []


@pytest.fixture
def served(server: str, tmp_path: Path) -> Iterator[Path]:
    """`labelloop serve` on a campaign, connected to the session's server."""
    campaign = flow_campaigns.make(tmp_path / "served", stopping={"max_rounds": 1})
    often = {"PREFECT_API_URL": server, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
    serving = start("serve", campaign, "--every", "3600", cwd=tmp_path, **often)
    yield campaign
    serving.send_signal(signal.SIGTERM)
    serving.communicate(timeout=60)


def test_a_served_deployment_runs_the_campaign(server: str, served: Path) -> None:
    """Triggered over the API, as the UI does it: with settings from the form and a folder of its own."""
    deployment = f"{server}/deployments/name/active-learning/flowing"
    wait_until(lambda: httpx.get(deployment).is_success)
    found = httpx.get(deployment).json()
    assert found["parameters"] == {"directory": str(served)}
    new = served.parent / "new"
    parameters = {
        "directory": str(new),
        "settings": flow_campaigns.SETTINGS | {"stopping": {"max_rounds": 1}},
    }
    # A server of one SQLite file says 503 while somebody else writes; Prefect's own client asks again, too.
    replies: list[httpx.Response] = []

    def asked() -> bool:
        url = f"{server}/deployments/{found['id']}/create_flow_run"
        replies.append(httpx.post(url, json={"parameters": parameters}))
        return replies[-1].is_success

    wait_until(asked)
    run = f"{server}/flow_runs/{replies[-1].json()['id']}"
    wait_until(lambda: httpx.get(run).json()["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED"), 90)
    ended = httpx.get(run).json()
    assert (ended["name"], ended["state_name"]) == ("new: active learning", "Stopped"), ended["state"]
    assert (new / "rounds" / "r000" / "manifest.json").exists()


def test_serve_without_a_server_says_how_to_get_one(plain: Path, tmp_path: Path) -> None:
    """Exit code 2 and the two commands."""
    serving = start("serve", plain, cwd=tmp_path)
    _, error = serving.communicate(timeout=60)
    assert serving.returncode == 2
    assert "prefect server start" in error
    assert "PREFECT_API_URL" in error
