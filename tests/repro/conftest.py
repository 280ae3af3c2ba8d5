"""One small campaign with git and DVC, run once; tests that change something work on a copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "small", "seed": 2},
    "model": {"name": "logistic"},
    "acquisition": {"batch_size": 8, "first_batch_size": 12, "shard_size": 512},
    "annotation": {"overlap": 2, "test_overlap": 1, "max_overlap": 4, "routing": {"mode": "skill"}},
    "quality": {"reask_share": 0.2, "reask_after": 1},
    "evaluation": {"test_size": 20, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    "tracking": {"enabled": False},
}

PROGRAMS = Path(sys.executable).parent


def call(folder: Path, *words: str, accept: tuple[int, ...] = (0,)) -> str:
    """Run a program in a folder as a user would; what it printed."""
    path = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"
    identity = {f"GIT_{role}_{what}": f"user{at}" for role in ("AUTHOR", "COMMITTER")
                for what, at in (("NAME", ""), ("EMAIL", "@example.org"))}  # fmt: skip
    ended = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | identity | {"PATH": path, "DVC_NO_ANALYTICS": "1", "COLUMNS": "200"},
    )  # fmt: skip
    assert ended.returncode in accept, f"{' '.join(words)}: {ended.stdout}\n{ended.stderr}"
    return ended.stdout


def write_params(folder: Path, **changes: dict[str, Any]) -> Path:
    settings = {name: SETTINGS.get(name, {}) | changes.get(name, {}) for name in {**SETTINGS, **changes}}
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


@pytest.fixture(scope="session")
def shell() -> Callable[..., str]:
    return call


@pytest.fixture(scope="session")
def settings_file() -> Callable[..., Path]:
    return write_params


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory, labelloop: Callable[..., Any]) -> Path:
    """Two rounds, stopped, with everything in DVC, git and a remote folder; not to be changed."""
    folder = tmp_path_factory.mktemp("ended") / "campaign"
    folder.mkdir()
    write_params(folder)
    assert labelloop("init", folder).code == 0
    call(folder, "dvc", "remote", "add", "storage", str(folder.parent / "storage"))
    write_params(folder, versioning={"remote": "storage"})
    said = labelloop("run", "--plain", folder)
    assert said.code == 0, said.error
    return folder


@pytest.fixture
def again(ended: Path, tmp_path: Path) -> Path:
    """A copy of the campaign that a test may change."""
    return Path(shutil.copytree(ended, tmp_path / "campaign", symlinks=True))
