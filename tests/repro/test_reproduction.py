"""What DVC makes of a finished campaign: nothing to do, the same bytes again, all back from the votes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

Shell = Callable[..., str]


def outputs(folder: Path) -> dict[str, str]:
    """Digest of every file of data/ and rounds/."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("data", "rounds")
        for path in sorted((folder / name).rglob("*"))
        if path.is_file() and path.name != ".gitignore"
    }


@pytest.fixture(scope="module")
def clone(ended: Path, shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A fresh `git clone`, with nothing of DVC pulled."""

    def make() -> Path:
        folder = tmp_path_factory.mktemp("clone") / "campaign"
        shell(folder.parent, "git", "clone", "--quiet", str(ended), str(folder))
        return folder

    return make


def test_after_a_run_git_and_dvc_have_nothing_to_say(ended: Path, shell: Shell) -> None:
    """`git status` is empty, `dvc status` is clean and `dvc repro` skips every stage, second looks or not."""
    assert "relabel" in pq.read_table(ended / "rounds/r001/batch.parquet")["arm"].to_pylist()
    assert {"skill", "reask"} <= set(pq.read_table(ended / "rounds/r001/routing.parquet")["why"].to_pylist())
    lock = (ended / "dvc.lock").read_bytes()
    assert shell(ended, "git", "status", "--porcelain") == ""
    assert json.loads(shell(ended, "dvc", "status", "--json")) == {}
    said = shell(ended, "dvc", "repro")
    assert "Running stage" not in said and "up to date" in said
    assert (ended / "dvc.lock").read_bytes() == lock


def test_all_of_it_again_gives_the_same_bytes(again: Path, shell: Shell) -> None:
    """`dvc repro -f` runs every stage, and lock file and outputs are what they were.

    The learner is the default one, which uses the unlabeled pool.
    """
    assert json.loads((again / "rounds/r001/model/pool.json").read_text())["pool"] == "graph"
    lock, before = (again / "dvc.lock").read_bytes(), outputs(again)
    said = shell(again, "dvc", "repro", "--force")
    assert said.count("Running stage") == 17
    assert (again / "dvc.lock").read_bytes() == lock
    assert outputs(again) == before
    assert shell(again, "git", "status", "--porcelain") == ""


def test_a_clone_gets_everything_by_pull(ended: Path, clone: Callable[[], Path], shell: Shell) -> None:
    """`git clone` and `dvc pull` bring every file back, and nothing is to be done."""
    folder = clone()
    shell(folder, "dvc", "pull", "--quiet", "--remote", "storage")
    assert outputs(folder) == outputs(ended)
    assert json.loads(shell(folder, "dvc", "status", "--json")) == {}


def test_a_clone_with_the_votes_alone_rebuilds_everything(
    ended: Path, clone: Callable[[], Path], shell: Shell
) -> None:
    """From params, ledger and votes: every batch, snapshot, model and metric, with the same lock file."""
    folder = clone()
    votes = sorted(path.relative_to(folder).as_posix() for path in folder.glob("rounds/*/votes.parquet.dvc"))
    assert len(votes) == 2
    shell(folder, "dvc", "pull", "--quiet", "--remote", "storage", *votes)
    assert not (folder / "data").exists()
    shell(folder, "dvc", "repro")
    assert (folder / "dvc.lock").read_bytes() == (ended / "dvc.lock").read_bytes()
    assert outputs(folder) == outputs(ended)
    assert shell(folder, "git", "status", "--porcelain") == ""


def test_metrics_and_plots_are_shown(ended: Path, shell: Shell, tmp_path: Path) -> None:
    """`dvc metrics show` has every round's accuracy, `dvc plots show` the learning curve."""
    metrics = json.loads(shell(ended, "dvc", "metrics", "show", "--json"))[""]["data"]
    found = {name: content["data"]["accuracy"] for name, content in metrics.items()}
    assert sorted(found) == ["rounds/r000/metrics.json", "rounds/r001/metrics.json"]
    assert all(0 <= accuracy <= 1 for accuracy in found.values())
    plots = json.loads(shell(ended, "dvc", "plots", "show", "--json", "-o", str(tmp_path / "plots")))
    (plot,) = plots["data"]["reports/learning_curve.csv"]
    points = plot["content"]["data"]["values"]
    labels = [
        str(json.loads((ended / f"rounds/{name}/metrics.json").read_text())["labels"])
        for name in ("r000", "r001")
    ]
    assert [(point["round"], point["labels"]) for point in points] == [("r000", "12"), ("r001", labels[1])]
    assert labels[0] == "12"


def test_every_snapshot_has_a_tag_that_names_it(ended: Path, shell: Shell) -> None:
    """Annotated, on the round's commit, with the md5 by which DVC knows the snapshot."""
    assert shell(ended, "git", "tag", "--list").split() == ["labels/small/r000", "labels/small/r001"]
    lock = yaml.safe_load((ended / "dvc.lock").read_text())["stages"]
    for name in ("r000", "r001"):
        tag = f"labels/small/{name}"
        assert shell(ended, "git", "cat-file", "-t", tag).strip() == "tag"
        said = shell(ended, "git", "tag", "--list", "--format=%(contents)", tag)
        (out,) = lock[f"snapshot@{name}"]["outs"]
        assert f"snapshot: rounds/{name}/labels.parquet" in said
        assert f"snapshot-md5: {out['md5']}" in said
        assert f"{name}:" in shell(ended, "git", "log", "-1", "--format=%s", tag)


def test_a_round_that_asked_nobody_is_made_again_like_any_other(
    again: Path, shell: Shell, labelloop: Callable[..., Any]
) -> None:
    """Settled after a review: committed and tagged, and `dvc repro -f` of its stages gives the same bytes."""
    queue = again.parent / "queue.csv"
    words = ("--out", queue, "--random", "10", "--unsure-below", "0", "--no-model")
    assert labelloop("review", again, *words).code == 0
    rows = pd.read_csv(queue, dtype=str)
    labels = pd.read_parquet(again / "rounds/r001/labels.parquet").set_index("item")["label"]
    rows.assign(answer=rows["item"].map(labels)).to_csv(queue, index=False)
    assert labelloop("review", again, "--take", queue, "--by", "eva").code == 0
    said = labelloop("settle", again, "--plain")
    assert said.code == 0, said.error
    assert shell(again, "git", "status", "--porcelain") == ""
    assert "labels/small/r002" in shell(again, "git", "tag", "--list").split()
    lock, before = (again / "dvc.lock").read_bytes(), outputs(again)
    said = shell(again, "dvc", "repro", "--force", "--downstream", "score@r002")
    assert said.count("Running stage") == 8
    assert (again / "dvc.lock").read_bytes() == lock
    assert outputs(again) == before


def test_a_round_that_only_looks_again_is_made_again_like_any_other(
    again: Path, shell: Shell, labelloop: Callable[..., Any]
) -> None:
    """Once no further label may be asked for: committed, verified, and the same bytes again."""
    params = yaml.safe_load((again / "params.yaml").read_text())
    labels = json.loads((again / "rounds/r001/metrics.json").read_text())["labels"]
    changed = params | {"budget": {"labels": labels}, "stopping": {"max_rounds": 3}}
    (again / "params.yaml").write_text(yaml.safe_dump(changed))
    said = labelloop("run", again, "--plain")
    assert said.code == 0, said.error
    assert "1 further round has looked again" in labelloop("status", again).out
    assert set(pd.read_parquet(again / "rounds/r002/batch.parquet")["arm"]) == {"relabel"}
    assert labelloop("verify", again).code == 0
    assert shell(again, "git", "status", "--porcelain") == ""
    assert json.loads(shell(again, "dvc", "status", "--json")) == {}
    lock, before = (again / "dvc.lock").read_bytes(), outputs(again)
    said = shell(again, "dvc", "repro", "--force", "--downstream", "score@r002")
    assert said.count("Running stage") == 8
    assert (again / "dvc.lock").read_bytes() == lock
    assert outputs(again) == before
