"""Single choice: exactly one class an item."""

from __future__ import annotations

from dataclasses import dataclass

from labelloop.errors import DataError
from labelloop.hints import not_a_class


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
        raise DataError(not_a_class(value, self.classes))
