"""Another implementation as oracle: crowd-kit's Dawid-Skene and alpha on the same votes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from crowds import crowd

from labelloop.annotators.agreement import agreement
from labelloop.fusion.base import Votes
from labelloop.fusion.dawid_skene import dawid_skene
from labelloop.fusion.majority import majority

aggregation = pytest.importorskip(
    "crowdkit.aggregation", reason="crowd-kit is not installed: pip install -e '.[peers]'"
)
metrics = pytest.importorskip("crowdkit.metrics.data", reason="needs crowd-kit, too")

SHAPES = [(200, 12, 2, 3), (300, 20, 5, 4), (150, 40, 8, 6)]


def table_of(votes: Votes) -> pd.DataFrame:
    """Votes as crowd-kit takes them, in a random order."""
    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    return table.sample(frac=1, random_state=0)


@pytest.mark.parametrize("steps", [1, 5, 20])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_dawid_skene_is_crowdkits_after_as_many_steps(shape: tuple[int, int, int, int], steps: int) -> None:
    """Posteriors to 1e-8."""
    votes, _ = crowd(*shape, seed=steps)
    theirs = aggregation.DawidSkene(n_iter=steps, tol=-1e9).fit(table_of(votes)).probas_
    theirs = theirs.reindex(index=range(shape[0]), columns=range(shape[2])).to_numpy()
    np.testing.assert_allclose(dawid_skene(votes, max_iter=steps, tol=-np.inf).posterior, theirs, atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shares_are_crowdkits(shape: tuple[int, int, int, int]) -> None:
    votes, _ = crowd(*shape)
    theirs = aggregation.MajorityVote().fit(table_of(votes)).probas_
    theirs = theirs.reindex(index=range(shape[0]), columns=range(shape[2])).fillna(0).to_numpy()
    np.testing.assert_allclose(majority(votes, smoothing=0).posterior, theirs, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("level", ["nominal", "interval"])
def test_alpha_is_crowdkits(shape: tuple[int, int, int, int], level: str) -> None:
    """Also with items of one vote, which tell nothing of agreement."""
    votes, _ = crowd(*shape)
    kept = (votes.item % 5 > 0) | (np.arange(len(votes.item)) % shape[3] == 0)
    some = Votes(votes.items, votes.annotators, votes.classes, votes.item[kept], votes.annotator[kept],
                 votes.label[kept])  # fmt: skip
    distance = {"interval": {"distance": lambda one, other: float((one - other) ** 2)}}.get(level, {})
    theirs = metrics.alpha_krippendorff(table_of(some), **distance)
    values = np.arange(shape[2], dtype=float) if level == "interval" else None
    ours = agreement(some, level=level, values=values, resamples=0).alpha.value
    assert ours == pytest.approx(theirs, abs=1e-9)
