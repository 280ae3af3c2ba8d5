"""How steps that touch the outside world are retried.

Only what may pass by itself is tried again: a tool, a server or a remote that did not answer. A mistake in
the settings or a damaged file stays what it is.
"""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from labelloop.errors import ToolError


def may_pass(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure is one that another try may not meet."""
    try:
        state.result()
    except ToolError:
        return True
    except Exception:
        return False
    return False


RETRIED: dict[str, Any] = {
    "retries": 4,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_pass,
}
"""Keyword arguments of `@task` for push, collect, track and version."""
