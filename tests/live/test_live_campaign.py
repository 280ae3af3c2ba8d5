"""A campaign from init to its last round, with people who work through the server's queue."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from live_server import LiveServer

from labelloop import tables
from labelloop.workspace import Workspace

pytestmark = pytest.mark.live


def test_a_campaign_of_two_rounds_ends(
    live_server: LiveServer, labelloop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    """Every vote carries who, when and where, copies go to different people, and the token is nowhere."""
    monkeypatch.setenv("LABEL_STUDIO_URL", live_server.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", live_server.token)
    live_server.delete_projects()
    root = tmp_path / "campaign"
    assert labelloop("init", root).code == 0
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["campaign"] = {"name": "live", "seed": 0}
    settings["annotation"] = {"tool": "label_studio", "overlap": 2, "test_overlap": 3}
    settings["acquisition"] = {"batch_size": 10}
    settings["evaluation"] = {"test_size": 8}
    settings["stopping"] = {"max_rounds": 2}
    settings["budget"] = {}
    settings["tracking"] = {"enabled": False}
    settings["versioning"] = {"enabled": False, "git_commit": False, "git_tag": False}
    (root / "params.yaml").write_text(yaml.safe_dump(settings))

    said = []
    for _ in range(6):
        said.append(labelloop("run", root, "--plain"))
        if "waits for people" not in said[-1].out + said[-1].error:
            break
        for person in ("ada", "ben", "cy"):
            live_server.work_queue(person, "live", lambda data: str(len(data["image"]) % 10))
    assert said[-1].code == 0, said[-1]
    assert len(said) == 3, said

    workspace = Workspace.at(root)
    votes = tables.VOTES.read(workspace.rounds()[-1].collected)
    assert set(votes["annotator"]) == {f"{name}@localhost.local" for name in ("ada", "ben", "cy")}
    assert not votes.duplicated(["item", "annotator"]).any()
    assert not votes["key"].duplicated().any()
    assert votes["tool_ref"].str.startswith(f"{live_server.url}/projects/").all()
    assert (votes["lead_seconds"] == 1.5).all()
    everything = [path.read_bytes() for path in root.rglob("*") if path.is_file()]
    assert not any(live_server.token.encode() in content for content in everything)
    assert not any(live_server.token in one.out + one.error for one in said)
