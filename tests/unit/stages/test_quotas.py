"""How much may be asked within quotas: against all there is, and what is said when that is nothing."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop import files
from labelloop.annotators import pausing
from labelloop.annotators.routing import Asked, route
from labelloop.campaign import CampaignSettings
from labelloop.errors import SettingsError
from labelloop.round_folder import RoundFolder
from labelloop.stages.quotas import can_all_be_asked, experts_room, within_quotas


@given(st.lists(st.integers(0, 3), max_size=5), st.lists(st.integers(0, 4), min_size=3, max_size=4))
@settings(max_examples=150, deadline=None)
def test_what_can_be_asked_is_what_somebody_could_deal(demands: list[int], rooms: list[int]) -> None:
    def fits(left: list[int], at: int) -> bool:
        if at == len(demands):
            return True
        return any(
            fits([room - (who in people) for who, room in enumerate(left)], at + 1)
            for people in itertools.combinations([who for who, room in enumerate(left) if room], demands[at])
        )

    wanted = np.array(demands, dtype=np.int64)
    assert can_all_be_asked(wanted, np.array(rooms)) == fits(rooms, 0)


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=12), st.lists(st.integers(0, 9), min_size=3, max_size=6)
)
@settings(max_examples=100, deadline=None)
def test_routing_finds_somebody_for_whatever_can_be_asked(demands: list[int], rooms: list[int]) -> None:
    wanted, room = np.array(demands), np.array(rooms)
    asked = Asked(np.full((len(wanted), 2), 0.5), wanted, np.ones((len(wanted), len(room)), bool), wanted > 2)
    low = np.linspace(0.2, 0.9, len(room))[:, None].repeat(2, axis=1)
    found = route(asked, low, np.zeros(len(room), int), room, explore=0.2, weight=0.0, seed=1)
    assert (found.missing.sum() == 0) == can_all_be_asked(wanted, room)


def settings_with(**routing: Any) -> CampaignSettings:
    return CampaignSettings.model_validate(
        {"annotation": {"overlap": 2, "test_overlap": 3, "max_overlap": 3,
                        "routing": {"mode": "skill"} | routing},
         "gold": {"known": 10, "share": 0.2}, "stopping": {"max_rounds": 3}}
    )  # fmt: skip


@pytest.fixture
def before(tmp_path: Path) -> RoundFolder:
    """A round after which nobody is paused."""
    files.write_json(tmp_path / "quality.json", {"paused": [], "seen": 0})
    return RoundFolder(tmp_path)


def test_a_round_asks_no_more_than_the_quotas_allow(before: RoundFolder) -> None:
    """Five people with 10 each: 50 answers are 20 items of 2 and 5 of gold."""
    assert within_quotas(settings_with(quota=10), before, 100) == 20
    assert within_quotas(settings_with(quota=10), before, 15) == 15
    assert within_quotas(settings_with(), before, 100) == 100
    assert within_quotas(settings_with(quota=10), before, 100, test_items=10) == 8
    dear = settings_with(people={name: {"quota": 1} for name in ("ada", "ben", "cy", "dee")})
    assert within_quotas(dear, before, 100) == 3  # and one of gold: four that eli and one other answer


def test_quotas_that_leave_room_for_nothing_are_refused(before: RoundFolder) -> None:
    with pytest.raises(SettingsError, match=r"quotas of 5 annotators leave no room for 30 test items"):
        within_quotas(settings_with(quota=10), before, 100, test_items=30)


def test_experts_have_room_for_looks_besides_their_share_of_gold() -> None:
    """Of 12 gold items each of five people answers 24 / 5 on average; the rest of a quota is for looks."""
    expert = {"tier": "expert", "quota": 10}
    of_one = settings_with(people={"ada": expert, "ben": {"tier": "expert"}})
    assert experts_room(of_one, of_one.annotation, 48) is None  # ben has no quota
    paused = pausing.without(of_one.annotation, {"ben": {}})
    assert experts_room(of_one, paused, 48) == 10 - 24 // 4
    both = settings_with(people={"ada": expert, "ben": expert}, quota=100)
    assert experts_room(both, both.annotation, 48) == 2 * (10 - 24 // 5)
    assert experts_room(both, both.annotation, 1000) == 0


@pytest.mark.parametrize(
    ("annotation", "says"),
    [
        ({"tool": "label_studio", "routing": {"mode": "skill"}}, "cannot send one to a person"),
        ({"tool": "files", "routing": {"mode": "skill"}}, "nobody is known by name"),
        ({"routing": {"quota": 5}}, "routing.mode is none"),
        ({"routing": {"mode": "skill", "people": {"eva": {}}}}, "names 'eva'"),
        ({"routing": {"mode": "skill", "people": {"ada": {"tier": "expert"}}}}, "there is no max_overlap"),
        (
            {"routing": {"mode": "skill", "people": {"ada": {"tier": "expert"}}}, "max_overlap": 5},
            "only 4 annotators who are no experts",
        ),
        (
            {
                "tool": "files",
                "annotators": ["ann"],
                "overlap": 1,
                "test_overlap": 1,
                "max_overlap": 2,
                "routing": {"mode": "skill", "people": {"ann": {"tier": "expert"}}},
            },
            "an expert of every annotator",
        ),
        (
            {"routing": {"mode": "skill", "people": {"ada": {"cost_per_vote": 0.4}}}},
            "routing.people.ada has a cost_per_vote",
        ),
    ],
)
def test_routing_that_cannot_be_is_refused_with_what_to_do(annotation: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CampaignSettings.model_validate({"annotation": annotation, "stopping": {"max_rounds": 3}})


@pytest.mark.parametrize(("tool", "says"), [("label_studio", "cannot send one"), ("files", "stand out")])
def test_re_asks_are_refused_where_nobody_can_be_asked_in_particular(tool: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        CampaignSettings.model_validate({"annotation": {"tool": tool}, "quality": {"reask_share": 0.1}})
