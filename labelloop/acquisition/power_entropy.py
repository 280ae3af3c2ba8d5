"""Power entropy: the entropy with as much chance as keeps a batch from being many times the same item."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.entropy import entropy
from labelloop.acquisition.power_margin import draw_by_power


@needs("probabilities")
def pick_power_entropy(context: Context, batch_size: int, *, power: float = 1.0) -> Picks:
    """Draw rows with chances proportional to ``entropy ** power``, without replacement.

    Args:
        power: 0 or more; 0 is random, a large one the plain entropy.

    Returns:
        As `pick_power_margin`.

    Source: Kirsch, Farquhar, Atighehchian et al. (2023), Stochastic batch acquisition.
    """
    assert context.probabilities is not None
    return draw_by_power(entropy(context.probabilities, context.candidates), context, batch_size, power)
