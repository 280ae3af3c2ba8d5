"""Campaigns on a small table of numbers, with the settings that a test is about."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import example_data
import pytest
import yaml

from labelloop.stages.twin import random_twin

SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "clouds", "seed": 1},
    "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
    "model": {"pool": "none"},
    "acquisition": {"batch_size": 10, "shard_size": 512},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 20, "bootstrap": 20},
    "stopping": {"max_rounds": 3},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}


@pytest.fixture
def clouds(
    tmp_path: Path, labelloop: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Path]:
    """`clouds(rows=60, section={...})`: a new campaign; twins are left out, no round depends on them."""
    monkeypatch.setattr(random_twin, "__defaults__", (1,))

    def begin(rows: int = 60, known: int | None = None, **changes: dict[str, Any]) -> Path:
        folder = tmp_path / "clouds"
        folder.mkdir()
        values, labels = example_data.features(rows)
        table = [
            {**dict(zip("abcd", map(float, row), strict=True)),
             "label": f"cloud {label}" if known is None or n < known else "",
             "split": "test" if n % 4 == 0 else "pool"}
            for n, (row, label) in enumerate(zip(values, labels, strict=True))
        ]  # fmt: skip
        if changes.get("dataset", {}).get("split_column") is None:
            for row in table:
                del row["split"]
        example_data.write_table(folder / "rows.csv", table)
        settings = {name: SETTINGS.get(name, {}) | changes.get(name, {}) for name in {**SETTINGS, **changes}}
        (folder / "params.yaml").write_text(yaml.safe_dump(settings))
        assert labelloop("init", folder).code == 0
        return folder

    return begin
