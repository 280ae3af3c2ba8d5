"""Vote entropy: ask where a committee's votes are split."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import vote_entropy
from labelloop.acquisition.top import pick_highest


@needs("members")
def pick_vote_entropy(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `committee.vote_entropy` score."""
    assert context.members is not None
    return pick_highest(vote_entropy(context.members, context.candidates), context, batch_size)
