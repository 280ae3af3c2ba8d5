"""Auto: typical rows while nothing is known, then what covers the regions where the model doubts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.competence import competence
from labelloop.acquisition.herding import pick_uherding
from labelloop.acquisition.margin import pick_margin
from labelloop.acquisition.random import pick_random
from labelloop.acquisition.typiclust import pick_typiclust

DISAGREEMENT = 1.0
"""Weight of what predictions disagree about in the kernel: without a class in common, rows cover each other
exp(-2) times as much as with equal predictions."""

COVERAGE = ("typiclust", "random")
DOUBT = ("uherding", "margin", "random")
"""What a phase picks by: the first that is not left out. Random rows are always there to fall back on."""
MAY_BE_LEFT_OUT = tuple(name for name in dict.fromkeys(COVERAGE + DOUBT) if name != "random")
"""Random rows may not: nothing else is left to fall back on."""

NOTHING: Mapping[str, str] = {}


def goes_by_doubt(context: Context, *, left_out: Mapping[str, str] = NOTHING) -> bool:
    """Whether `pick_auto` would pick here by what the model doubts; it reads labeled rows alone."""
    return _first(_phase(context)[0], left_out) in ("uherding", "margin")


@needs("probabilities", "embeddings", "labels", cold=("embeddings",), doubt=goes_by_doubt)
def pick_auto(context: Context, batch_size: int, *, left_out: Mapping[str, str] = NOTHING) -> Picks:
    """Choose the strategy by what the labels show, and say why.

    - Without a model, or while what the labels teach is not surely better than guessing (leave-one-out, see
      `competence`): typiclust. Doubts of a model that knows nothing are noise.
    - Then uherding over directions and predictions: coverage of the regions where the model doubts, in which
      rows taken for different classes hardly cover each other. Its radius shrinks as labels come in, so by
      itself it goes over from coverage to doubt.

    No phase depends on the number of a round; a campaign whose new labels bring new classes goes back.

    Args:
        left_out: strategies that are not to be followed, and why, such as what a backtest shows to be worse
            than random; the next of the phase takes their place.

    Returns:
        Picks of the strategy chosen, with the reason.
    """
    phase, why = _phase(context)
    name = _first(phase, left_out)
    told = [f"{other} was left out: {left_out[other]}." for other in phase[: phase.index(name)]]
    what, pick = _PICKERS[name]
    reason = " ".join([f"{what} ({name}): {why}.", *told])
    return dataclasses.replace(pick(context, batch_size), reason=reason)


def _phase(context: Context) -> tuple[tuple[str, ...], str]:
    """What is picked by, in order of preference, and why."""
    if context.probabilities is None or context.labels is None:
        return COVERAGE, "no model to ask yet"
    found = competence(context)
    seen = (
        f"{found.labels} labels of {found.classes} classes, a median of {found.per_class:g} a class; "
        f"leave-one-out recall {found.recall:.0%}, at least {max(found.low, 0):.0%}, "
        f"guessing {found.chance:.0%}"
    )
    if not found.shown:
        return COVERAGE, f"what the labels teach is not surely better than guessing ({seen})"
    return DOUBT, f"the model can be believed ({seen})"


def _first(phase: tuple[str, ...], left_out: Mapping[str, str]) -> str:
    return next((name for name in phase if name not in left_out), "random")


def _pick_doubtful_regions(context: Context, batch_size: int) -> Picks:
    return pick_uherding(context, batch_size, directions=True, disagreement=DISAGREEMENT)


_PICKERS: dict[str, tuple[str, Callable[[Context, int], Picks]]] = {
    "typiclust": ("Typical rows of every part of the pool were picked", pick_typiclust),
    "uherding": ("Doubtful regions were covered", _pick_doubtful_regions),
    "margin": ("The most doubtful rows were picked", pick_margin),
    "random": ("Rows were drawn at random", pick_random),
}
