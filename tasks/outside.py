"""How steps that touch the outside world are retried.

Only what may pass by itself is tried again: a tool, a server or a remote that did not answer. A mistake in
the settings or a damaged file stays what it is. The delays grow and vary, so that the campaigns of a server
that comes back do not all ask it at once.
"""

from __future__ import annotations

import logging
from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task, exponential_backoff

from labelloop.errors import ToolError, UnreachableError

LABELING = ("push", "collect")
"""Tasks that ask the labeling tool, whose adapter says which errors may pass."""

log = logging.getLogger("labelloop.tasks")


def may_pass(task: Task[Any, Any], run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure is one that another try may not meet; says so to who watches.

    Git, DVC and MLflow do not tell an outage from a mistake, so their errors all count as outages.
    """
    error = state.result(raise_on_failure=False)
    if not isinstance(error, UnreachableError if task.name in LABELING else ToolError):
        return False
    log.warning("%s: %s. Trying again in some seconds", run.name, error)
    return True


RETRIED: dict[str, Any] = {
    "retries": 4,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": may_pass,
}
"""Keyword arguments of `@task` for push, collect, track, version and finish: half a minute of patience."""
