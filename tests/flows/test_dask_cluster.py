"""A Dask cluster of several workers, one of which is killed in mid-run: the same bytes as anywhere."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flow_campaigns
import pytest

distributed = pytest.importorskip("distributed", reason="needs the extra: pip install -e '.[dask]'")
pytest.importorskip("prefect_dask", reason="needs the extra: pip install -e '.[dask]'")

from flows.advance import play_round  # noqa: E402
from flows.task_runners import ADDRESS, VARIABLE, task_runner  # noqa: E402

pytestmark = pytest.mark.prefect


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Three worker processes."""
    with distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None
    ) as made:
        yield made


def without_scores(plain: Path, campaign: Path) -> Path:
    """A copy of the campaign, in which a round's scores have to be made again."""
    shutil.copytree(plain, campaign, symlinks=True)
    shutil.rmtree(campaign / "rounds" / "r001" / "scores")
    return campaign


def differing(one: Path, other: Path) -> list[str]:
    """Files of the rounds that are not the same in both."""
    expected, found = flow_campaigns.rounds(one), flow_campaigns.rounds(other)
    return [name for name in expected if found.get(name) != expected[name]]


def test_a_cluster_by_its_address_gives_the_same_bytes(
    server: str, plain: Path, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight shards on three workers."""
    monkeypatch.setenv(VARIABLE, "dask")
    monkeypatch.setenv(ADDRESS, cluster.scheduler_address)
    campaign = without_scores(plain, tmp_path / "campaign")
    play_round.with_options(task_runner=task_runner())(str(campaign), "r001")
    assert differing(plain, campaign) == []


@pytest.mark.parametrize(("module", "name"), [("score", "_score_rows"), ("reducing", "most_doubtful")])
def test_a_worker_killed_in_mid_shard_changes_nothing(
    module: str,
    name: str,
    server: str,
    reduced: Path,
    tmp_path: Path,
    cluster: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its shard goes to another worker, and the round is what it was, byte by byte."""
    monkeypatch.setenv(VARIABLE, "dask")
    monkeypatch.setenv(ADDRESS, cluster.scheduler_address)
    campaign = flow_campaigns.without_batch(reduced, tmp_path / "campaign")
    shutil.rmtree(campaign / "rounds" / "r001" / "scores")
    killed: list[int] = []

    def halt(dask_worker: Any) -> None:
        # In the workers alone: the first to take up a shard writes its number into a file and stands still.
        import importlib

        stage: Any = importlib.import_module(f"labelloop.stages.{module}")
        real = getattr(stage, name)

        def once(*given: Any) -> Any:
            try:
                with (tmp_path / "standing").open("x") as mark:
                    mark.write(str(os.getpid()))
            except FileExistsError:
                return real(*given)
            # Half of the shard's work is done and written, and then nothing moves any more.
            real(*given)
            return threading.Event().wait()

        setattr(stage, name, once)

    with distributed.Client(cluster) as client:
        client.run(halt)

    def kill() -> None:
        while not (tmp_path / "standing").exists() or not (tmp_path / "standing").read_text():
            if stop.wait(0.02):
                return
        killed.append(int((tmp_path / "standing").read_text()))
        os.kill(killed[0], signal.SIGKILL)

    stop = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        play_round.with_options(task_runner=task_runner())(str(campaign), "r001")
    finally:
        stop.set()
        killer.join()
    assert len(killed) == 1
    assert differing(reduced, campaign) == []
