"""One measured number, with what it should be at most (or at least)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A number that was measured.

    An aim is what the project promises on an ordinary laptop. Missing it is printed, not raised: a busy
    machine is no defect.
    """

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict, repr=False)
    """What a reader of the JSON may want to look into; not printed."""

    @property
    def aim(self) -> str:
        if self.at_most is not None:
            return f"at most {readable(self.at_most)} {self.unit}"
        return f"at least {readable(self.at_least)} {self.unit}" if self.at_least is not None else ""

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        return self.value >= self.at_least if self.at_least is not None else None

    @property
    def row(self) -> list[str]:
        """Cells of a table: name, value, aim, whether it is met, note."""
        met = {True: "yes", False: "no", None: ""}[self.met]
        return [self.name, f"{readable(self.value)} {self.unit}", self.aim, met, self.note]

    def as_dict(self) -> dict[str, Any]:
        """JSON-like."""
        return asdict(self) | {"met": self.met}


COLUMNS = ["figure", "measured", "aim", "met", "note"]


def readable(number: float) -> str:
    """Three digits that matter; whole numbers from 100 on, with thousands apart."""
    if number == 0 or not math.isfinite(number):
        return f"{number:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(number))))
    return f"{number:,.{digits}f}"


def markdown(figures: list[Figure]) -> str:
    """Figures as a markdown table."""
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(figure.row for figure in figures)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows)
