"""Runs of `approve` that wait: those of one campaign end when the command line has decided."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Paused

from flows import approve
from labelloop.workspace import Workspace


def test_all_questions_of_the_campaign_end_and_no_others(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they stand among more runs than the server gives out at once."""
    monkeypatch.setattr(approve, "PAGE", 2)
    mine = Workspace.at(tmp_path / "mine")
    folders: dict[UUID, Path] = {}
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(approve.approve), "questions")
        for number in range(7):
            root = mine.root if number in (0, 3, 6) else tmp_path / f"other-{number}"
            run = client.create_flow_run_from_deployment(
                deployment,
                parameters={"directory": str(root), "round_id": "r001", "digest": "0" * 64},
                state=Paused(name="Suspended"),
            )
            folders[run.id] = root
        approve.forget_question(mine)
        states = {number: client.read_flow_run(number).state for number in folders}
        client.delete_deployment(deployment)
    cancelled = [folders[number] for number, state in states.items() if state and state.is_cancelled()]
    waiting = [folders[number] for number, state in states.items() if state and state.is_paused()]
    assert cancelled == [mine.root] * 3
    assert len(waiting) == 4 and mine.root not in waiting
