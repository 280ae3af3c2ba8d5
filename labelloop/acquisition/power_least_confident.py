"""Power least confident: that score with as much chance as keeps a batch from being many times one item."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.least_confident import least_confident
from labelloop.acquisition.power_margin import draw_by_power


@needs("probabilities")
def pick_power_least_confident(context: Context, batch_size: int, *, power: float = 1.0) -> Picks:
    """Draw rows with chances proportional to ``least_confident ** power``, without replacement.

    Args:
        power: 0 or more; 0 is random, a large one the plain least confident.

    Returns:
        As `pick_power_margin`.

    Source: Kirsch, Farquhar, Atighehchian et al. (2023), Stochastic batch acquisition.
    """
    assert context.probabilities is not None
    return draw_by_power(
        least_confident(context.probabilities, context.candidates), context, batch_size, power
    )
