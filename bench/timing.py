"""How long a call takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def best_of_two(call: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the quicker of two calls, and what the second gave."""
    took, result = [], None
    for _ in range(2):
        begun = time.perf_counter()
        result = call()
        took.append(time.perf_counter() - begun)
    return min(took), result
