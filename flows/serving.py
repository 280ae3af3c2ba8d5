"""Serve the flows from one process: what `labelloop serve` runs."""

from __future__ import annotations

from datetime import timedelta

from prefect import serve
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy

from flows.active_learning import active_learning
from flows.advance import advance


def serve_campaign(directory: str, every: float) -> None:
    """Serve `active-learning` and a scheduled `advance` until interrupted.

    Args:
        directory: the campaign's folder, the flows' default parameter.
        every: seconds between two runs of `advance`; one that would overlap is cancelled.
    """
    one_at_a_time = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    serve(
        advance.to_deployment(
            name="campaign",
            parameters={"directory": directory},
            interval=timedelta(seconds=every),
            concurrency_limit=one_at_a_time,
            description="Do everything that can be done now, then exit.",
        ),
        active_learning.to_deployment(
            name="campaign",
            parameters={"directory": directory},
            description="Run the campaign until it stops or waits for people.",
        ),
        pause_on_shutdown=False,
    )
