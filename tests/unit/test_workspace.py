"""The campaign's folder: where its files are, and one driver at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from labelloop.errors import CampaignBusyError
from labelloop.files import TEMPORARY
from labelloop.round_folder import RoundFolder
from labelloop.workspace import Workspace

HOLDER = """
import sys, time
from labelloop.workspace import Workspace
with Workspace.at(sys.argv[1]).hold("labelloop run"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_every_file_of_a_round_has_a_name_of_its_own() -> None:
    """No two properties point at the same path, and all are inside the round's folder."""
    folder = RoundFolder(Path("/c/rounds/r003"))
    names = [
        name for name, value in vars(RoundFolder).items() if isinstance(value, property) and name != "id"
    ]
    paths = [getattr(folder, name) for name in names]
    assert len(paths) > 15 and len(set(paths)) == len(paths)
    assert {path.parent for path in paths} == {folder.path}


def test_rounds_are_listed_oldest_first_and_nothing_else(tmp_path: Path) -> None:
    """Leftovers, other folders and files are no rounds."""
    for name in ("r010", "r000", "r002", "notes", f"{TEMPORARY}r003"):
        (tmp_path / "rounds" / name).mkdir(parents=True)
    (tmp_path / "rounds" / "r004").write_text("no folder")
    assert [folder.id for folder in Workspace.at(tmp_path).rounds()] == ["r000", "r002", "r010"]


def test_paths_in_messages_are_relative_to_the_campaign(tmp_path: Path) -> None:
    """What lies elsewhere is named in full."""
    workspace = Workspace.at(tmp_path)
    assert workspace.relative(workspace.round("r001").labels) == "rounds/r001/labels.parquet"
    assert workspace.relative(Path("/elsewhere/x.csv")) == "/elsewhere/x.csv"


def test_the_second_driver_is_told_who_holds_the_campaign(tmp_path: Path) -> None:
    """Command, process, user and since when; once that process is killed, the campaign is free."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with (
            pytest.raises(CampaignBusyError, match=rf"`labelloop run` \(pid {holder.pid}, .*@.*\) since 20"),
            Workspace.at(tmp_path).hold("labelloop advance"),
        ):
            raise AssertionError("held twice")
    finally:
        holder.kill()
        holder.wait()
    with Workspace.at(tmp_path).hold("labelloop advance"):
        pass


def test_whoever_takes_the_campaign_removes_what_a_kill_left(tmp_path: Path) -> None:
    """Half-written files and folders in the campaign's own folders, and nothing of the user's."""
    ours = [
        tmp_path / "rounds" / "r000" / f"{TEMPORARY}votes.parquet-1",
        tmp_path / "reports" / f"{TEMPORARY}x",
    ]
    theirs = tmp_path / "texts" / f"{TEMPORARY}mine"
    for path in (*ours, theirs):
        path.mkdir(parents=True)
        (path / "half").write_text("")
    with Workspace.at(tmp_path).hold("labelloop run"):
        assert not any(path.exists() for path in ours)
        assert theirs.exists()
