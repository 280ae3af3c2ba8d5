"""Where the shards of `score` run: threads of the flow's process, other processes, a Dask or a Ray cluster.

LABELLOOP_TASK_RUNNER in the environment of the flow says which: it belongs to the machine, not to the
campaign, and changes no result.

- `threads` (the default): as many at a time as there are processors;
  PREFECT_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS changes that.
- `processes`: for learners that hold Python's lock. Every process imports everything anew, some seconds a
  round, so it pays for big pools only; PREFECT_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS says how many.
- `dask`, `ray`: a cluster, whose address LABELLOOP_TASK_RUNNER_ADDRESS says (`tcp://host:8786`,
  `ray://host:10001`); without it one is started on this machine for the time of a round. Needs the extra of
  that name.
- `package.module:name`: anything that, called without arguments, gives a Prefect task runner.

Workers of other machines must see the campaign's folder, and data that is used in place, under the same path.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from typing import Any

from prefect.settings import get_current_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from labelloop.errors import SettingsError

VARIABLE = "LABELLOOP_TASK_RUNNER"
ADDRESS = "LABELLOOP_TASK_RUNNER_ADDRESS"


def task_runner() -> TaskRunner[Any]:
    """The task runner that the environment asks for.

    Raises:
        SettingsError: there is no such runner, or its packages are not installed.
    """
    name = os.environ.get(VARIABLE) or "threads"
    if name in RUNNERS:
        return RUNNERS[name]()
    module, colon, attribute = name.partition(":")
    if not colon:
        raise SettingsError(
            f"{VARIABLE} is {name!r}; it may be {', '.join(RUNNERS)}, or 'package.module:name' of a task "
            "runner"
        )
    try:
        runner = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingsError(f"{VARIABLE} is {name!r}, which gives no task runner: {error}") from error
    if not isinstance(runner, TaskRunner):
        raise SettingsError(f"{VARIABLE} is {name!r}, which gives {type(runner).__name__}, no task runner")
    return runner


def _threads() -> TaskRunner[Any]:
    # Prefect's default is no limit: then all shards of a big pool would be in memory together.
    wanted = get_current_settings().tasks.runner.thread_pool_max_workers
    return ThreadPoolTaskRunner(max_workers=wanted or _processors())


def _processes() -> TaskRunner[Any]:
    wanted = get_current_settings().tasks.runner.process_pool_max_workers
    return ProcessPoolTaskRunner(max_workers=wanted or _processors())


def _dask() -> TaskRunner[Any]:
    runner = _imported("prefect_dask", "dask").DaskTaskRunner
    if address := os.environ.get(ADDRESS):
        found: TaskRunner[Any] = runner(address=address)
        return found
    # Linear algebra runs on one thread a shard, so a worker a core; and nobody asked for a dashboard.
    local: TaskRunner[Any] = runner(
        cluster_kwargs={"n_workers": _processors(), "threads_per_worker": 1, "dashboard_address": None}
    )
    return local


def _ray() -> TaskRunner[Any]:
    runner = _imported("prefect_ray", "ray").RayTaskRunner
    if address := os.environ.get(ADDRESS):
        found: TaskRunner[Any] = runner(address=address)
        return found
    local: TaskRunner[Any] = runner(
        init_kwargs={"num_cpus": _processors(), "include_dashboard": False, "log_to_driver": False}
    )
    return local


RUNNERS: dict[str, Callable[[], TaskRunner[Any]]] = {
    "threads": _threads,
    "processes": _processes,
    "dask": _dask,
    "ray": _ray,
}


def _processors() -> int:
    return os.cpu_count() or 1


def _imported(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SettingsError(
            f"{VARIABLE} is {extra!r}, but its packages are not installed ({error}); in the clone: "
            f"pip install -c constraints.txt -e '.[{extra}]'"
        ) from error
