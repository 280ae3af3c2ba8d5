"""The round's report says how labels came about and what their confidence is worth."""

from __future__ import annotations

import pandas as pd

from labelloop.fusion.votes_table import fuse_votes
from labelloop.reporting.label_words import fusion_words


def test_confidence_without_gold_is_said_to_be_not_calibrated() -> None:
    """And with ten items of gold that it is."""
    rows = [(f"i{item:02}", f"w{who}", "ab"[(item + (who == item % 3)) % 2])
            for item in range(60) for who in range(3)]  # fmt: skip
    votes = pd.DataFrame(rows, columns=["item", "annotator", "value"])
    votes["vote"] = [f"v{number}" for number in range(len(votes))]
    told = fusion_words(fuse_votes(votes, ["a", "b"], "auto").about)
    assert "180 votes of 3 annotators" in told
    assert "Confidence is not calibrated: no gold" in told
    gold = {f"i{item:02}": "ab"[item % 2] for item in range(12)}
    told = fusion_words(fuse_votes(votes, ["a", "b"], "auto", gold=gold).about)
    assert "fitted on 12 items of gold" in told
