"""Another vote goes where most is open, and nowhere else."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labelloop.fusion.second_looks import second_looks


def fused(seed: int = 0, n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    posterior = rng.dirichlet(np.full(3, 0.3), n)
    return pd.DataFrame(
        {
            "item": [f"i{number:03d}" for number in rng.permutation(n)],
            "confidence": posterior.max(axis=1),
            "entropy": -(posterior * np.log(posterior + 1e-300)).sum(axis=1),
            "votes": rng.integers(2, 6, n).astype(np.int32),
            "gold": rng.random(n) < 0.1,
        }
    )


def test_only_open_items_that_may_have_another_vote_are_named() -> None:
    table = fused()
    eligible = set(table["item"][::2])
    named = second_looks(table, eligible=eligible, confidence=0.9, most_votes=4, wanted=1000)
    rows = table.set_index("item").loc[named]
    assert named and set(named) <= eligible
    assert (rows["confidence"] < 0.9).all() and (rows["votes"] < 4).all() and not rows["gold"].any()
    left = table[table["item"].isin(eligible - set(named))]
    assert ((left["confidence"] >= 0.9) | (left["votes"] >= 4) | left["gold"]).all()


def test_the_most_open_come_first_and_the_order_of_rows_does_not_matter() -> None:
    table = fused(1)
    how = {"eligible": set(table["item"]), "confidence": 0.99, "most_votes": 9, "wanted": 20}
    named = second_looks(table, **how)  # type: ignore[arg-type]
    assert len(named) == 20
    entropy = table.set_index("item").loc[named, "entropy"].to_numpy()
    assert (np.diff(entropy) <= 0).all()
    assert second_looks(table.sample(frac=1, random_state=3), **how) == named  # type: ignore[arg-type]


def test_equals_go_by_item_and_none_may_be_wanted() -> None:
    table = fused(2).assign(entropy=0.5, confidence=0.5, votes=1, gold=False)
    every = set(table["item"])
    named = second_looks(table, eligible=every, confidence=0.9, most_votes=3, wanted=5)
    assert named == sorted(every)[:5]
    assert second_looks(table, eligible=every, confidence=0.9, most_votes=3, wanted=0) == []
