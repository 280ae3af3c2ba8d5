"""A small campaign on a table of texts, and what of it must not change."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml

WORDS = {
    "sun": ("warm", "bright", "yellow"),
    "rain": ("wet", "grey", "cold"),
    "snow": ("white", "soft", "deep"),
}
BASE: dict[str, Any] = {
    "campaign": {"name": "weather", "seed": 3},
    "dataset": {"kind": "table", "path": "texts.csv", "id_column": "id", "text_columns": ["text"],
                "label_column": "label"},
    "acquisition": {"batch_size": 6, "shard_size": 256},
    "annotation": {"overlap": 1, "test_overlap": 1},
    "evaluation": {"test_size": 8, "bootstrap": 20},
    "stopping": {"max_rounds": 2},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False},
}  # fmt: skip
"""A campaign that runs to its end in about two seconds."""


def texts(count: int = 40) -> list[list[str]]:
    """Header and rows of a table: id, text, label."""
    labels = list(WORDS)
    rows = [
        [f"t{n:03d}", f"{WORDS[labels[n % 3]][n % 2]} {WORDS[labels[n % 3]][2]} day {n}", labels[n % 3]]
        for n in range(count)
    ]
    return [["id", "text", "label"], *rows]


def write_csv(path: Path, rows: list[list[str]]) -> None:
    path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def write_params(folder: Path, **changes: dict[str, Any]) -> None:
    """params.yaml: BASE with keys of its sections replaced; a key that is None is left to its default."""
    names = [*BASE, *(name for name in changes if name not in BASE)]
    settings = {
        name: {k: v for k, v in (BASE.get(name, {}) | changes.get(name, {})).items() if v is not None}
        for name in names
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")


def digests(folder: Path) -> dict[str, str]:
    """Every file of a campaign by its digest; this machine's notes in .labelloop are none."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".labelloop" not in path.parts
    }


def answer(folder: Path, round_id: str, person: str = "ada") -> None:
    """Fill in a round of the files tool as somebody who is always right would."""
    truth = {row[0]: row[2] for row in texts()[1:]}
    tasks = [
        json.loads(line) for line in (folder / "labeling" / round_id / "tasks.jsonl").read_text().splitlines()
    ]
    items = dict.fromkeys(task["item"] for task in tasks)
    hand_in(folder, round_id, person, [(item, truth[item]) for item in items])


def hand_in(folder: Path, round_id: str, person: str, answers: list[tuple[str, str]]) -> None:
    """Save a person's file of answers."""
    path = folder / "labeling" / round_id / f"answers-{person}.csv"
    write_csv(path, [["item", "label"], *([item, label] for item, label in answers)])
