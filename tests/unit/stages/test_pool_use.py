"""A campaign whose params.yaml does not name `model.pool`: what it uses, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import files, loop
from labelloop.kept_settings import keep_held, pending_changes
from labelloop.ledger import POOL_REASON, Ledger, read_frozen
from labelloop.settling import reasons
from labelloop.stages.backtest import backtest
from labelloop.stages.pool_use import with_pool
from labelloop.workspace import Workspace

ROWS = 220
WHY = "`model.pool: auto` is graph here, as with logistic"


def write(folder: Path, rounds: int = 2, text: bool = False, **model: Any) -> Path:
    """Three clouds of numbers, or three topics."""
    random = np.random.default_rng(0)
    codes = random.integers(3, size=ROWS)
    labels = [f"class-{code}" for code in codes]
    if text:
        words = [f"word{code} and word{code + other} {n}" for n, (code, other)
                 in enumerate(zip(codes, random.integers(3, size=ROWS), strict=True))]  # fmt: skip
        table = pd.DataFrame({"text": words})
    else:
        table = pd.DataFrame(random.normal(3.0 * np.eye(3, 4)[codes], 1.0), columns=list("abcd"))
    table.assign(label=labels).to_csv(folder / "rows.csv", index=False)
    settings = {
        "campaign": {"name": "unnamed", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"}
        | ({"text_columns": ["text"]} if text else {}),
        **({"model": model} if model else {}),
        "acquisition": {"batch_size": 12, "first_batch_size": 20},
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 40, "bootstrap": 20},
        "stopping": {"max_rounds": rounds},
        "tracking": {"enabled": False},
        "versioning": {"enabled": False},
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(settings))
    return folder / "params.yaml"


@pytest.fixture(scope="module")
def play(playing: Callable[..., Any]) -> Callable[..., Path]:
    return playing(write)


@pytest.fixture(scope="module")
def played(play: Callable[..., Path]) -> Path:
    """Two rounds; not to be changed."""
    return play()


def test_a_campaign_that_names_nothing_uses_the_graph_and_says_so(
    played: Path, labelloop: Callable[..., Any]
) -> None:
    """In the round's settings, its model, the report, the page and the status."""
    about, settings = read_frozen(played / "rounds/r001/settings.yaml")
    assert settings.model.pool == "graph" and about[POOL_REASON].startswith(WHY)
    model = played / "rounds/r001/model"
    assert files.read_json(model / "learner.json")["pool"] == "graph"
    gate = files.read_json(model / "pool.json")["reason"]
    assert "cross-validated accuracy on 32 labels" in gate
    for told in (played / "rounds/r001/report.md").read_text(), labelloop("status", played).out:
        assert gate in told and about[POOL_REASON] in told
    assert gate in (played / "reports/campaign.html").read_text()


def test_it_is_the_campaign_that_names_the_graph(played: Path, play: Callable[..., Path]) -> None:
    """Batches and models to the byte: nothing sees `auto` once a round is open."""
    named = play(pool="graph")
    for name in ("r000", "r001"):
        for part in ("batch.parquet", "labels.parquet", "model"):
            assert files.digest(played / "rounds" / name / part) == files.digest(
                named / "rounds" / name / part
            )
    assert POOL_REASON not in read_frozen(named / "rounds/r001/settings.yaml")[0]
    assert WHY not in (named / "rounds/r001/report.md").read_text()


def test_a_plain_choice_is_explained_in_the_report(
    play: Callable[..., Path], labelloop: Callable[..., Any]
) -> None:
    """Texts are learned from by TF-IDF, with which the graph is not taken."""
    folder = play(text=True, rounds=1)
    assert not (folder / "rounds/r000/model/pool.json").exists()
    for told in (folder / "rounds/r000/report.md").read_text(), labelloop("status", folder).out:
        assert "`model.pool: auto` is none here: with tfidf_logistic the graph helps" in told


def test_params_that_did_not_change_are_told_of_by_nobody(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The open round says `graph` where params.yaml says nothing, which is the same; so is it to settling."""
    assert labelloop("init", tmp_path).code == 0
    write(tmp_path, rounds=1)
    assert labelloop("run", "--plain", tmp_path).code == 0
    workspace = Workspace.at(tmp_path)
    settings = keep_held(workspace.settings, Ledger.read(workspace.ledger))
    assert reasons(workspace, workspace.round("r000"), with_pool(settings, workspace.data)[0]) == []
    said = labelloop("settle", tmp_path)
    assert said.code != 0 and "nothing was reviewed" in said.error
    write(tmp_path, rounds=2)
    loop.open_round(workspace)
    assert pending_changes(workspace) == []


def test_a_round_keeps_the_learner_that_it_was_opened_with(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The plain learner of an open round stays; the next round has the graph, and that is told."""
    assert labelloop("init", tmp_path).code == 0
    write(tmp_path, rounds=1, pool="none")
    workspace = Workspace.at(tmp_path)
    loop.run_stage(workspace, "prepare")
    loop.open_round(workspace)
    write(tmp_path)
    (line,) = pending_changes(workspace)
    assert "model.pool changed from 'none' to 'graph'; applies from round r001" in line
    assert labelloop("run", "--plain", tmp_path).code == 0
    kept = [files.read_json(tmp_path / f"rounds/{name}/model/learner.json") for name in ("r000", "r001")]
    assert [one["pool"] for one in kept] == ["none", "graph"]


def test_a_backtest_replays_the_learner_that_the_campaign_will_have(tmp_path: Path) -> None:
    """Its curves are those of the graph, not of the plain learner."""
    curves = {}
    for name, model in (("unnamed", {}), ("graph", {"pool": "graph"}), ("none", {"pool": "none"})):
        backtest(write(tmp_path, **model), tmp_path / name, strategies=["random"], seeds=1)
        curves[name] = (tmp_path / name / "curves.csv").read_bytes()
    assert curves["unnamed"] == curves["graph"] != curves["none"]
