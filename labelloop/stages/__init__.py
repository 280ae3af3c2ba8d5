"""One function a step: read files, call the domain, write files.

The live run, `dvc repro` and the tests all call these same functions, which is why an unchanged dvc.lock
means something.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from labelloop.stages.contract import ROUND_STAGES


class _Functions(dict[str, Callable[..., Any]]):
    """Stage functions by name, imported when first asked for: `status` must not pay for torch."""

    def __missing__(self, name: str) -> Callable[..., Any]:
        function = getattr(import_module(f"labelloop.stages.{name}"), name)
        self[name] = function
        return function


FUNCTIONS = _Functions()
NAMES = ("prepare", *ROUND_STAGES)
"""Stages that DVC runs too."""
