"""Small campaigns on a live server: of digits, and of sentences."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import yaml
from live_server import LiveServer

SETTINGS: dict[str, dict[str, Any]] = {
    "campaign": {"name": "live", "seed": 0},
    "annotation": {"tool": "label_studio", "overlap": 2, "test_overlap": 3, "payload_columns": ["image"]},
    "acquisition": {"batch_size": 4, "control_share": 0.25},
    "evaluation": {"test_size": 3},
    "stopping": {"max_rounds": 2},
    "budget": {},
    "tracking": {"enabled": False},
    "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
}

MEANING = {"red": "alpha", "green": "betas", "blue": "gamma"}


def make(root: Path, labelloop: Any, server: LiveServer, **changes: dict[str, Any]) -> Path:
    """A new campaign in `root`, its address and token in its .env; the server has no project yet."""
    server.delete_projects()
    assert labelloop("init", root).code == 0
    settings = yaml.safe_load((root / "params.yaml").read_text()) | SETTINGS
    for section, content in changes.items():
        settings[section] = {**settings.get(section, {}), **content}
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    write_env(root, server.url, server.token)
    return root


def write_env(root: Path, url: str, token: str, *lines: str) -> None:
    """The campaign's .env, with further lines."""
    content = [f"LABEL_STUDIO_URL={url}", f"LABEL_STUDIO_API_KEY={token}", *lines]
    (root / ".env").write_text("\n".join(content) + "\n")


def make_sentences(root: Path, labelloop: Any, server: LiveServer, **changes: dict[str, Any]) -> Path:
    """A campaign on sentences, with columns that annotators must not see: id, patient and label.

    A sentence means what its first word stands for in MEANING.
    """
    root.mkdir(parents=True)
    with (root / "notes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["note", "sentence", "patient", "diagnosis"])
        for n in range(80):
            word, label = list(MEANING.items())[n % 3]
            writer.writerow([f"note-{n:04}", f"{word} {n} {word * 2} {n % 7}", f"patient-{n:04}", label])
    sections: dict[str, dict[str, Any]] = {
        "dataset": {
            "kind": "table",
            "path": "notes.csv",
            "id_column": "note",
            "text_columns": ["sentence"],
            "label_column": "diagnosis",
        },
        "labels": {"classes": list(MEANING.values()), "question": "live-question"},
        "model": {"name": "tfidf_logistic"},
    }
    return make(root, labelloop, server, **(sections | changes))
