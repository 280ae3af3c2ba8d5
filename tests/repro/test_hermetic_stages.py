"""A stage reads what its contract says and nothing else, files and settings alike.

Each stage of a played campaign is run again in a folder that holds its declared inputs alone, with every
undeclared section of the round's settings back at its defaults, and must make the same bytes. Were something
undeclared read, a change of it would leave `dvc repro` and the live run with stale outputs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import files, stages
from labelloop.backtesting.verdict import Against, Verdict, write_verdict
from labelloop.settings.model import Model
from labelloop.stages.backtest_followed import LEARNER
from labelloop.stages.contract import ROUND_STAGES, Contract
from labelloop.stages.review_queue import drawn_verdicts
from labelloop.stages.runner import Round
from labelloop.workspace import Workspace

ROWS = 240
CREW = [{"name": name, "accuracy": 0.9 - 0.1 * number, "cost_per_vote": 0.1 + 0.1 * number}
        for number, name in enumerate(("ann", "bo", "cy", "dee", "eve"))]  # fmt: skip
ABLE = [one | {"accuracy": 0.95} for one in CREW]
"""Whose labels can be certified."""
COMMON: dict[str, dict[str, Any]] = {
    "campaign": {"name": "hermetic", "seed": 3},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label", "id_column": "id",
                "numeric_columns": list("abcd")},
    "labels": {"question": "Which one?"},
    "fusion": {"folds": 3, "model_prior": "out_of_fold"},
    "gold": {"known": 20, "share": 0.2, "overlap": 3},
    "evaluation": {"test_size": 24, "bootstrap": 25, "stop_set": 40, "interval": 0.9},
    "stopping": {"max_rounds": 3, "kappa": 0.999},
    "budget": {"labels": 200, "money": 400.0},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
}  # fmt: skip
CAMPAIGNS: dict[str, dict[str, dict[str, Any]]] = {
    "routed": {
        "model": {"name": "logistic", "options": {"c": 0.3}, "pool": "graph", "committee": 2},
        "acquisition": {
            "batch_size": 12, "first_batch_size": 24, "control_share": 0.2, "shard_size": 256,
            "compose": {"mix": {"auto": 0.4, "error_based": 0.3, "bald": 0.3}, "cost_column": "cost",
                        "group_column": "source", "cap_per_group": 4},
        },
        "annotation": {"overlap": 2, "test_overlap": 2, "max_overlap": 4, "cost_per_vote": 0.2,
                       "routing": {"mode": "skill", "explore": 0.2}, "simulation": {"annotators": CREW}},
        "quality": {"reask_share": 0.2, "reask_after": 2, "pause": {"gold_below": 0.7, "least_gold": 5}},
    },
    "gated": {
        "model": {"name": "logistic", "options": {"c": 3.0}, "label_weights": "soft"},
        "acquisition": {"strategy": "relabel", "batch_size": 12, "first_batch_size": 24,
                        "shard_size": 256},
        "annotation": {"overlap": 1, "test_overlap": 2, "max_overlap": 3, "cost_per_vote": 0.2,
                       "prelabels": "shown", "simulation": {"annotators": ABLE}},
        "review": {"gates": [{"name": "second", "when": ["random"], "share": 0.3}], "cost_per_verdict": 0.5},
        "labels": {"question": "Which one?", "classes": ["class-2", "class-0", "class-1"], "ordered": True},
        "quality": {"slice_by": ["cost"]},
        "accept": {"target_error": 0.3, "trust_test_set": True,
                   "fused": {"target_error": 0.4, "delta": 0.4, "looks": 2}},
    },
    "followed": {
        "model": {"name": "mlp", "options": {"hidden": 8, "epochs": 3, "min_steps": 20}, "pool": "graph",
                  "pool_options": {"neighbours": 5, "alpha": 0.5, "share": 0.6}},
        "acquisition": {"strategy": "error_based", "options": {"wrong": "errors.csv"}, "batch_size": 12,
                        "first_batch_size": 24, "shard_size": 256, "candidates": 60},
        "annotation": {"overlap": 1, "test_overlap": 1, "simulation": {"annotators": CREW}},
    },
}  # fmt: skip
WORSE = Against(-0.1, -0.15, -0.05)


def write_followed(folder: Path) -> None:
    """What rounds take in when they open: known errors, and a backtest that has something against all."""
    model = Model(**CAMPAIGNS["followed"]["model"]).model_dump(mode="json")
    about = {
        "classes": [f"class-{code}" for code in range(3)],
        "model": {name: model[name] for name in LEARNER},
    }
    write_verdict(folder / "backtest.json", Verdict(about, {"error_based": WORSE}, {"auto": WORSE}))
    (folder / "errors.csv").write_text("item\n" + "".join(f"row{n:03d}\n" for n in range(0, ROWS, 9)))


@pytest.fixture(scope="module", params=list(CAMPAIGNS))
def played(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    labelloop: Callable[..., Any],
) -> Path:
    """Three rounds, and a review before the last, with all that makes stages read more; not to be changed.

    One campaign has a fourth round, which only looks again, and a fifth, which asks nobody.
    """
    folder = tmp_path_factory.mktemp(request.param)
    assert labelloop("init", folder).code == 0
    random = np.random.default_rng(0)
    codes = random.integers(3, size=ROWS)
    table = pd.DataFrame(random.normal(2.0 * np.eye(3, 4)[codes], 1.0), columns=list("abcd"))
    table.assign(
        id=[f"row{n:03d}" for n in range(ROWS)],
        label=[f"class-{code}" for code in codes],
        cost=random.choice([1, 3], ROWS),
        source=[f"s{n // 6}" for n in range(ROWS)],
    ).to_csv(folder / "rows.csv", index=False)
    if request.param == "followed":
        write_followed(folder)
    settings = COMMON | CAMPAIGNS[request.param]
    for rounds in (2, 3):
        settings["stopping"] = COMMON["stopping"] | {"max_rounds": rounds}
        (folder / "params.yaml").write_text(yaml.safe_dump(settings))
        said = labelloop("run", "--plain", folder)
        assert said.code == 0, said.error
        if rounds == 2:
            _review(folder, labelloop, [gate["name"] for gate in settings.get("review", {}).get("gates", [])])
    if request.param == "routed":
        settings |= {
            "stopping": COMMON["stopping"] | {"max_rounds": 4},
            "budget": {"labels": 24, "money": 400.0},
        }
        (folder / "params.yaml").write_text(yaml.safe_dump(settings))
        assert labelloop("run", "--plain", folder).code == 0
        assert Round(Workspace(folder), "r003").only_looks
        said = labelloop("settle", "--plain", "--anyway", folder)
        assert said.code == 0, said.error
    return folder


def _review(folder: Path, labelloop: Callable[..., Any], gates: list[str]) -> None:
    """Verdicts, all true, about some of the labels by votes that are drawn at random."""
    queue = folder / "queue.csv"
    said = labelloop("review", folder, "--out", queue, "--random", "40", "--no-model", "--open")
    assert said.code == 0, said.error
    truth = pd.read_csv(folder / "rows.csv").set_index("id")["label"]
    rows = pd.read_csv(queue, dtype=str, keep_default_na=False)
    rows = rows[rows["reason"] == "random"]
    rows.assign(answer=rows["item"].map(truth)).to_csv(queue, index=False)
    at_gate = [part for name in gates for part in ("--gate", name)]
    said = labelloop("review", folder, "--take", queue, "--by", "eva", *at_gate)
    assert said.code == 0, said.error


def test_what_is_to_make_stages_read_more_does(played: Path) -> None:
    """Verdicts stand; where labels by votes may be accepted some are, and elsewhere what was drawn judges."""
    last = Workspace(played).rounds()[-1]
    assert files.read_json(last.reviews)
    told = files.read_json(last.certificate).get("fused")
    if "fused" in yaml.safe_load((played / "params.yaml").read_text()).get("accept", {}):
        assert told["state"] == "issued" and told["accepted"] and told["by_votes"]
        assert files.read_json(last.annotators)["agreement"]["by_slice"]
        assert "+median/1" in files.read_json(last.fusion)["method"]
    else:
        assert drawn_verdicts(Round(Workspace(played), last.id))


@pytest.mark.parametrize("contract", ROUND_STAGES.values(), ids=ROUND_STAGES)
def test_a_stage_reads_what_its_contract_says_and_nothing_else(
    played: Path, tmp_path: Path, contract: Contract
) -> None:
    for folder in Workspace(played).rounds():
        whole = Round(Workspace(played), folder.id)
        alone = Workspace(tmp_path / folder.id)
        _copy(whole, alone, contract)
        stages.FUNCTIONS[contract.name](Round(alone, folder.id))
        for path in whole.paths(contract.outputs):
            name = path.relative_to(played)
            assert _content(alone.root / name) == _content(path), f"{folder.id}: {name}"


@pytest.mark.parametrize("played", ["followed"], indirect=True)
def test_what_was_taken_in_is_what_was_followed(played: Path) -> None:
    """Else the stages above would agree about nothing."""
    rounds = [json.loads((played / f"rounds/r00{n}/selection.json").read_text())["reason"] for n in (0, 1)]
    assert "typiclust was left out: the backtest shows it" in rounds[0]
    assert "error_based picked because params.yaml names it: the backtest shows it" in rounds[1]
    frozen = yaml.safe_load((played / "rounds/r001/settings.yaml").read_text())
    assert len(frozen["acquisition"]["options"]["wrong"]) > 9


def _copy(whole: Round, alone: Workspace, contract: Contract) -> None:
    """The round's settings as far as they are declared, and the declared inputs and sources."""
    root = whole.workspace.root
    # Folders before what lies in them, such as data/ before data/start/labels.parquet.
    for path in sorted(whole.paths((*contract.inputs, *contract.sources))):
        target = alone.root / path.relative_to(root)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, target)
    settings = yaml.safe_load(whole.folder.settings.read_text())
    # Where the round before lies is not a setting; that a campaign must end one way or another is.
    least = {
        "round": {"id": whole.id, "previous": settings["round"]["previous"]},
        "stopping": {"max_rounds": 1},
    }
    kept = least | {name: settings[name] for name in contract.sections}
    file = alone.round(whole.id).settings
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(kept))


def _content(path: Path) -> Any:
    """Bytes by file; a manifest without the digest of the settings, which are others here."""
    if path.is_dir():
        return {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    if path.name != "manifest.json":
        return path.read_bytes()
    manifest = json.loads(path.read_text())
    files = {name: digest for name, digest in manifest["files"].items() if "settings.yaml" not in name}
    return manifest | {"files": files}
