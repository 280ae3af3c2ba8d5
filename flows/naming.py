"""Names of flow runs that a person can read in a list of many campaigns' runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.runtime import flow_run


def named(what: Callable[[dict[str, Any]], str]) -> Callable[[], str]:
    """A `flow_run_name`: the campaign's folder, then `what` says of the run's parameters."""

    def name() -> str:
        parameters = flow_run.parameters
        return f"{Path(parameters['directory']).resolve().name}: {what(parameters)}"

    return name
