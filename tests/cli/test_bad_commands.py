"""Commands that cannot be followed: wrong names, rounds and folders."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import weather


@pytest.fixture(scope="module")
def run_to_its_end(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """A campaign with two closed rounds; not to be changed."""
    folder = tmp_path_factory.mktemp("closed") / "weather"
    folder.mkdir()
    weather.write_csv(folder / "texts.csv", weather.texts())
    weather.write_params(folder)
    assert labelloop("init", folder).code == 0
    assert labelloop("run", "--plain", folder).code == 0
    return folder


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("stage", "scoer", "r000"), "no stage 'scoer'; did you mean 'score'? Stages: prepare, score"),
        (("stage", "score"), "stage score needs a round, such as r000"),
        (("stage", "prepare", "r000"), "prepare takes no round"),
        (("stage", "score", "r007"), "round 'r007' was never opened; rounds: r000, r001"),
        (("stage", "score", "../rounds/r000"), "was never opened"),
    ],
)
def test_a_stage_or_round_that_does_not_exist_is_named(
    words: tuple[str, ...], says: str, run_to_its_end: Path, labelloop: Callable[..., Any]
) -> None:
    """The message says which there are; nothing is run."""
    before = weather.digests(run_to_its_end)
    ended = labelloop(*words, "-C", run_to_its_end)
    assert ended.code == 2
    assert says in ended.error
    assert weather.digests(run_to_its_end) == before


@pytest.mark.parametrize("command", [("run", "--plain"), ("advance",), ("status",), ("serve",)])
def test_a_folder_without_a_campaign_is_named(
    command: tuple[str, ...], tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The message names the folder and the command that makes a campaign; nothing is made."""
    folder = tmp_path / "empty"
    folder.mkdir()
    ended = labelloop(*command, folder)
    assert ended.code == 2
    assert f"{folder} holds no campaign" in ended.error and "labelloop init" in ended.error
    assert list(folder.iterdir()) == []


def test_init_leaves_a_campaign_that_has_begun_alone(
    run_to_its_end: Path, labelloop: Callable[..., Any]
) -> None:
    """It refuses, says so, and changes no file."""
    before = weather.digests(run_to_its_end)
    ended = labelloop("init", run_to_its_end)
    assert ended.code == 2
    assert "holds a campaign that has begun" in ended.error
    assert weather.digests(run_to_its_end) == before


def test_init_keeps_files_that_are_there(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """A params.yaml and a .gitignore of the user's stay as they are."""
    weather.write_params(tmp_path)
    (tmp_path / ".gitignore").write_text("*.secret\n")
    before = weather.digests(tmp_path)
    assert labelloop("init", tmp_path).code == 0
    after = weather.digests(tmp_path)
    assert {name: after[name] for name in before} == before


def test_init_from_an_example_that_does_not_exist_makes_nothing(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The message lists the examples."""
    ended = labelloop("init", tmp_path / "new", "--params", "tabel")
    assert ended.code == 2
    assert "'tabel'" in ended.error and "did you mean 'table'?" in ended.error
    assert not (tmp_path / "new").exists()


def test_init_with_params_that_are_wrong_makes_nothing(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """A file to start from is checked before the first file is written."""
    (tmp_path / "mine.yaml").write_text("dataset: {kind: table}\n")
    ended = labelloop("init", tmp_path / "new", "--params", tmp_path / "mine.yaml")
    assert ended.code == 2
    assert "needs a path" in ended.error
    assert not (tmp_path / "new").exists()


def test_a_damaged_file_of_a_round_is_found(campaign: Path, labelloop: Callable[..., Any]) -> None:
    """A byte that changed in a snapshot is found by its digest, named, and nothing is built on it."""
    weather.write_params(campaign, stopping={"max_rounds": 1})
    assert labelloop("run", "--plain", campaign).code == 0
    labels = campaign / "rounds" / "r000" / "labels.parquet"
    labels.write_bytes(labels.read_bytes()[:-1] + b"?")
    weather.write_params(campaign, stopping={"max_rounds": 2})
    ended = labelloop("run", "--plain", campaign)
    assert ended.code == 2
    assert "rounds/r000/labels.parquet is damaged" in ended.error
    assert not (campaign / "rounds" / "r001" / "batch.parquet").exists()


def test_an_export_has_the_data_beside_each_label_where_that_is_asked_for(
    run_to_its_end: Path, tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The item's own text; a column that is not there, or is the export's own, is refused by name."""
    out = tmp_path / "labels.csv"
    assert labelloop("export", run_to_its_end, "--out", out, "--columns", "text").code == 0
    exported = pd.read_csv(out)
    texts = pd.read_csv(run_to_its_end / "texts.csv").set_index("id")["text"]
    assert len(exported) and exported["text"].tolist() == texts[exported["item"]].tolist()
    for column, says in (("txt", "'text'"), ("label", "'label'"), ("text,text", "each once")):
        refused = tmp_path / "refused.csv"
        ended = labelloop("export", run_to_its_end, "--out", refused, "--columns", column)
        assert ended.code == 2 and says in ended.error and not refused.exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, labelloop: Callable[..., Any]) -> None:
    """What the system refuses is one message with the path: here a folder that is a file."""
    votes = tmp_path / "votes.csv"
    votes.write_text("item,annotator,label\n1,a,x\n")
    for words in (("fuse", votes, "--out", votes / "labels.csv"), ("init", votes / "mine")):
        ended = labelloop(*words)
        assert ended.code == 2
        assert ended.error.startswith(f"error: {votes}") and "name another place" in ended.error
        assert len(ended.error.splitlines()) == 1


def test_errors_of_the_entry_point_have_no_traceback(tmp_path: Path) -> None:
    """`labelloop` as a shell starts it: exit code 2, one line on the error stream, nothing else."""
    program = Path(sys.executable).parent / "labelloop"
    ended = subprocess.run([program, "status", tmp_path], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: ")
    assert len(ended.stderr.splitlines()) == 1
