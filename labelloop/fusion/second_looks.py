"""Whose item gets another vote: where people's answers leave the most open.

A fixed number of votes an item spends most of the money on items that were clear after two. Here every item
starts with few votes, and each round adds one where the posterior is least sure, until it is sure enough or
has as many votes as an item may get.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd


def second_looks(
    fused: pd.DataFrame, *, eligible: Collection[str], confidence: float, most_votes: int, wanted: int
) -> list[str]:
    """Items that one more person should be asked about, the most open first.

    Ranked by the entropy of the posterior; measured against the margin, the least confident, expected change
    of the label and mutual information with the next vote, it gives the most right labels for the money
    (`python -m bench adaptive_votes`).

    Args:
        fused: columns item, confidence, entropy, votes and gold of `tables.FUSED`.
        eligible: items that may be asked about again.
        confidence: items at least this sure are left alone.
        most_votes: items with as many votes are left alone.
        wanted: items at most.

    Returns:
        At most `wanted` items; ties by item.

    Source: uncertainty-driven repeated labeling, Sheng, Provost and Ipeirotis (2008), Get another label?
    """
    open_ones = fused[
        (fused["confidence"] < confidence)
        & (fused["votes"] < most_votes)
        & ~fused["gold"]
        & fused["item"].isin(set(eligible))
    ]
    order = np.lexsort((open_ones["item"].to_numpy(dtype=str), -open_ones["entropy"].to_numpy()))
    return [str(item) for item in open_ones["item"].to_numpy(dtype=object)[order][: max(0, wanted)]]
