"""An audited label is judged once, by what it is when it has passed the review gates."""

from __future__ import annotations

import pandas as pd

from labelloop.stages.model_audit import answered

OPEN = [{"item": item, "certificate": "c", "accepted": "cat"} for item in "abcd"]


def labels(**status: str) -> pd.DataFrame:
    return pd.DataFrame({"item": list(status), "label": "dog", "status": list(status.values())})


def test_what_waits_at_a_gate_stays_open_until_it_has_passed() -> None:
    told, still_open = answered(OPEN, labels(a="fused", b="in review", c="reviewed"))
    assert [(one["item"], one["found"]) for one in told] == [("a", "dog"), ("c", "dog")]
    assert still_open == [OPEN[1], OPEN[3]]
    passed, left = answered(still_open, labels(a="fused", b="reviewed", c="reviewed"))
    assert [one["item"] for one in passed] == ["b"] and left == [OPEN[3]]
