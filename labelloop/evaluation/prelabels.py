"""How many answers began with a prediction that was shown, and how many kept it."""

from __future__ import annotations

from typing import Any

import pandas as pd


def count_prelabelled(votes: pd.DataFrame) -> dict[str, Any]:
    """Of what people say now about each item, how much began with a shown prediction.

    Where nearly all are kept, people may be following the model rather than looking.

    Args:
        votes: rows of `tables.VOTES`, in the order of their times.

    Returns:
        `answers`, `prelabelled` of them and `prelabels_kept` of those.
    """
    last = votes.drop_duplicates(["item", "annotator"], keep="last")
    answers = last[last["action"].isin(("submitted", "updated"))]
    shown = answers[answers["prelabel"].notna()]
    return {
        "answers": len(answers),
        "prelabelled": len(shown),
        "prelabels_kept": int((shown["prelabel"] == shown["value"]).sum()),
    }
