"""DVC: one quick pass leaves exactly what DVC's own commands leave."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from labelloop.adapters import dvc, dvc_lock, git
from labelloop.errors import ToolError

ROUNDS = ["r000", "r001", "r002"]
STEPS = ["score", "select", "push", "collect", "fuse", "snapshot", "train", "evaluate"]
QUESTION = "Is this: a cat, 'or' a dog? " * 6 + "ü\n# no comment"


def stages(round_id: str) -> list[str]:
    return (["prepare"] if round_id == "r000" else []) + [f"{step}@{round_id}" for step in STEPS]


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def make_campaign(root: Path, rounds: list[str]) -> Path:
    """A campaign of small files in the layout of the real ones."""
    here, before = "rounds/${key}", "${item.previous}"
    pipeline: dict[str, tuple[list[str], list[object]]] = {
        "score": (["data/pool", f"{before}/model"], [f"{here}/scores"]),
        "select": (["data/pool", f"{here}/scores", f"{before}/labels.parquet"], [f"{here}/batch.parquet"]),
        "push": ([f"{here}/batch.parquet", f"{here}/pushed.jsonl"], [f"{here}/tasks.parquet"]),
        "collect": ([f"{before}/collected.parquet", f"{here}/votes.parquet"], [f"{here}/collected.parquet"]),
        "fuse": ([f"{here}/collected.parquet"], [f"{here}/fused.parquet"]),
        "snapshot": ([f"{here}/fused.parquet", f"{before}/labels.parquet"], [f"{here}/labels.parquet"]),
        "train": (["data/pool", f"{here}/labels.parquet"], [f"{here}/model"]),
        "evaluate": (
            [f"{here}/labels.parquet", f"{here}/model"],
            [{f"{here}/metrics.json": {"cache": False}}],
        ),
    }
    described: dict[str, object] = {
        "prepare": {"cmd": "echo prepare", "deps": ["raw.csv"], "outs": ["data/pool", "data/start"]}
    }
    for name, (deps, outs) in pipeline.items():
        params = [{f"{here}/settings.yaml": ["acquisition", "labels"]}]
        do = {"cmd": f"echo {name} ${{key}}", "deps": deps, "params": params, "outs": outs}
        described[name] = {"foreach": "${rounds}", "do": do}
    write(root / "dvc.yaml", yaml.safe_dump({"vars": ["rounds.yaml"], "stages": described}, sort_keys=False))
    folders = ["data/start"] + [f"rounds/{round_id}" for round_id in rounds]
    ledger = {round_id: {"previous": folders[index]} for index, round_id in enumerate(rounds)}
    write(root / "rounds.yaml", yaml.safe_dump({"rounds": ledger}))
    write(root / "raw.csv", "raw")
    write(root / "data/pool", "pool")
    for folder in folders:
        names = "scores/a batch.parquet pushed.jsonl tasks.parquet votes.parquet collected.parquet " \
            "fused.parquet labels.parquet model/a model/b metrics.json"  # fmt: skip
        for name in names.split():
            write(root / folder / name, f"{folder}/{name}")
        settings = {"acquisition": {"batch_size": 20, "options": {"tiny": 1e-5, "none": None, "empty": {}}},
                    "labels": {"question": QUESTION}}  # fmt: skip
        write(root / folder / "settings.yaml", yaml.safe_dump(settings))
    return root


def make_project(root: Path, rounds: list[str], project: Path) -> Path:
    """A campaign in a copy of an empty git and DVC project."""
    shutil.copytree(project, root)
    return make_campaign(root, rounds)


def content_of(root: Path) -> dict[str, bytes]:
    """Every file but DVC's temporaries and git's."""
    paths = (path for path in root.rglob("*") if path.is_file())
    named = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in named.items() if not name.startswith((".git/", ".dvc/tmp/"))}


def command(root: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture(scope="module", autouse=True)
def _own_site_cache(tmp_path_factory: pytest.TempPathFactory) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path_factory.mktemp("site")))
        patch.setenv("DVC_NO_ANALYTICS", "1")
        patch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path_factory.getbasetemp().parent))
        yield


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    git.ensure_repository(root)
    dvc.init(root)
    return root


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Path:
    """Three rounds recorded by `commit_round`, from another working directory."""
    root = make_project(tmp_path_factory.mktemp("ours") / "campaign", ROUNDS, project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        for round_id in ROUNDS:
            dvc.commit_round(root, stages(round_id), [f"rounds/{round_id}/votes.parquet"])
        assert list(Path.cwd().iterdir()) == []
    return root


@pytest.fixture
def small(tmp_path: Path, project: Path) -> Path:
    return make_project(tmp_path / "campaign", ["r000"], project)


def test_every_file_is_what_dvc_add_and_dvc_commit_leave(
    committed: Path, tmp_path: Path, project: Path
) -> None:
    """dvc.lock, .dvc files, .gitignore files and the whole cache are byte for byte DVC's own."""
    theirs = make_project(tmp_path / "theirs", ROUNDS, project)
    for round_id in ROUNDS:
        command(theirs, "add", "--quiet", f"rounds/{round_id}/votes.parquet")
        command(theirs, "commit", "--quiet", "--force", *stages(round_id))
    ours = content_of(committed)
    assert ours["dvc.lock"] == content_of(theirs)["dvc.lock"]
    assert ours == content_of(theirs)
    assert any(name.startswith(".dvc/cache/runs/") for name in ours)


def test_dvc_finds_nothing_to_do_afterwards(committed: Path, dvc_is_clean: Callable[[Path], bool]) -> None:
    assert dvc_is_clean(committed)


def test_a_second_call_changes_nothing(committed: Path) -> None:
    before = content_of(committed)
    dvc.commit_round(committed, stages("r001"), ["rounds/r001/votes.parquet"])
    assert content_of(committed) == before


def test_no_warning_is_logged_so_the_quick_way_was_taken(
    small: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dvc.commit_round(small, stages("r000"))
    assert caplog.records == []


def test_a_changed_out_replaces_its_stage_in_place_as_dvc_does(
    small: Path, tmp_path: Path, project: Path, dvc_is_clean: Callable[[Path], bool]
) -> None:
    other = make_project(tmp_path / "other", ["r000"], project)
    for root in (small, other):
        dvc.commit_round(root, stages("r000"))
    for root in (small, other):
        write(root / "rounds/r000/batch.parquet", "another batch")
    dvc.commit_round(small, ["select@r000"])
    command(other, "commit", "--quiet", "--force", "select@r000")
    assert (small / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes()
    assert not dvc_is_clean(small), "push@r000 read the old batch"


def test_a_lock_that_a_person_edited_keeps_its_comment(small: Path) -> None:
    dvc.commit_round(small, ["prepare"])
    lock = small / "dvc.lock"
    lock.write_text("# mine\n" + lock.read_text())
    dvc.commit_round(small, ["score@r000"])
    assert lock.read_text().startswith("# mine\n")
    assert set(yaml.safe_load(lock.read_text())["stages"]) == {"prepare", "score@r000"}


def test_a_lock_with_conflict_marks_is_an_error_and_is_left_alone(small: Path) -> None:
    dvc.commit_round(small, ["prepare"])
    damaged = (small / "dvc.lock").read_text() + "<<<<<<< ours\n=======\n>>>>>>> theirs\n"
    (small / "dvc.lock").write_text(damaged)
    with pytest.raises(ToolError, match=r"dvc\.lock"):
        dvc.commit_round(small, ["score@r000"])
    assert (small / "dvc.lock").read_text() == damaged


def test_the_files_for_git_are_named_on_a_retry_too(committed: Path) -> None:
    named = dvc.commit_round(committed, stages("r002"), ["rounds/r002/votes.parquet"])
    assert named == ["rounds/r002/votes.parquet.dvc", "rounds/r002/.gitignore", "dvc.lock"]


def test_a_missing_file_is_an_error_that_names_it(small: Path) -> None:
    (small / "rounds/r000/labels.parquet").unlink()
    with pytest.raises(ToolError, match=r"labels\.parquet"):
        dvc.commit_round(small, stages("r000"))
    with pytest.raises(ToolError, match=r"nowhere\.parquet is missing"):
        dvc.commit_round(small, [], ["rounds/r000/nowhere.parquet"])
    assert not (small / "dvc.lock").exists()


def test_a_project_in_a_folder_above_is_not_taken_for_the_campaigns_own(small: Path) -> None:
    inner = make_campaign(small / "inner", ["r000"])
    with pytest.raises(ToolError, match="no DVC project"):
        dvc.commit_round(inner, ["prepare"])


def test_an_unknown_stage_is_an_error_that_names_it(small: Path) -> None:
    with pytest.raises(ToolError, match="train@r007"):
        dvc.commit_round(small, ["train@r007"])


def test_where_an_internal_is_missing_the_command_line_does_the_same(
    small: Path,
    tmp_path: Path,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = make_project(tmp_path / "other", ["r000"], project)
    names, votes = ["prepare", "score@r000"], ["rounds/r000/votes.parquet"]
    named = dvc.commit_round(other, names, votes)
    from labelloop.adapters import dvc_commit

    monkeypatch.delattr(dvc_commit, "StageLoader")
    monkeypatch.setattr(dvc_commit, "commit", lambda *_: dvc_commit.StageLoader)
    with caplog.at_level(logging.WARNING):
        assert dvc.commit_round(small, names, votes) == named
    assert "command line" in caplog.text
    assert content_of(small) == content_of(other)


HOLDER = """
import sys, time
from dvc.repo import Repo
with Repo(sys.argv[1]).lock:
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize(("seconds", "patience"), [(1.5, 20.0), (60.0, 0.0)])
def test_another_dvc_process_is_waited_for_but_not_for_ever(
    small: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, patience: float
) -> None:
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0.3)  # after which DVC itself gives up
    monkeypatch.setattr(dvc, "PATIENCE", patience)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(small), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        if patience:
            dvc.commit_round(small, ["prepare"])
            assert dvc.md5_of(small, "data/pool")
        else:
            with pytest.raises(ToolError, match="another DVC process holds"):
                dvc.commit_round(small, ["prepare"])
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()


def test_md5_of_reads_outs_folders_and_sources(committed: Path) -> None:
    import hashlib

    for name in ("rounds/r001/labels.parquet", "rounds/r001/votes.parquet", "data/pool"):
        content = (committed / name).read_bytes()
        assert dvc.md5_of(committed, name) == hashlib.md5(content, usedforsecurity=False).hexdigest()
    folder = dvc.md5_of(committed, "rounds/r001/model")
    assert folder is not None and folder.endswith(".dir")
    assert dvc.md5_of(committed, "raw.csv") is None, "a dependency alone is not kept"


def test_md5_of_an_edited_lock_is_the_same(committed: Path, tmp_path: Path) -> None:
    write(tmp_path / "dvc.lock", "# mine\n" + (committed / "dvc.lock").read_text())
    name = "rounds/r002/labels.parquet"
    assert dvc.md5_of(tmp_path, name) == dvc.md5_of(committed, name)


def test_a_digest_of_digits_alone_stays_text(tmp_path: Path) -> None:
    write(tmp_path / "votes.parquet.dvc", f"outs:\n- md5: {'0' * 16}{'7' * 16}\n  path: votes.parquet\n")
    assert dvc.md5_of(tmp_path, "votes.parquet") == "0" * 16 + "7" * 16


def test_init_inside_a_bigger_repository_makes_a_project_of_its_own(tmp_path: Path) -> None:
    git.ensure_repository(tmp_path)
    root = tmp_path / "campaigns" / "digits"
    root.mkdir(parents=True)
    files = dvc.init(root)
    before = content_of(tmp_path)
    assert dvc.init(root) == files == [".dvc/.gitignore", ".dvc/config", ".dvcignore"]
    assert content_of(tmp_path) == before
    assert not (tmp_path / ".dvc").exists()
    config = (root / ".dvc" / "config").read_text()
    for line in ("analytics = false", "check_update = false", "autostage = false"):
        assert line in config


def test_init_completes_a_project_but_keeps_what_its_owner_has_set(small: Path) -> None:
    (small / ".dvc" / "config").write_text("[cache]\n    type = copy\n[core]\n    analytics = true\n")
    dvc.init(small)
    config = (small / ".dvc" / "config").read_text()
    assert "analytics = true" in config
    assert "autostage = false" in config
    assert "type = copy" in config


def test_a_commit_stages_nothing_in_git_even_where_dvc_is_set_to(small: Path) -> None:
    (small / ".dvc" / "config").write_text("[core]\n    autostage = true\n")
    before = subprocess.check_output(["git", "diff", "--cached", "--name-only"], cwd=small)
    dvc.commit_round(small, ["prepare"], ["rounds/r000/votes.parquet"])
    assert subprocess.check_output(["git", "diff", "--cached", "--name-only"], cwd=small) == before


def test_init_outside_of_git_goes_without(tmp_path: Path) -> None:
    dvc.init(tmp_path)
    assert "no_scm" in (tmp_path / ".dvc" / "config").read_text()


def add_remote(root: Path, name: str, folder: Path) -> None:
    with (root / ".dvc" / "config").open("a") as stream:
        stream.write(f"['remote \"{name}\"']\n    url = {folder}\n")


def test_push_copies_the_snapshot_to_a_remote_by_name(small: Path, tmp_path: Path) -> None:
    add_remote(small, "shelf", tmp_path / "shelf")
    dvc.commit_round(small, stages("r000"), ["rounds/r000/votes.parquet"])
    dvc.push(small, "shelf")
    for name in ("rounds/r000/labels.parquet", "rounds/r000/votes.parquet"):
        md5 = dvc.md5_of(small, name)
        assert md5 is not None
        assert (tmp_path / "shelf" / "files" / "md5" / md5[:2] / md5[2:]).exists()


def test_push_to_an_unknown_remote_names_the_known_ones(small: Path, tmp_path: Path) -> None:
    add_remote(small, "shelf", tmp_path / "shelf")
    with pytest.raises(ToolError, match=r"no remote 'cellar' \(known remotes: shelf\)"):
        dvc.push(small, "cellar")


def test_importing_the_adapter_does_not_import_dvc() -> None:
    code = "import sys, labelloop.adapters.dvc; sys.exit('dvc' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_fifty_rounds_take_little_longer_than_one(tmp_path: Path) -> None:
    """Appending to a long lock costs reading and writing it once, not parsing it."""
    block = dvc_lock.block("stages:\n  train@r000:\n    cmd: x\n" + "    - md5: a\n" * 20)
    assert block is not None
    text = "schema: '2.0'\nstages:\n" + "".join(block.replace("r000", f"r{n:03d}") for n in range(4000))
    start = time.perf_counter()
    merged = dvc_lock.merge(text, [block.replace("r000", "new")])
    assert merged == text + block.replace("r000", "new")
    assert time.perf_counter() - start < 1.0


@pytest.mark.parametrize(
    "text",
    ["schema: '2.0'\nstages:\n  a:\n    cmd: x", "stages:\n  a:\n    cmd: x\n",
     "schema: '2.0'\nstages:\n  a:\n    cmd: x\ndatasets: []\n",
     "schema: '2.0'\nstages:\n  # a\n    cmd: x\n",
     "schema: '2.0'\nstages:\r\n", "schema: '2.0'\nstages:\n  a:\n    cmd: x\n  a:\n    cmd: x\n",
     "schema: '2.0'\nstages:\n    cmd: x\n"],
)  # fmt: skip
def test_a_lock_of_another_shape_is_not_taken_apart(text: str) -> None:
    assert dvc_lock.split(text) is None
    assert dvc_lock.merge(text, ["  b:\n    cmd: y\n"]) is None


def test_the_environment_is_not_changed_by_a_commit(small: Path) -> None:
    before = (Path.cwd(), dict(os.environ))
    dvc.commit_round(small, ["prepare"])
    assert (Path.cwd(), dict(os.environ)) == before
