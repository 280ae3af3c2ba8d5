"""What the model says of an item comes from a model that has not seen its label."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from labelloop import fusion, tables
from labelloop.campaign import CampaignSettings, parse_settings
from labelloop.errors import SettingsError
from labelloop.fusion import FUSERS
from labelloop.fusion.votes_table import fuse_votes
from labelloop.models.out_of_fold import out_of_fold
from labelloop.readiness import check_names
from labelloop.workspace import Workspace

ITEMS = np.array([f"i{n}" for n in range(60)], dtype=object)


class Echo:
    """A learner that remembers whom it was trained on, and tells it as its first probability."""

    def fit(self, inputs: np.ndarray, codes: np.ndarray) -> Echo:
        self.seen = dict(zip(inputs[:, 0].astype(int), codes, strict=True))
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        known = np.array([float(row in self.seen) for row in inputs[:, 0].astype(int)])
        return np.stack([known, 1 - known], axis=1)


def prepared() -> Any:
    pool = SimpleNamespace(
        rows_of=lambda items: np.array([int(item[1:]) for item in items]),
        inputs=lambda rows: np.asarray(rows, dtype=float)[:, None],
    )
    return SimpleNamespace(pool=pool, classes=("a", "b"))


def test_no_item_is_asked_about_by_a_model_that_was_trained_on_it() -> None:
    codes = np.arange(60) % 2
    predicted = out_of_fold(Echo(), prepared(), 5, set())(ITEMS, codes)
    assert np.array_equal(predicted[:, 0], np.zeros(60))


def test_items_that_judge_models_are_neither_asked_about_nor_trained_on() -> None:
    unheard = {"i3", "i4", "i50"}
    seen: set[int] = set()

    class Spy(Echo):
        def fit(self, inputs: np.ndarray, codes: np.ndarray) -> Echo:
            seen.update(inputs[:, 0].astype(int).tolist())
            return super().fit(inputs, codes)

    predicted = out_of_fold(Spy(), prepared(), 5, unheard)(ITEMS, np.arange(60) % 2)
    nothing = {ITEMS[row] for row in np.flatnonzero(np.isnan(predicted).any(axis=1))}
    assert nothing == unheard
    assert not seen & {3, 4, 50}


def test_items_that_only_judge_a_model_are_asked_about_by_one_that_never_saw_any_of_them() -> None:
    seen: set[int] = set()

    class Spy(Echo):
        def fit(self, inputs: np.ndarray, codes: np.ndarray) -> Echo:
            seen.update(inputs[:, 0].astype(int).tolist())
            return super().fit(inputs, codes)

    predicted = out_of_fold(Spy(), prepared(), 5, {"i3"}, {"i4", "i50"})(ITEMS, np.arange(60) % 2)
    assert np.flatnonzero(np.isnan(predicted).any(axis=1)).tolist() == [3]
    assert seen == set(range(60)) - {3, 4, 50}


def test_one_class_is_not_trained_on() -> None:
    predicted = out_of_fold(Echo(), prepared(), 3, set())(ITEMS, np.zeros(60, dtype=int))
    assert np.isnan(predicted).all()


@pytest.mark.parametrize("method", FUSERS)
def test_a_method_that_cannot_hear_a_model_is_refused_before_anybody_is_asked(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found in stage fuse it would leave a round with frozen settings open for ever."""
    # Other packages' methods are told by what they take, whether or not the package is installed.
    monkeypatch.setattr(fusion, "make_fuser", lambda *_: None)
    workspace = Workspace.at(tmp_path)
    check_names(workspace, parse_settings({"fusion": {"method": method}}))
    settings = parse_settings({"fusion": {"method": method, "model_prior": "out_of_fold"}})
    if method not in ("majority", "crowdkit_glad", "crowdkit_mace", "snorkel_label_model"):
        check_names(workspace, settings)
        return
    with pytest.raises(SettingsError, match=f"fusion.model_prior does not go with fusion.method {method}"):
        check_names(workspace, settings)


def test_a_model_is_refused_where_it_cannot_be_heard_although_there_are_no_votes_yet() -> None:
    with pytest.raises(SettingsError, match="majority, which has no place for a model's word"):
        fuse_votes(tables.VOTES.empty(), ["x", "y"], "majority", predict=lambda *_: np.zeros((0, 2)))


def test_no_model_is_heard_unless_asked_for() -> None:
    assert CampaignSettings().fusion.model_prior == "none"


def test_a_twin_hears_all_that_was_answered_before() -> None:
    """Labels of earlier rounds are fused anew with later votes, as in the campaign."""
    from labelloop.backtesting import replay as module

    seen: list[list[int]] = []

    def source(rows: np.ndarray, number: int) -> np.ndarray:
        seen.append(rows.tolist())
        return rows % 2

    arena: Any = SimpleNamespace(
        settings=CampaignSettings(), eligible=np.arange(20), tested=np.arange(0), seed=0,
        prepared=SimpleNamespace(pool=SimpleNamespace(ids=ITEMS[:20]), classes=("a", "b")),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "fit", lambda *_: object())
        patch.setattr(module, "accuracy", lambda *_: 0.5)
        module.replay(arena, "random", [5, 9], source, cold_start="random")
    assert len(seen[1]) == 9 and seen[1][:5] == seen[0]
    assert pd.Series(seen[1]).is_unique


def test_a_class_that_the_model_has_not_seen_is_left_to_people() -> None:
    codes = np.array([0, 1] * 30)
    codes[7] = 2
    three = prepared()
    three.classes = ("a", "b", "c")

    class Three(Echo):
        def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
            return np.full((len(inputs), 3), 1 / 3)

    predicted = out_of_fold(Three(), three, 5, set())(ITEMS, codes)
    assert np.flatnonzero(np.isnan(predicted).any(axis=1)).tolist() == [7]
