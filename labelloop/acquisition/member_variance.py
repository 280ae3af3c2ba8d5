"""Variance of a committee: ask where its members' probabilities scatter."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import member_variance
from labelloop.acquisition.top import pick_highest


@needs("members")
def pick_member_variance(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `committee.member_variance` score."""
    assert context.members is not None
    return pick_highest(member_variance(context.members, context.candidates), context, batch_size)
