"""Checks of a learner's options; each message names the option, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labelloop.errors import SettingsError
from labelloop.limits import Limits


def check_number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    whole: bool = False,
) -> None:
    """Refuse `value` unless it is a number within the bounds.

    Raises:
        SettingsError: names the option of `model.options`, its value and the bounds.
    """
    Limits(above=above, least=least, below=below, whole=whole).check(f"model.options.{name}", value)


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    """Refuse `value` unless it is one of `choices`.

    Raises:
        SettingsError: names the option of `model.options`, its value and the choices.
    """
    if value not in choices:
        known = ", ".join("null" if choice is None else str(choice) for choice in choices)
        raise SettingsError(f"model.options.{name} is {value!r}; it must be one of {known}")
