"""A kind of label in one place.

It says what a value looks like. A vote's `value` is text in every table: the class name for `choice`, JSON
for structured types. Nothing outside this package may look inside a value.
"""

from __future__ import annotations

from typing import Protocol


class LabelType(Protocol):
    """One kind of label."""

    @property
    def name(self) -> str: ...

    def parse(self, value: object) -> str:
        """Return the canonical text of an answer.

        Raises:
            DataError: it is no answer to this question; says which value and what is allowed.
        """
        ...
