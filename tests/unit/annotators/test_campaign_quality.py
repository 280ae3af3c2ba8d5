"""The figures that a round tells of its annotators, and the words for them."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from people import class_names, crowd_table

from labelloop import tables
from labelloop.annotators.campaign_quality import campaign_quality, headline
from labelloop.evaluation.intervals import wilson
from labelloop.reporting.quality_words import quality_lines, quality_metrics


def votes_of(table: pd.DataFrame) -> pd.DataFrame:
    """A crowd's answers as a campaign keeps them."""
    return table.rename(columns={"label": "value"}).assign(
        vote=[f"v{row}" for row in range(len(table))],
        key=[f"c/r000/{item}/{row}" for row, item in enumerate(table["item"])],
        action="submitted", lead_seconds=3.0, cost=0.05, round="r000", tool="files", tool_ref=None,
        prelabel=None,
    )  # fmt: skip


@pytest.fixture(scope="module")
def crowd() -> tuple[pd.DataFrame, dict[str, str]]:
    table, truth = crowd_table(seed=3, spammer="random")
    return votes_of(table), {f"i{item:05}": f"c{truth[item]:03}" for item in range(0, 300, 5)}


def told(crowd: tuple[pd.DataFrame, dict[str, str]], **further: Any) -> dict[str, Any]:
    quality = campaign_quality(crowd[0], class_names(3), crowd[1])
    return headline(quality) | {"paused": [], "notices": []} | further


def test_gold_is_counted_over_everybody_and_cost_over_all_answers(
    crowd: tuple[pd.DataFrame, dict[str, str]],
) -> None:
    votes, gold = crowd
    mine = votes[votes["item"].isin(list(gold))]
    right = int((mine["value"] == mine["item"].map(gold)).sum())
    found = told(crowd)["gold"]
    assert (found["right"], found["answers"]) == (right, len(mine))
    assert (found["low"], found["high"]) == wilson(right, len(mine))
    people = campaign_quality(votes, class_names(3), gold)["people"]["annotators"]
    assert sum(one["cost"] for one in people) == pytest.approx(0.05 * len(votes))


def test_the_pair_that_disagrees_most_is_named_and_who_is_flagged(
    crowd: tuple[pd.DataFrame, dict[str, str]],
) -> None:
    found = told(crowd)
    pairs = campaign_quality(crowd[0], class_names(3), {})["agreement"]["pairs"]
    assert found["pair"]["kappa"] == min(pair["kappa"] for pair in pairs if pair["shared"] >= 5)
    assert found["flagged"] == [{"annotator": "a000", "flags": ["spam"]}]
    lines = quality_lines(found)
    assert lines[0].startswith(f"Annotators agree with alpha {found['alpha']['value']:.2f} (")
    assert f"{found['pair']['one']} and {found['pair']['other']} least" in lines[0]
    assert lines[1] == "Worth a look: a000 (spam)."
    assert quality_metrics(found)["annotators_flagged"] == 1
    json.dumps(found, allow_nan=False)


def test_a_pause_and_a_notice_are_lines_of_their_own(crowd: tuple[pd.DataFrame, dict[str, str]]) -> None:
    paused = [{"annotator": "a000", "since": "r004", "rule": "spam", "reason": "flagged spam"}]
    lines = quality_lines(told(crowd, paused=paused, notices=["a000 is paused from r004 on: why", "look"]))
    assert lines[2:] == ["Paused: a000 since r004 (flagged spam).", "look."]


def test_one_class_and_no_votes_are_told_and_no_error() -> None:
    same = votes_of(crowd_table(seed=0, n_items=20)[0]).assign(value="c000")
    found = headline(campaign_quality(same, class_names(3), {})) | {"paused": [], "notices": []}
    assert quality_lines(found) == ["Agreement cannot be told: everybody chose the same class, 'c000'."]
    nothing = campaign_quality(tables.VOTES.empty(), class_names(3), {})
    assert headline(nothing)["seen"] == 0
    skipped = campaign_quality(same.assign(action="skipped", value=None), class_names(3), {})
    assert skipped == {"people": None, "agreement": None}
