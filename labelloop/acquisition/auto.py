"""Auto: typical rows while nothing is known, then what covers the regions where the model doubts."""

from __future__ import annotations

import dataclasses

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.competence import competence
from labelloop.acquisition.herding import pick_uherding
from labelloop.acquisition.typiclust import pick_typiclust

DISAGREEMENT = 1.0
"""Weight of what predictions disagree about in the kernel: without a class in common, rows cover each other
exp(-2) times as much as with equal predictions."""


@needs("probabilities", "embeddings", "labels", cold=("embeddings",))
def pick_auto(context: Context, batch_size: int) -> Picks:
    """Choose the strategy by what the labels show, and say why.

    - Without a model, or while what the labels teach is not surely better than guessing (leave-one-out, see
      `competence`): typiclust. Doubts of a model that knows nothing are noise.
    - Then uherding over directions and predictions: coverage of the regions where the model doubts, in which
      rows taken for different classes hardly cover each other. Its radius shrinks as labels come in, so by
      itself it goes over from coverage to doubt.

    No phase depends on the number of a round; a campaign whose new labels bring new classes goes back.

    Returns:
        Picks of the strategy chosen, with the reason.
    """
    if context.probabilities is None or context.labels is None:
        picks = pick_typiclust(context, batch_size)
        reason = "No model to ask yet, so typical rows of every part of the pool were picked (typiclust)."
        return dataclasses.replace(picks, reason=reason)
    found = competence(context)
    seen = f"{found.labels} labels of {found.classes} classes, a median of {found.per_class:g} a class"
    told = (
        f"leave-one-out recall {found.recall:.0%}, at least {max(found.low, 0):.0%}, "
        f"guessing {found.chance:.0%}"
    )
    if not found.shown:
        return dataclasses.replace(
            pick_typiclust(context, batch_size),
            reason=f"Typical rows were picked (typiclust): what the labels teach is not surely better than "
            f"guessing ({seen}; {told}).",
        )
    return dataclasses.replace(
        pick_uherding(context, batch_size, directions=True, disagreement=DISAGREEMENT),
        reason=f"Doubtful regions were covered (uherding): the model can be believed ({seen}; {told}).",
    )
