"""BALD: ask where members of a committee are each certain, and of different things."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import bald
from labelloop.acquisition.top import pick_highest


@needs("members")
def pick_bald(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `committee.bald` score."""
    assert context.members is not None
    return pick_highest(bald(context.members, context.candidates), context, batch_size)
