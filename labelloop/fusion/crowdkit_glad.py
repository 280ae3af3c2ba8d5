"""Crowd-kit's GLAD: skill of annotators and difficulty of items."""

from __future__ import annotations

import numpy as np

from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import check_calibration
from labelloop.fusion.peers import crowdkit_fusion, peer, whole_number


def crowdkit_glad(
    votes: Votes, *, gold: np.ndarray | None = None, n_iter: int = 100, temperature: float | None = None
) -> Fusion:
    """Fuse by crowd-kit's GLAD, in which annotator a is right about i with chance 1 / (1 + e^(-a_a b_i)).

    It is slow: minutes at 10,000 items x 5 votes. Nothing in it is random.

    Args:
        votes: coded votes.
        gold: shape (n_items,), int64, -1 where unknown; see `peers.crowdkit_fusion`.
        n_iter: iterations at most.
        temperature: what log posteriors are divided by; None fits it on gold; see `calibration.conclude`.

    Raises:
        SettingsError: crowd-kit is not installed, or an option has a wrong value.

    Source: Whitehill et al. (2009), Whose vote should count more; the package crowd-kit.
    """
    whole_number("n_iter", n_iter, 1)
    check_calibration(False, temperature)
    module, version = peer("crowdkit.aggregation", "crowd-kit", "crowdkit_glad")
    return crowdkit_fusion(
        votes, module.GLAD(n_iter=n_iter), f"crowdkit_glad/{version}", gold=gold, temperature=temperature
    )
