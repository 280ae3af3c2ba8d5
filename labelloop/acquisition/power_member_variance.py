"""Power variance: a committee's variance, with chance so that a batch is not many times the same item."""

from __future__ import annotations

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.committee import member_variance
from labelloop.acquisition.power_margin import draw_by_power


@needs("members")
def pick_power_member_variance(context: Context, batch_size: int, *, power: float = 1.0) -> Picks:
    """Draw rows with chances proportional to ``member_variance ** power``, without replacement.

    Args:
        power: 0 or more; 0 is random, a large one the plain variance.

    Returns:
        As `pick_power_margin`.

    Source: Kirsch, Farquhar, Atighehchian et al. (2023), Stochastic batch acquisition.
    """
    assert context.members is not None
    return draw_by_power(member_variance(context.members, context.candidates), context, batch_size, power)
