"""Which older items a round asks about again, out of which votes, and what is never asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.annotators import pausing
from labelloop.campaign import Annotation
from labelloop.settings.routing import Routing
from labelloop.stages.second_looks import (
    _choose,
    as_dealt,
    expert_votes,
    with_second_looks,
)
from labelloop.stages.unsure_items import eligible_items

ANNOTATION = Annotation(tool="files", overlap=2, max_overlap=4, target_confidence=0.9)


def labels_of(rows: dict[str, float], **changes: Any) -> pd.DataFrame:
    """Labels of two classes with these confidences."""
    posterior = [np.array([sure, 1 - sure]) for sure in rows.values()]
    table = {"item": list(rows), "confidence": list(rows.values()), "posterior": posterior, "gold": False,
             "tie": False}  # fmt: skip
    return pd.DataFrame(table | changes)


def asked_of(items: list[str], arm: str = "strategy", overlap: int = 2) -> pd.DataFrame:
    return pd.DataFrame({"item": items, "arm": arm, "round": "r000", "overlap": overlap})


def votes_of(*said: tuple[str, str, str]) -> pd.DataFrame:
    """Item, annotator, action, in the order of their times."""
    table = pd.DataFrame(list(said), columns=["item", "annotator", "action"])
    times = pd.date_range("2026-01-05", periods=len(table), freq="min", tz="UTC")
    return table.assign(answered_at=times, key=table["item"])


def both(item: str) -> list[tuple[str, str, str]]:
    return [(item, "ada", "submitted"), (item, "ben", "submitted")]


def test_only_unsure_items_with_all_answers_and_somebody_left_are_asked_again() -> None:
    said = [row for item in ("sure", "unsure", "full", "test", "control", "gold") for row in both(item)]
    said += [("waiting", "ada", "submitted"), ("waiting", "ben", "skipped")]
    said += [("full", "cy", "submitted"), ("full", "dee", "submitted")]
    said += [*both("taken back"), ("taken back", "ben", "deleted")]
    said += [*both("skipped"), ("skipped", "cy", "skipped"), ("skipped", "dee", "skipped")]
    sure = dict.fromkeys(dict.fromkeys(item for item, _, _ in said), 0.6) | {"sure": 0.9}
    labels = labels_of(sure)
    labels["gold"] = labels["item"] == "gold"
    asked = asked_of(list(sure))
    asked.loc[asked["item"].isin(["test", "control"]), "arm"] = ["test", "control"]
    found = eligible_items(asked, labels, votes_of(*said), ANNOTATION)
    assert found["item"].tolist() == ["control", "unsure"]
    assert found["total"].tolist() == [2, 2] and found["room"].tolist() == [2, 2]


def test_nobody_is_asked_for_who_is_not_there() -> None:
    """Of four people two have answered and one has skipped: one is left."""
    annotation = ANNOTATION.model_copy(update={"annotators": ["ada", "ben", "cy", "dee"]})
    said = [*both("a"), ("a", "cy", "skipped"), *both("b")]
    found = eligible_items(asked_of(["a", "b"]), labels_of({"a": 0.6, "b": 0.6}), votes_of(*said), annotation)
    assert found[["item", "room"]].to_numpy().tolist() == [["a", 1], ["b", 2]]


def open_ones(seed: int, n: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "item": [f"i{number:02d}" for number in range(n)],
            "posterior": list(random.dirichlet(np.ones(3), n)),
            "total": random.integers(2, 5, n),
            "room": random.integers(1, 4, n),
            "tier": "usual",
        }
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 999), st.integers(0, 30), st.floats(0, 0.5), st.integers(0, 20), st.integers(1, 3),
    st.sampled_from([0.25, 0.5, 1.0]),
)  # fmt: skip
def test_the_budget_is_kept_and_the_best_votes_are_bought(
    seed: int, n: int, price: float, new_items: int, overlap: int, share: float
) -> None:
    annotation = ANNOTATION.model_copy(update={"overlap": overlap, "second_look_share": share})
    table = open_ones(seed, n)
    looks = _choose(table, price, 0.7, new_items, annotation)
    spent = int(looks.further["overlap"].sum())
    assert spent + looks.new_items * overlap <= new_items * overlap
    assert spent <= share * new_items * overlap
    assert spent == looks.about["votes"]
    chosen = looks.further.merge(table, on="item")
    assert (chosen["overlap"] == 1).all()
    assert (chosen["total_x"] == chosen["total_y"] + chosen["overlap"]).all()
    assert looks.further["score"].is_monotonic_decreasing
    if spent:  # at most one new item's votes go for less than the price
        assert (looks.further["score"] > price).sum() > spent - overlap
        left = table[~table["item"].isin(looks.further["item"])]
        everything = annotation.model_copy(update={"second_look_share": 1.0})
        others = _choose(left, -1.0, 0.7, 1000, everything).further
        assert not len(others) or others["score"].max() <= looks.further["score"].min()


def test_a_high_price_leaves_everything_to_new_items_and_says_so() -> None:
    looks = _choose(open_ones(1, 9), 5.0, 0.7, 10, ANNOTATION)
    assert len(looks.further) == 0 and looks.new_items == 10
    assert (
        "9 older items below 90%, but one more vote about none of them is worth more" in looks.about["reason"]
    )
    assert "No older item" in _choose(open_ones(1, 0), 0.1, 0.7, 10, ANNOTATION).about["reason"]


def test_the_batch_gets_the_arm_at_its_end_and_asked_the_people_of_all_rounds() -> None:
    batch = pd.DataFrame({"item": ["n"], "arm": "strategy", "rank": 0, "score": 0.5, "probability": 1.0,
                          "overlap": 2})  # fmt: skip
    further = pd.DataFrame({"item": ["b"], "overlap": [1], "score": [0.3], "total": [4]})
    together, asked = with_second_looks(batch, asked_of(["a", "b"], overlap=3), further)
    assert together[["item", "arm", "rank", "overlap"]].to_numpy().tolist() == [
        ["n", "strategy", 0, 2], ["b", "relabel", 1, 1],
    ]  # fmt: skip
    assert asked[["item", "overlap", "arm", "round"]].to_numpy().tolist() == [
        ["a", 3, "strategy", "r000"], ["b", 4, "strategy", "r000"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "says"),
    [({"max_overlap": 2, "overlap": 2}, "max_overlap is 2, but every item is asked of 2"),
     ({"max_overlap": 4, "annotators": ["a", "b", "c"]}, "max_overlap is 4, but there are only 3")],
)  # fmt: skip
def test_settings_that_allow_no_second_look_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Annotation(tool="files", test_overlap=1, **changes)


def with_expert(price: float) -> Annotation:
    """Six annotators, and eva, whose answers cost so much; the others' cost 0.05."""
    routing = {"mode": "skill", "people": {"eva": {"tier": "expert", "cost_per_vote": price}}}
    people = ["ada", "ben", "cy", "dee", "eli", "fay", "eva"]
    return Annotation.model_validate(
        {"tool": "files", "overlap": 2, "test_overlap": 2, "max_overlap": 4, "annotators": people,
         "routing": routing}
    )  # fmt: skip


def test_an_expert_is_asked_where_people_split_or_no_other_is_left_and_once() -> None:
    """Before that the others are; afterwards the item is for review."""
    full = [("full", name, "submitted") for name in ("ada", "ben", "cy", "dee")]
    heard = [("heard", name, "submitted") for name in ("ada", "ben", "cy", "dee", "eva")]
    said = [*both("open"), *both("split"), *full, *heard]
    items = ["open", "split", "full", "heard"]
    labels = labels_of(dict.fromkeys(items, 0.6), tie=[False, True, False, False])
    asked = asked_of(items).assign(overlap=[2, 2, 4, 5])
    found = eligible_items(asked, labels, votes_of(*said), with_expert(0.2)).set_index("item")
    assert found["tier"].to_dict() == {"open": "usual", "split": "expert", "full": "expert"}
    assert (found.loc[["split", "full"], "room"] == 1).all() and found.loc["open", "room"] == 2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 999), st.integers(0, 30), st.integers(0, 30), st.sampled_from([0.0, 0.02, 0.05, 0.2, 0.33])
)
def test_experts_looks_come_first_and_are_paid_out_of_the_same_money(
    seed: int, usual: int, experts: int, price: float
) -> None:
    table = open_ones(seed, usual + experts).assign(tier=["usual"] * usual + ["expert"] * experts)
    looks = _choose(table, 0.05, 0.7, 20, with_expert(price))
    tier = looks.further["tier"]
    money = float((tier == "usual").sum() * 0.05 + (tier == "expert").sum() * price)
    assert money <= 2 * 0.05 * (20 - looks.new_items) + 1e-9
    assert tier.is_monotonic_increasing  # expert, then usual
    left = experts - int((tier == "expert").sum())
    assert left == looks.about["for_experts"] - looks.about["asked_of_experts"]
    if left:
        assert money + price > 0.5 * 20 * 2 * 0.05 - 1e-9 or (tier == "usual").sum() == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(0, 60), st.integers(0, 9), st.sampled_from([0.0, 0.05, 0.2]))
def test_no_votes_are_set_aside_for_looks_that_the_experts_have_no_room_for(
    seed: int, experts: int, room: int, price: float
) -> None:
    """What they cannot look at stays with new items."""
    table = open_ones(seed, experts).assign(tier="expert")
    looks = _choose(table, 0.05, 0.7, 50, with_expert(price), room)
    assert len(looks.further) == looks.about["asked_of_experts"] == min(experts, room)
    assert 2 * (50 - looks.new_items) < len(looks.further) * price / 0.05 + 2


def test_only_experts_who_are_not_paused_have_a_price() -> None:
    """The dearest who is left tells what a look costs."""
    people = {name: {"tier": "expert", "cost_per_vote": price} for name, price in (("eva", 0.2), ("fay", 1))}
    both_there = with_expert(0.2).model_copy(update={"routing": Routing(mode="skill", people=people)})
    assert expert_votes(both_there) == pytest.approx(20)
    assert expert_votes(pausing.without(both_there, {"fay": {}})) == pytest.approx(4)
    assert expert_votes(pausing.without(both_there, {"fay": {}, "eva": {}})) == 1


def test_looks_that_nobody_was_found_for_are_not_told_as_asked() -> None:
    table = open_ones(3, 12).assign(tier=["expert"] * 4 + ["usual"] * 8)
    looks = _choose(table, 0.0, 0.7, 20, with_expert(0.05))
    assert as_dealt(looks.about, looks.further) == looks.about
    told = as_dealt(looks.about, looks.further.iloc[3:])
    assert told["votes"] == looks.about["votes"] - 3 and told["asked_of_experts"] == 1
    assert told["reason"].endswith("For 3 of these looks nobody was left who may be asked.")
