"""git: an automatic commit holds the campaign's files and nothing else."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from labelloop.adapters import git
from labelloop.errors import ToolError


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    # A repository above the temporary folder must not be found.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "EMAIL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    git.ensure_repository(root)
    return root


def say(root: Path, *arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def write(root: Path, name: str, content: str = "x") -> str:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return name


def committed(root: Path, commit: str = "HEAD") -> list[str]:
    return say(root, "show", "--pretty=format:", "--name-only", commit).split()


def test_a_folder_in_no_work_tree_becomes_a_repository_on_main(tmp_path: Path) -> None:
    assert git.work_tree(tmp_path) is None
    assert git.ensure_repository(tmp_path) is True
    assert say(tmp_path, "symbolic-ref", "HEAD") == "refs/heads/main"


def test_an_existing_work_tree_is_not_touched(repository: Path) -> None:
    campaign = repository / "campaign"
    campaign.mkdir()
    assert git.ensure_repository(campaign) is False
    assert not (campaign / ".git").exists()


def test_the_first_commit_of_a_repository_holds_only_the_given_files(repository: Path) -> None:
    assert git.head(repository) is None
    write(repository, "other")
    commit = git.commit(repository, [write(repository, "dvc.lock"), "rounds"], "round r000")
    assert commit == git.head(repository) == say(repository, "rev-parse", "HEAD")
    assert committed(repository) == ["dvc.lock"]


def test_what_the_user_has_staged_or_modified_stays_as_it_is(repository: Path) -> None:
    git.commit(repository, [write(repository, "code.py", "1"), write(repository, "notes", "1")], "start")
    write(repository, "code.py", "2")
    say(repository, "add", "code.py")
    say(repository, "add", write(repository, "staged.py"))
    write(repository, "notes", "2")
    campaign = repository / "campaign"
    git.commit(
        campaign if campaign.exists() else repository, [write(repository, "campaign/dvc.lock")], "round"
    )
    assert committed(repository) == ["campaign/dvc.lock"]
    assert say(repository, "diff", "--cached", "--name-only").split() == ["code.py", "staged.py"]
    assert say(repository, "diff", "--name-only").split() == ["notes"]


def test_paths_are_relative_to_the_campaign_and_are_names_not_patterns(repository: Path) -> None:
    campaign = repository / "campaign é"
    write(campaign, "rounds/r000/a.json")
    write(campaign, "bc")
    git.commit(campaign, [write(campaign, "b*"), "rounds"], "round")
    listed = say(repository, "-c", "core.quotePath=false", "ls-files").splitlines()
    assert listed == ["campaign é/b*", "campaign é/rounds/r000/a.json"]


def test_nothing_changed_gives_no_commit(repository: Path) -> None:
    first = git.commit(repository, [write(repository, "a")], "one")
    assert git.commit(repository, ["a", "never-there"], "two") is None
    assert git.head(repository) == first


def test_a_deleted_file_is_committed_as_deleted(repository: Path) -> None:
    git.commit(repository, [write(repository, "a"), write(repository, "b")], "one")
    (repository / "a").unlink()
    assert git.commit(repository, ["a"], "two") is not None
    assert say(repository, "ls-files") == "b"


def test_without_an_identity_labelloop_is_the_author(repository: Path) -> None:
    git.commit(repository, [write(repository, "a")], "one")
    assert say(repository, "log", "-1", "--format=%an %ae") == "labelloop labelloop@localhost"


def test_a_configured_identity_is_kept(repository: Path) -> None:
    say(repository, "config", "user.name", "Ada")
    say(repository, "config", "user.email", "ada@example.org")
    git.commit(repository, [write(repository, "a")], "one")
    assert say(repository, "log", "-1", "--format=%an %ae") == "Ada ada@example.org"


def test_a_failing_pre_commit_hook_does_not_stop_a_round(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert git.commit(repository, [write(repository, "a")], "one") is not None


def test_a_detached_head_takes_commits(repository: Path) -> None:
    first = git.commit(repository, [write(repository, "a")], "one")
    say(repository, "checkout", "--quiet", "--detach")
    second = git.commit(repository, [write(repository, "a", "2")], "two")
    assert say(repository, "rev-parse", "HEAD~1", "HEAD").split() == [first, second]


def test_an_ignored_file_is_an_error_that_names_it(repository: Path) -> None:
    write(repository, ".gitignore", "*.lock\nhidden/\n")
    with pytest.raises(ToolError, match=r"git ignores dvc\.lock"):
        git.commit(repository, [write(repository, "dvc.lock")], "one")
    with pytest.raises(ToolError, match="git ignores the folder hidden/"):
        git.commit(
            repository / "hidden", [write(repository, "hidden/params.yaml").removeprefix("hidden/")], "one"
        )


def test_ignored_files_inside_a_given_folder_are_passed_over(repository: Path) -> None:
    write(repository, "rounds/r000/.gitignore", "/model")
    write(repository, "rounds/r000/model")
    git.commit(repository, ["rounds"], "one")
    assert say(repository, "ls-files") == "rounds/r000/.gitignore"


def test_a_busy_index_is_waited_for(repository: Path) -> None:
    lock = repository / ".git" / "index.lock"
    lock.touch()
    timer = threading.Timer(0.4, lock.unlink)
    timer.start()
    assert git.commit(repository, [write(repository, "a")], "one") is not None
    timer.join()


def test_an_index_that_stays_busy_is_an_error_that_names_the_lock(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git, "PATIENCE", 0.2)
    (repository / ".git" / "index.lock").touch()
    with pytest.raises(ToolError, match=r"index\.lock"):
        git.commit(repository, [write(repository, "a")], "one")


def test_a_tag_is_annotated_and_may_be_set_again_on_the_same_commit(repository: Path) -> None:
    commit = git.commit(repository, [write(repository, "a")], "one")
    git.tag(repository, "labels/digits/r000", "snapshot")
    git.tag(repository, "labels/digits/r000", "snapshot")
    assert say(repository, "cat-file", "-t", "labels/digits/r000") == "tag"
    assert say(repository, "rev-parse", "labels/digits/r000^{commit}") == commit


def test_a_tag_never_moves(repository: Path) -> None:
    git.commit(repository, [write(repository, "a")], "one")
    git.tag(repository, "labels/digits/r000", "snapshot")
    git.commit(repository, [write(repository, "a", "2")], "two")
    with pytest.raises(ToolError, match="already on commit"):
        git.tag(repository, "labels/digits/r000", "snapshot")


def test_a_tag_needs_a_commit(repository: Path) -> None:
    with pytest.raises(ToolError, match="no such commit"):
        git.tag(repository, "labels/digits/r000", "snapshot")


def test_variables_of_a_surrounding_git_command_are_not_followed(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    git.ensure_repository(elsewhere)
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    assert git.work_tree(repository) == repository


def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="not installed"):
        git.work_tree(tmp_path)
