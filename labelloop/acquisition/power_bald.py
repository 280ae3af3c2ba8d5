"""Power BALD: the BALD score with as much chance as keeps a batch from being many times the same item."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import bald
from labelloop.acquisition.power_margin import draw_by_power


@needs("members")
def pick_power_bald(context: Context, batch_size: int, *, power: float = 1.0) -> Picks:
    """Draw rows with chances proportional to ``bald ** power``, without replacement.

    Args:
        power: 0 or more; 0 is random, a large one the plain BALD.

    Returns:
        As `pick_power_margin`.

    Source: Kirsch, Farquhar, Atighehchian et al. (2023), Stochastic batch acquisition.
    """
    assert context.members is not None
    return draw_by_power(bald(context.members, context.candidates), context, batch_size, power)
