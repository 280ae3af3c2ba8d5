"""Single choice: exactly one class an item."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from labelloop.errors import DataError
from labelloop.fusion import FUSERS


@dataclass(frozen=True)
class Choice:
    """One of `classes`; a value is the class name itself."""

    classes: tuple[str, ...]
    name: str = "choice"

    def parse(self, value: object) -> str:
        """Return the class name; surrounding blanks are forgiven, anything else is not."""
        text = value.strip() if isinstance(value, str) else value
        if isinstance(text, str) and text in self.classes:
            return text
        nearest = difflib.get_close_matches(str(text), self.classes, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"classes: {', '.join(self.classes[:20])}"
        raise DataError(f"{value!r} is not one of the {len(self.classes)} classes; {hint}")

    def distance(self, one: str, other: str) -> float:
        """0 for the same class, 1 otherwise."""
        return float(one != other)

    @property
    def fusers(self) -> tuple[str, ...]:
        return tuple(FUSERS)
