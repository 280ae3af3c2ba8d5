"""Numbers within limits: one check for the options of learners and strategies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from labelloop.errors import SettingsError


@dataclass(frozen=True)
class Limits:
    """What a number may be; None is no limit."""

    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    whole: bool = False

    def check(self, name: str, value: Any) -> None:
        """Refuse `value` unless it is a finite number within the limits.

        Args:
            name: what the message calls it.

        Raises:
            SettingsError: names the value and the limits.
        """
        if not self._allows(value):
            said = [
                f"{word} {limit}"
                for word, limit in (
                    ("above", self.above),
                    ("at least", self.least),
                    ("below", self.below),
                    ("at most", self.most),
                )
                if limit is not None
            ]
            kind = "a whole number" if self.whole else "a number"
            raise SettingsError(f"{name} is {value!r}; it must be {kind} {' and '.join(said)}".rstrip())

    def _allows(self, value: Any) -> bool:
        if not isinstance(value, Integral if self.whole else Real) or isinstance(value, bool):
            return False
        number = float(value)
        return (
            math.isfinite(number)
            and (self.above is None or number > self.above)
            and (self.least is None or number >= self.least)
            and (self.below is None or number < self.below)
            and (self.most is None or number <= self.most)
        )
