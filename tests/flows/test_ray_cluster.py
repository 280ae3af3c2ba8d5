"""A Ray cluster on this machine: the same bytes as anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import flow_campaigns
import pytest

ray = pytest.importorskip("ray", reason="needs the extra: pip install -e '.[ray]'")
pytest.importorskip("prefect_ray", reason="needs the extra: pip install -e '.[ray]'")

from flows.advance import play_round  # noqa: E402
from flows.task_runners import ADDRESS, VARIABLE, task_runner  # noqa: E402


@pytest.fixture(autouse=True)
def _stopped() -> Iterator[None]:
    yield
    ray.shutdown()


@pytest.mark.prefect
def test_a_cluster_of_its_own_gives_the_same_bytes(
    server: str, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight shards on as many workers as there are processors."""
    monkeypatch.setenv(VARIABLE, "ray")
    monkeypatch.delenv(ADDRESS, raising=False)
    campaign = tmp_path / "campaign"
    shutil.copytree(plain, campaign, symlinks=True)
    shutil.rmtree(campaign / "rounds" / "r001" / "scores")
    play_round.with_options(task_runner=task_runner())(str(campaign), "r001")
    expected, found = flow_campaigns.rounds(plain), flow_campaigns.rounds(campaign)
    assert [name for name in expected if found.get(name) != expected[name]] == []
