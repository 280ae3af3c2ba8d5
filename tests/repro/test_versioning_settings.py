"""Versioning as params.yaml wants it: in a bigger repository, without commits or tags, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Shell = Callable[..., str]
Command = Callable[..., Any]


def run(folder: Path, labelloop: Command) -> None:
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error


def begin(folder: Path, labelloop: Command, settings_file: Callable[..., Path], **changes: Any) -> Path:
    folder.mkdir(parents=True)
    settings_file(folder, **({"stopping": {"max_rounds": 1}} | changes))
    assert labelloop("init", folder).code == 0
    return folder


def test_a_campaign_in_a_bigger_repository_commits_its_own_files_only(
    tmp_path: Path, labelloop: Command, settings_file: Callable[..., Path], shell: Shell
) -> None:
    """What the user has staged stays staged, what they have changed stays changed, and both uncommitted."""
    project = tmp_path / "project"
    project.mkdir()
    shell(project, "git", "init", "--quiet", "-b", "main")
    for name in ("changed.txt", "staged.txt"):
        (project / name).write_text("first\n")
    shell(project, "git", "add", ".")
    shell(project, "git", "commit", "--quiet", "-m", "the user's own")
    folder = begin(project / "labeling" / "small", labelloop, settings_file)
    assert (folder / ".dvc").is_dir() and not (folder / ".git").exists()
    (project / "changed.txt").write_text("second\n")
    (project / "staged.txt").write_text("second\n")
    (project / "new.txt").write_text("new\n")
    shell(project, "git", "add", "staged.txt")
    run(folder, labelloop)
    assert shell(project, "git", "status", "--porcelain").splitlines() == [
        " M changed.txt", "M  staged.txt", "?? new.txt",
    ]  # fmt: skip
    committed = shell(project, "git", "log", "--format=", "--name-only", "-2").split()
    assert committed and all(name.startswith("labeling/small/") for name in committed)
    assert json.loads(shell(folder, "dvc", "status", "--json")) == {}


@pytest.mark.parametrize("name", ["git_tag", "git_commit", "enabled"])
def test_what_is_switched_off_is_not_done(
    name: str, tmp_path: Path, labelloop: Command, settings_file: Callable[..., Path], shell: Shell
) -> None:
    """No tag; no commit and no repository; no DVC either. What is left on works."""
    folder = begin(tmp_path / "campaign", labelloop, settings_file, versioning={name: False})
    run(folder, labelloop)
    assert (folder / "dvc.lock").exists() == (name != "enabled")
    assert (folder / ".git").exists() == (name == "git_tag")
    if name == "git_tag":
        assert shell(folder, "git", "tag") == ""
        assert len(shell(folder, "git", "log", "--oneline").splitlines()) == 2
    if name != "enabled":
        assert json.loads(shell(folder, "dvc", "status", "--json")) == {}


def test_while_people_work_dvc_has_nothing_to_do(
    tmp_path: Path, labelloop: Command, settings_file: Callable[..., Path], shell: Shell
) -> None:
    """A round that waits is no stage yet: `dvc status` is clean, `dvc repro` runs nothing and asks nobody."""
    folder = begin(
        tmp_path / "campaign", labelloop, settings_file, stopping={"max_rounds": 2},
        annotation={"tool": "files", "overlap": 1, "test_overlap": 1, "routing": {"mode": "none"}},
        quality={"reask_share": 0.0},
    )  # fmt: skip
    run(folder, labelloop)
    _answer(folder, "r000")
    assert "r001 waits" in labelloop("advance", "--plain", folder).out
    asked = (folder / "labeling" / "r001" / "tasks.jsonl").read_bytes()
    assert json.loads(shell(folder, "dvc", "status", "--json")) == {}
    assert "Running stage" not in shell(folder, "dvc", "repro")
    assert (folder / "labeling" / "r001" / "tasks.jsonl").read_bytes() == asked


def test_params_for_rounds_to_come_leave_closed_rounds_alone(
    again: Path, labelloop: Command, settings_file: Callable[..., Path], shell: Shell
) -> None:
    """Another strategy, model option and overlap: a third round follows them, the stages of two are kept."""
    before = yaml.safe_load((again / "dvc.lock").read_text())["stages"]
    settings_file(
        again, stopping={"max_rounds": 3}, model={"options": {"c": 0.5}}, acquisition={"strategy": "entropy"},
        annotation={"overlap": 2},
    )  # fmt: skip
    assert json.loads(shell(again, "dvc", "status", "--json")) == {}
    run(again, labelloop)
    after = yaml.safe_load((again / "dvc.lock").read_text())["stages"]
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == sorted(f"{name}@r002" for name in ROUND_STAGES)
    assert json.loads(shell(again, "dvc", "status", "--json")) == {}


ROUND_STAGES = ("score", "select", "push", "collect", "fuse", "snapshot", "train", "evaluate")


def test_a_closed_round_whose_batch_would_differ_is_refused(again: Path, labelloop: Command) -> None:
    """Tampered settings select other items; `push` says so and nobody is asked about them."""
    folder = again / "rounds" / "r001"
    settings = yaml.safe_load((folder / "settings.yaml").read_text())
    settings["round"]["new_items"] = 9
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    asked = (again / ".labelloop" / "simulated" / "rounds" / "r001.jsonl").read_bytes()
    pushed = (folder / "pushed.jsonl").read_bytes()
    assert labelloop("stage", "select", "r001", "-C", again).code == 0
    said = labelloop("stage", "push", "r001", "-C", again)
    assert said.code == 2
    assert "batch of closed round r001 is not the one that people were asked" in said.error
    assert "Nobody was asked" in said.error
    assert (folder / "pushed.jsonl").read_bytes() == pushed
    assert (again / ".labelloop" / "simulated" / "rounds" / "r001.jsonl").read_bytes() == asked


def test_a_remote_that_does_not_exist_is_named_and_the_round_is_kept(
    again: Path, labelloop: Command, settings_file: Callable[..., Path]
) -> None:
    """The message says which remotes there are; with the name put right the same command goes on."""
    settings_file(again, stopping={"max_rounds": 3}, versioning={"remote": "storge"})
    said = labelloop("run", "--plain", again)
    assert said.code == 2
    assert "no remote 'storge'" in said.error and "storage" in said.error
    assert (again / "rounds" / "r002" / "manifest.json").exists()
    settings_file(again, stopping={"max_rounds": 3}, versioning={"remote": "storage"})
    run(again, labelloop)


def test_a_clone_goes_on_where_the_campaign_stopped(
    ended: Path, tmp_path: Path, labelloop: Command, settings_file: Callable[..., Path], shell: Shell
) -> None:
    """Another machine pulls, raises the limit and runs: closed rounds and tags stay, a third follows."""
    folder = tmp_path / "campaign"
    shell(tmp_path, "git", "clone", "--quiet", str(ended), str(folder))
    shell(folder, "dvc", "pull", "--quiet", "--remote", "storage")
    tagged = shell(folder, "git", "show-ref", "--tags", "-d")
    lock = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    settings_file(folder, stopping={"max_rounds": 3})
    run(folder, labelloop)
    after = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    assert {name: after[name] for name in lock} == lock
    assert shell(folder, "git", "show-ref", "--tags", "-d").startswith(tagged)
    assert "labels/small/r002" in shell(folder, "git", "tag")
    assert json.loads(shell(folder, "dvc", "status", "--json")) == {}


def _answer(folder: Path, round_id: str) -> None:
    """The truth about scikit-learn's digits, as everybody sees it."""
    import pyarrow.parquet as pq

    known = pq.read_table(folder / "data" / "known.parquet").to_pandas().set_index("item")["label"]
    lines = (folder / "labeling" / round_id / "tasks.jsonl").read_text().splitlines()
    items = dict.fromkeys(json.loads(line)["item"] for line in lines)
    rows = [f"{item},{known[item]}" for item in items]
    (folder / "labeling" / round_id / "answers-me.csv").write_text("\n".join(["item,label", *rows]) + "\n")
