"""Where shards run is the machine's business and changes no result."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import flow_campaigns
import pytest
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from flows.advance import play_round
from flows.task_runners import VARIABLE, task_runner
from labelloop.errors import SettingsError
from labelloop.stages import reducing


def unlimited() -> ThreadPoolTaskRunner:
    """A runner of a user's."""
    return ThreadPoolTaskRunner(max_workers=11)


def test_threads_are_as_many_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a limit all shards of a big pool would be in memory at once."""
    monkeypatch.delenv(VARIABLE, raising=False)
    runner = task_runner()
    assert isinstance(runner, ThreadPoolTaskRunner)
    assert runner._max_workers == os.cpu_count()


def test_the_environment_names_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    """`processes`, or whatever an import path gives."""
    monkeypatch.setenv(VARIABLE, "processes")
    assert isinstance(task_runner(), ProcessPoolTaskRunner)
    monkeypatch.setenv(VARIABLE, f"{__name__}:unlimited")
    runner = task_runner()
    assert isinstance(runner, ThreadPoolTaskRunner)
    assert runner._max_workers == 11


@pytest.mark.parametrize("name", ["thread", "no.such:runner", "os:getcwd"])
def test_a_runner_that_is_none_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its name, before anything runs."""
    monkeypatch.setenv(VARIABLE, name)
    with pytest.raises(SettingsError, match=name):
        task_runner()


@pytest.mark.parametrize("name", ["dask", "ray"])
def test_a_cluster_without_its_packages_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not a traceback from an import."""
    monkeypatch.setenv(VARIABLE, name)
    monkeypatch.setitem(sys.modules, f"prefect_{name}", None)
    with pytest.raises(SettingsError, match=rf"'\.\[{name}\]'"):
        task_runner()


every_runner = pytest.mark.parametrize(
    "make", [lambda: ThreadPoolTaskRunner(max_workers=4), lambda: ProcessPoolTaskRunner(max_workers=1)],
    ids=["threads", "processes"],
)  # fmt: skip


@pytest.mark.prefect
@every_runner
def test_shards_give_the_same_bytes_in_any_runner(
    server: str, plain: Path, tmp_path: Path, make: Callable[[], ThreadPoolTaskRunner]
) -> None:
    """Scores that are lost are made again, eight shards in whatever order, and the round is what it was."""
    campaign = tmp_path / "campaign"
    shutil.copytree(plain, campaign, symlinks=True)
    shutil.rmtree(campaign / "rounds" / "r001" / "scores")
    play_round.with_options(task_runner=make())(str(campaign), "r001")
    expected, found = flow_campaigns.rounds(plain), flow_campaigns.rounds(campaign)
    assert [name for name in expected if found.get(name) != expected[name]] == []


@pytest.mark.prefect
@every_runner
def test_candidates_are_the_same_in_any_runner(
    server: str,
    reduced: Path,
    tmp_path: Path,
    make: Callable[[], ThreadPoolTaskRunner],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch that is lost is chosen again from eight shards, by the runner alone, and it is what it was."""
    monkeypatch.setattr(reducing, "on_all_cores", None)
    campaign = flow_campaigns.without_batch(reduced, tmp_path / "campaign")
    play_round.with_options(task_runner=make())(str(campaign), "r001")
    expected, found = flow_campaigns.rounds(reduced), flow_campaigns.rounds(campaign)
    assert [name for name in expected if found.get(name) != expected[name]] == []
