"""Consensus entropy: ask where a committee's mean is spread over many classes."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import consensus_entropy
from labelloop.acquisition.top import pick_highest


@needs("members")
def pick_consensus_entropy(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `committee.consensus_entropy` score."""
    assert context.members is not None
    return pick_highest(consensus_entropy(context.members, context.candidates), context, batch_size)
