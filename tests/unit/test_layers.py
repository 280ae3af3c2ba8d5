"""The layers: imports point down only, and the fast path stays fast."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = sorted((ROOT / "labelloop").rglob("*.py"))
OUTER = ("adapters", "stages", "cli", "reviewing")


def imported(path: Path) -> set[str]:
    """Modules that a file imports, at any depth of it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_package_never_imports_prefect_or_the_flows(path: Path) -> None:
    """`dvc repro` must not need Prefect."""
    assert not {name for name in imported(path) if name.split(".")[0] in ("prefect", "flows", "tasks")}


DOMAIN = [path for path in PACKAGE if len(path.relative_to(ROOT).parts) > 2
          and path.relative_to(ROOT).parts[1] not in OUTER]  # fmt: skip


@pytest.mark.parametrize("path", DOMAIN, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_domain_imports_neither_adapters_nor_stages(path: Path) -> None:
    """The mathematics can be used, and tested, without the outside world."""
    assert not {name for name in imported(path) for outer in OUTER if name.startswith(f"labelloop.{outer}")}


@pytest.mark.parametrize("path", sorted((ROOT / "flows").glob("*.py")), ids=lambda path: path.name)
def test_flows_reach_stages_only_for_their_types(path: Path) -> None:
    """Flows wire tasks; they never call a stage function or an adapter themselves."""
    wrong = {name for name in imported(path) if name.startswith("labelloop.adapters")}
    wrong |= {name for name in imported(path) if name.startswith("labelloop.stages")
              and not name.startswith("labelloop.stages.collect")}  # fmt: skip
    assert not wrong


def test_status_loads_nothing_slow() -> None:
    """`labelloop status` answers in under a second because it leaves these alone."""
    slow = ("torch", "sklearn", "mlflow", "prefect", "dvc", "matplotlib", "pandas")
    code = (
        "import sys, labelloop.cli, labelloop.status\n"
        f"print([name for name in {slow!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
