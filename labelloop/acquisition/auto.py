"""Auto: coverage while labels are few, doubtful regions once the model can be believed, then doubt itself."""

from __future__ import annotations

import dataclasses

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.cluster_margin import pick_cluster_margin
from labelloop.acquisition.competence import competence
from labelloop.acquisition.herding import pick_uherding
from labelloop.acquisition.typiclust import pick_typiclust

LABELS_A_CLASS = 15.0


@needs("probabilities", "embeddings", "labels")
def pick_auto(context: Context, batch_size: int, *, labels_a_class: float = LABELS_A_CLASS) -> Picks:
    """Choose the strategy by what the labels show, and say why.

    - Without a model, or while what the labels teach is not surely better than guessing (leave-one-out, see
      `competence`): typiclust. Doubts of a model that knows nothing are noise.
    - Then uherding: coverage of the regions where the model doubts.
    - From a median of `labels_a_class` labels a class on: cluster_margin. The regions are covered, and what
      is left to learn lies along the borders of the classes.

    No phase depends on the number of a round; a campaign whose new labels bring new classes goes back.

    Args:
        labels_a_class: where coverage has done its work.

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
    if found.per_class < labels_a_class:
        return dataclasses.replace(
            pick_uherding(context, batch_size),
            reason=f"Doubtful regions were covered (uherding): the model can be believed ({told}), and there "
            f"are fewer than {labels_a_class:g} labels a class ({seen}).",
        )
    return dataclasses.replace(
        pick_cluster_margin(context, batch_size),
        reason=f"Doubtful rows were picked, spread out (cluster_margin): the model can be believed ({told}), "
        f"and {labels_a_class:g} labels a class are there ({seen}).",
    )
