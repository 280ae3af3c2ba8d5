"""How far a learner that uses the unlabeled pool goes."""

from __future__ import annotations

from pydantic import Field

from labelloop.settings.section import Section


class PoolOptions(Section):
    """What `model.pool` makes of the pool; the gate judges the result, whatever is set."""

    sample: int = Field(
        10_000, ge=100, le=1_000_000, description="Items of the pool, drawn at random, that the learner is "
        "shown. For graph they are the points of its graph, so the model grows with them (half a kilobyte "
        "each at most, and 4 bytes a class), and so does a fit (docs/scale.md says how much).",
    )  # fmt: skip
    taught: int = Field(
        2000, ge=1, le=1_000_000, description="For self_training and co_training: items of the sample that "
        "may get a pseudo-label, no more than `sample`. Time grows with it.",
    )  # fmt: skip
    threshold: float = Field(
        0.95, gt=0, le=1, description="For self_training and co_training: probability of its likeliest class "
        "from which an item counts as labeled inside the fit. Lower takes more items and more errors.",
    )  # fmt: skip
    neighbours: int = Field(
        15, ge=1, le=200, description="For graph: nearest items that each item of the pool's sample is "
        "joined to, and that a new item is predicted from. Memory grows with it.",
    )  # fmt: skip
    alpha: float = Field(
        0.7, gt=0, lt=1, description="For graph: how much an item takes over from its neighbours in each "
        "step of the smoothing; the rest is what it starts from.",
    )  # fmt: skip
    share: float = Field(
        0.8, gt=0, le=1, description="For graph: part of a new item's prediction that comes from its "
        "neighbours; the rest is the plain learner's.",
    )  # fmt: skip


DEFAULT = PoolOptions()
