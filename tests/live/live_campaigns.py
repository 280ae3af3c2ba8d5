"""A small campaign of digits on a live server."""

from __future__ import annotations

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


def make(root: Path, labelloop: Any, server: LiveServer, **changes: dict[str, Any]) -> Path:
    """A new campaign in `root`, its address and token in its .env; the server has no project yet."""
    server.delete_projects()
    assert labelloop("init", root).code == 0
    settings = yaml.safe_load((root / "params.yaml").read_text()) | SETTINGS
    for section, content in changes.items():
        settings[section] = {**settings.get(section, {}), **content}
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    (root / ".env").write_text(f"LABEL_STUDIO_URL={server.url}\nLABEL_STUDIO_API_KEY={server.token}\n")
    return root
