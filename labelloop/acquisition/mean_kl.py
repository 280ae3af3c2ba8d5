"""Mean KL: ask where members of a committee are far from their mean."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import mean_kl
from labelloop.acquisition.top import pick_highest


@needs("members")
def pick_mean_kl(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `committee.mean_kl` score."""
    assert context.members is not None
    return pick_highest(mean_kl(context.members, context.candidates), context, batch_size)
