"""Where the shards of `score` run: threads of the flow's process, other processes, or a runner of yours.

LABELLOOP_TASK_RUNNER in the environment of the flow says which: it belongs to the machine, not to the
campaign, and changes no result.

- `threads` (the default): as many at a time as there are processors;
  PREFECT_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS changes that.
- `processes`: for learners that hold Python's lock. Every process imports everything anew, some seconds a
  round, so it pays for big pools only; PREFECT_TASKS_RUNNER_PROCESS_POOL_MAX_WORKERS says how many.
- `package.module:name`: anything that, called without arguments, gives a Prefect task runner, such as
  `prefect_dask:DaskTaskRunner`. Its workers must see the campaign's folder under the same path.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from prefect.settings import get_current_settings
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from labelloop.errors import SettingsError

VARIABLE = "LABELLOOP_TASK_RUNNER"


def task_runner() -> TaskRunner[Any]:
    """The task runner that the environment asks for.

    Raises:
        SettingsError: there is no such runner.
    """
    name = os.environ.get(VARIABLE) or "threads"
    settings = get_current_settings().tasks.runner
    workers = os.cpu_count() or 1
    if name == "threads":
        # Prefect's default is no limit: then all shards of a big pool would be in memory together.
        return ThreadPoolTaskRunner(max_workers=settings.thread_pool_max_workers or workers)
    if name == "processes":
        return ProcessPoolTaskRunner(max_workers=settings.process_pool_max_workers or workers)
    module, colon, attribute = name.partition(":")
    if not colon:
        raise SettingsError(
            f"{VARIABLE} is {name!r}; it may be threads, processes or 'package.module:name' of a task runner"
        )
    try:
        runner = getattr(importlib.import_module(module), attribute)()
    except (ImportError, AttributeError, TypeError) as error:
        raise SettingsError(f"{VARIABLE} is {name!r}, which gives no task runner: {error}") from error
    if not isinstance(runner, TaskRunner):
        raise SettingsError(f"{VARIABLE} is {name!r}, which gives {type(runner).__name__}, no task runner")
    return runner
