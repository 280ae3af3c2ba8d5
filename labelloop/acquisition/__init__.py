"""Which items are asked about next."""

from __future__ import annotations

from labelloop.acquisition.arrays import select, select_picks
from labelloop.acquisition.base import Context, Picks, Strategy, needs
from labelloop.acquisition.composition import Composition, compose
from labelloop.acquisition.registry import STRATEGIES, make_strategy
from labelloop.acquisition.selection import select_rows

__all__ = [
    "STRATEGIES",
    "Composition",
    "Context",
    "Picks",
    "Strategy",
    "compose",
    "make_strategy",
    "needs",
    "select",
    "select_picks",
    "select_rows",
]
