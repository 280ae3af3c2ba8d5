"""Options of the built-in strategies: what each may be, checked before anything is picked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelloop.acquisition.auto import MAY_BE_LEFT_OUT
from labelloop.errors import SettingsError
from labelloop.limits import Limits

LIMITS = {
    "power": Limits(least=0),
    "beta": Limits(least=0),
    "factor": Limits(least=1),
    "targets": Limits(least=1, whole=True),
    "radius_quantile": Limits(least=0, most=1),
    "disagreement": Limits(least=0),
    "neighbours": Limits(least=1, whole=True),
    "max_clusters": Limits(least=1, whole=True),
    "mini_batch_above": Limits(least=1, whole=True),
    "shortlist": Limits(least=1, whole=True),
    "rounds": Limits(least=1, whole=True),
    "dropout": Limits(above=0, below=1),
    "accuracy": Limits(above=0, below=1),
    "votes": Limits(least=1, whole=True),
}
"""An option means the same in every strategy that has it."""
SWITCHES = frozenset(("directions",))


def check_options(strategy: str, options: Mapping[str, Any]) -> None:
    """Refuse options of a built-in strategy that are out of range.

    Raises:
        SettingsError: names strategy, option, value and what is allowed.
    """
    for name, value in options.items():
        said = f"strategy '{strategy}': the option '{name}'"
        if name in LIMITS:
            LIMITS[name].check(said, value)
        if name == "left_out":
            _check_left_out(said, value)
        if name in SWITCHES and not isinstance(value, bool):
            raise SettingsError(f"{said} is {value!r}; it must be true or false")


def _check_left_out(said: str, value: Any) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(why, str) for why in value.values()):
        raise SettingsError(f"{said} is {value!r}; it must name strategies and say why of each, such as "
                            "{uherding: too slow}")  # fmt: skip
    for name in value:
        if name not in MAY_BE_LEFT_OUT:
            raise SettingsError(f"{said} names {name!r}, by which auto never picks; it may leave out "
                                f"{' and '.join(MAY_BE_LEFT_OUT)}")  # fmt: skip
