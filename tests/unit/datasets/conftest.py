"""A campaign's folder with the user's data in it, and `prepare` called on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from labelloop import datasets
from labelloop.campaign import Dataset, Labels
from labelloop.datasets import Prepared


@dataclass
class Run:
    """What one call of `prepare` left."""

    summary: dict[str, Any]
    out: Path
    prepared: Prepared


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "campaign"
    folder.mkdir()
    return folder


@pytest.fixture
def run(root: Path) -> Callable[..., Run]:
    """`run(classes=..., test_size=..., seed=..., out=..., **dataset)`."""

    def _run(
        *, classes: tuple[str, ...] = (), test_size: int = 2, seed: int = 0, out: str = "data", **dataset: Any
    ) -> Run:
        folder = root / out
        folder.mkdir()
        summary = datasets.prepare(
            Dataset(**dataset),
            Labels(classes=list(classes)),
            test_size=test_size,
            seed=seed,
            root=root,
            out=folder,
        )
        return Run(summary, folder, datasets.open_prepared(folder))

    return _run


@pytest.fixture
def write(root: Path) -> Callable[[str, str], Path]:
    """Write a text file into the campaign's folder."""

    def _write(name: str, content: str) -> Path:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    return _write
