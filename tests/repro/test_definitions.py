"""One list of steps, told in several places that must agree; what runs changes only where this file does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from labelloop.cli import app
from labelloop.loop import ROUND_STEPS
from labelloop.stages import NAMES
from labelloop.stages.contract import PREPARE, RECORDS, ROUND_STAGES

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "labelloop" / "templates"

STAGES = ["prepare", "score", "select", "push", "collect", "fuse", "snapshot", "train", "evaluate"]
RECORDING = ["track", "version", "finish"]
COMMANDS = [
    "advance",
    "agreement",
    "annotators",
    "approve",
    "backtest",
    "certify",
    "deploy",
    "export",
    "fuse",
    "init",
    "review",
    "run",
    "select",
    "serve",
    "settle",
    "stage",
    "status",
    "tool",
    "verify",
    "weak",
    "webhook",
]
DEPLOYMENTS = ["active-learning/campaign", "advance/campaign", "approve/campaign"]

PIPELINE: dict[str, Any] = yaml.safe_load((TEMPLATES / "dvc.yaml").read_text(encoding="utf-8"))


def _paths(patterns: list[Any]) -> set[str]:
    """Paths of dvc.yaml in the notation of the contracts."""
    names = {next(iter(path)) if isinstance(path, dict) else path for path in patterns}
    return {
        name.replace("rounds/${key}", "{round}").replace("${item.previous}", "{previous}") for name in names
    }


def test_the_stages_are_these() -> None:
    """In their order: of a round, of dvc.yaml, of the command line."""
    assert [PREPARE.name, *ROUND_STAGES] == STAGES
    assert list(NAMES) == STAGES
    assert list(PIPELINE["stages"]) == STAGES
    assert list(RECORDS) == RECORDING
    assert [*ROUND_STEPS] == [*STAGES[1:], "track", "version"]


@pytest.mark.parametrize("name", STAGES[1:])
def test_dvc_yaml_says_of_a_stage_what_its_contract_says(name: str) -> None:
    """The same inputs, outputs and settings, so that DVC runs again exactly what the live run would."""
    contract, stage = ROUND_STAGES[name], PIPELINE["stages"][name]
    assert stage["foreach"] == "${rounds}"
    assert stage["do"]["cmd"] == f"labelloop stage {name} ${{key}}"
    settings = {"{round}/settings.yaml"} if contract.sections else set()
    assert _paths(stage["do"]["deps"]) == {*contract.inputs, *contract.sources} | settings
    assert _paths([*stage["do"]["outs"], *stage["do"].get("metrics", [])]) == set(contract.outputs)
    assert set(stage["do"]) <= {"cmd", "deps", "outs", "metrics"}


def test_dvc_yaml_says_of_prepare_what_its_contract_says() -> None:
    """It depends on what was frozen in the ledger, and makes data/."""
    assert PIPELINE["stages"]["prepare"] == {
        "cmd": "labelloop stage prepare",
        "params": [{"rounds.yaml": list(PREPARE.sections)}],
        "outs": list(PREPARE.outputs),
    }


def test_what_people_answered_is_never_an_output() -> None:
    """Sources of one stage are outputs of none: the graph has no circle, and a rebuild loses no vote."""
    made = {path for contract in ROUND_STAGES.values() for path in contract.outputs}
    sources = {path for contract in ROUND_STAGES.values() for path in contract.sources}
    assert sources == {
        "{round}/gold.csv",
        "{round}/verdicts.json",
        "{round}/pushed.jsonl",
        "{round}/votes.parquet",
        "{round}/closed.json",
        "{round}/reviews.json",
    }
    assert not made & sources


@pytest.mark.parametrize(
    ("root", "template"), [("dvc.yaml", "dvc.yaml"), ("params.yaml", "params/digits.yaml")]
)
def test_the_campaign_that_is_cloned_is_the_one_that_init_makes(root: str, template: str) -> None:
    """The repository's own files are the templates, byte for byte."""
    assert (ROOT / root).read_bytes() == (TEMPLATES / template).read_bytes()


def test_every_stage_has_a_task_and_a_step() -> None:
    """A file in tasks/ and in labelloop/stages/, and a task of that name in the flow."""
    from flows.advance import STEPS
    from tasks.prepare import prepare

    for name in [*STAGES, *RECORDING]:
        assert (ROOT / "tasks" / f"{name}.py").is_file()
        assert (ROOT / "labelloop" / "stages" / f"{name}.py").is_file()
    assert list(STEPS) == [*STAGES[1:], *RECORDING]
    assert all(step.name == name for name, step in STEPS.items())  # type: ignore[attr-defined]
    assert prepare.name == "prepare"


def test_the_commands_are_these() -> None:
    """Scripts rely on them; every one of them teaches in its help."""
    group: Any = get_command(app)
    assert sorted(group.commands) == COMMANDS
    assert all(len(command.help or "") > 40 for command in group.commands.values())


def test_the_deployments_are_these() -> None:
    """Each names a flow that exists; every schedule is shipped inactive."""
    import importlib

    found = []
    for deployment in yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]:
        path, _, name = deployment["entrypoint"].partition(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
        found.append(f"{flow.name}/{deployment['name']}")
        assert set(deployment["parameters"]) <= set(flow.parameters.properties)
        assert not any(schedule["active"] for schedule in deployment.get("schedules", []))
    assert sorted(found) == DEPLOYMENTS
