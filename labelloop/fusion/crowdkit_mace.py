"""Crowd-kit's MACE: annotators who know and annotators who spam."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration
from labelloop.fusion.peers import crowdkit_fusion, peer, whole_number


def crowdkit_mace(
    votes: Votes,
    *,
    gold: np.ndarray | None = None,
    n_iter: int = 50,
    seed: int = 0,
    temperature: float | None = None,
) -> Fusion:
    """Fuse by crowd-kit's MACE, in which an annotator either gives the true class or answers by habit.

    Annotators start at random skills, so another seed, or other names of the annotators, can give somewhat
    other posteriors. One start is made: crowd-kit 1.4 begins every restart from the same numbers.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; see `peers.crowdkit_fusion`.
        n_iter: iterations.
        seed: of the start.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Raises:
        SettingsError: crowd-kit is not installed, or an option has a wrong value.

    Source: Hovy, Berg-Kirkpatrick, Vaswani and Hovy (2013), Learning whom to trust with MACE; the package
    crowd-kit.
    """
    whole_number("n_iter", n_iter, 1)
    whole_number("seed", seed, 0)
    check_calibration(False, temperature)
    module, version = peer("crowdkit.aggregation", "crowd-kit", "crowdkit_mace")
    model = module.MACE(n_restarts=1, n_iter=n_iter, random_state=seed)
    return crowdkit_fusion(votes, model, f"crowdkit_mace/{version}", gold=gold, temperature=temperature)
