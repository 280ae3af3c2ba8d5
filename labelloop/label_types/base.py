"""A kind of label in one place.

What a value looks like, how two are compared and which fusion methods apply. A vote's `value` is text in
every table: the class name for `choice`, JSON for structured types. Nothing outside this package may look
inside a value.
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

    def distance(self, one: str, other: str) -> float:
        """How far two canonical values are apart, in [0, 1]; 0 means the same answer."""
        ...

    @property
    def fusers(self) -> tuple[str, ...]:
        """Names of the fusion methods that understand this type."""
        ...
