"""Serve the flows from one process: what `labelloop serve` runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

from flows.active_learning import active_learning
from flows.advance import advance

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
"""A poller that is still at it makes the next one superfluous."""


def deployments(directory: str, every: float) -> list[Any]:
    """The deployments `advance/campaign` and `active-learning/campaign`, as in prefect.yaml.

    Args:
        directory: the campaign's folder, the flows' default parameter.
        every: seconds between two runs of `advance`; one that would overlap is cancelled.
    """
    return [
        advance.to_deployment(
            name="campaign",
            parameters={"directory": directory},
            interval=timedelta(seconds=every),
            concurrency_limit=ONE_AT_A_TIME,
            description="Do everything that can be done now, then exit.",
        ),
        active_learning.to_deployment(
            name="campaign",
            parameters={"directory": directory},
            description="Run the campaign until it stops or waits for people.",
        ),
    ]


def serve_campaign(directory: str, every: float) -> None:
    """Serve both deployments until interrupted; see `deployments`."""
    serve(*deployments(directory, every), pause_on_shutdown=True)
