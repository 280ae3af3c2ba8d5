"""Pages for crowds of every kind: whole, with a drawing for each finding, and no endless list."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from people import answers, crowd_table

from labelloop.annotators.agreement_file import agreement_summary
from labelloop.annotators.quality import annotator_quality
from labelloop.annotators.quality_file import annotators_summary
from labelloop.reporting.agreement import agreement_page
from labelloop.reporting.annotators import annotators_page


def pages(table: pd.DataFrame, n_classes: int) -> tuple[str, str]:
    coded = answers(table, n_classes)
    quality = annotators_summary(coded, annotator_quality(coded))
    return agreement_page(agreement_summary(coded, resamples=20), "votes"), annotators_page(quality, "votes")


@pytest.mark.parametrize(
    "crowd",
    [{}, {"n_classes": 2, "per_item": 1}, {"n_classes": 300, "n_items": 900},
     {"n_annotators": 200, "n_items": 2000}, {"n_items": 1, "n_annotators": 1, "per_item": 1}],
    ids=["usual", "one vote an item", "many classes", "many annotators", "one vote"],
)  # fmt: skip
def test_pages_are_whole_and_of_bounded_size(crowd: dict[str, Any]) -> None:
    table, _ = crowd_table(seed=0, **crowd)
    for page in pages(table, crowd.get("n_classes", 3)):
        for element in ("svg", "table", "section", "details", "g", "p", "div", "text"):
            assert len(re.findall(f"<{element}[ >]", page)) == page.count(f"</{element}>"), element
        assert not re.search(r"\b(?:nan|None)\b", page)
        assert len(page) < 1_000_000


def test_a_sleeper_is_drawn_and_a_steady_crowd_is_not() -> None:
    _, drifting = pages(crowd_table(seed=0, sleeper=True)[0], 3)
    _, steady = pages(crowd_table(seed=0)[0], 3)
    assert "<polyline" in drifting
    assert "accuracy fell while working" in drifting
    assert "<polyline" not in steady
    assert "none of the 12 annotators gives cause for doubt" in steady


def test_copies_are_listed() -> None:
    _, page = pages(crowd_table(seed=0, n_items=600, copies=1.0)[0], 3)
    assert re.search(r"<bdi>a000</bdi></td><td><bdi>a001</bdi>", page)
