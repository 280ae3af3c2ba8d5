"""Co-training helps where two views say the same, is refused where they do not, and leaks nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from labelloop import files
from labelloop.errors import DamagedFileError, SettingsError
from labelloop.models import load_learner, make_learner, save_learner, show_pool
from labelloop.models.pool_learner import PoolLearner
from labelloop.models.views import resolve_views

WIDTH = 30
VIEWS = (tuple(range(WIDTH)), tuple(range(WIDTH, 2 * WIDTH)))


def two_views(n: int, seed: int, strength: Sequence[float] = (2.2, 2.2)) -> tuple[np.ndarray, np.ndarray]:
    """Two groups of 30 columns, independent given the class; one of each tells it, the rest is noise."""
    random = np.random.default_rng(seed)
    codes = random.integers(2, size=n)
    points = random.normal(size=(n, 2 * WIDTH)).astype(np.float32)
    for view, pull in zip(VIEWS, strength, strict=True):
        points[:, view[0]] += pull * (2 * codes - 1)
    return points, codes


def learner_of(pool: str, points: np.ndarray, seed: int = 0) -> Any:
    views = VIEWS if pool == "co_training" else None
    learner = make_learner(
        "logistic", n_classes=2, seed=seed, options={}, input_kind="features", pool=pool, views=views
    )
    learner.observe([points])
    show_pool(learner, lambda rows: points[rows], np.arange(len(points)))
    return learner


def accuracy(learner: Any, points: np.ndarray, codes: np.ndarray) -> float:
    return float((learner.predict_proba(points).argmax(axis=1) == codes).mean())


@pytest.mark.parametrize("seed", range(3))
def test_two_views_that_agree_teach_each_other(seed: int) -> None:
    """With 36 labels the gate takes it, and fresh items are told far better than by the plain fit."""
    points, codes = two_views(1500, seed)
    fresh, true = two_views(1000, 100 + seed)
    rows = np.random.default_rng(seed).choice(1500, 36, replace=False)
    plain, learner = (
        learner_of(pool, points).fit(points[rows], codes[rows]) for pool in ("none", "co_training")
    )
    assert learner.verdict.chosen == "co_training"
    assert "Co-training was taken" in learner.verdict.reason
    assert 1 - accuracy(learner, fresh, true) < 0.4 * (1 - accuracy(plain, fresh, true))


def apart(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Both views hide the class behind what they share: only their difference tells it."""
    random = np.random.default_rng(seed)
    codes = random.integers(2, size=n)
    points = random.normal(size=(n, 2 * WIDTH)).astype(np.float32)
    shared = random.normal(0, 4, size=n)
    for view, sign in zip(VIEWS, (1, -1), strict=True):
        points[:, view[0]] += shared + sign * 1.5 * (2 * codes - 1)
    return points, codes


@pytest.mark.parametrize("seed", range(3))
def test_where_views_cannot_tell_the_class_alone_the_fit_is_the_plain_one_to_the_byte(seed: int) -> None:
    """Each is sure of what it makes of noise, teaches that, and the gate sees that it does harm."""
    points, codes = apart(1200, seed)
    rows = np.random.default_rng(seed).choice(1200, 90, replace=False)
    plain, learner = (
        learner_of(pool, points).fit(points[rows], codes[rows]) for pool in ("none", "co_training")
    )
    assert learner.verdict.chosen == "plain"
    assert learner.verdict.accuracy["co_training"] < learner.verdict.accuracy["plain"]
    assert "The plain fit was taken" in learner.verdict.reason
    assert learner.predict_proba(points).tobytes() == plain.predict_proba(points).tobytes()


def test_held_out_labels_play_no_part_in_the_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Co-training inside a fold is given the fold's own labels and no other."""
    from labelloop.models import pool_learner

    points, codes = two_views(600, 0)
    rows = np.arange(30)
    given: list[int] = []
    original = pool_learner.co_train

    def spy(untrained: Any, inputs: np.ndarray, targets: np.ndarray, *rest: Any, **named: Any) -> Any:
        given.append(len(targets))
        return original(untrained, inputs, targets, *rest, **named)

    monkeypatch.setattr(pool_learner, "co_train", spy)
    learner_of("co_training", points).fit(points[rows], codes[rows])
    assert sorted(given)[:3] == [20, 20, 20]


def test_the_same_fit_twice_is_the_same_to_the_byte_and_survives_saving(tmp_path: Path) -> None:
    points, codes = two_views(900, 4)
    once, again = (learner_of("co_training", points).fit(points[:40], codes[:40]) for _ in range(2))
    assert once.verdict.chosen == "co_training"
    assert once.predict_proba(points).tobytes() == again.predict_proba(points).tobytes()
    save_learner(once, "logistic", tmp_path / "model")
    loaded = load_learner(tmp_path / "model")
    assert isinstance(loaded, PoolLearner) and loaded.views == VIEWS
    assert loaded.predict_proba(points).tobytes() == once.predict_proba(points).tobytes()
    described = files.read_json(tmp_path / "model" / "pool.json")
    del described["views"]
    files.write_json(tmp_path / "model" / "pool.json", described)
    with pytest.raises(DamagedFileError, match="lacks the key 'views'"):
        load_learner(tmp_path / "model")


def test_views_are_named_numbered_or_drawn() -> None:
    names = ["width", "height", "tone", "grain"]
    assert resolve_views([["tone", "width"], [1]], names, 4, 0) == ((0, 2), (1,))
    drawn = resolve_views([], names, 4, 3)
    assert sorted(drawn[0] + drawn[1]) == [0, 1, 2, 3] and len(drawn[0]) == 2
    assert drawn == resolve_views([], names, 4, 3)
    numbered = ["height 1", "height 2", "width 1", "width 2"]
    assert resolve_views([], numbered, 4, 3) == drawn, "names tell nothing of a table's columns"


@pytest.mark.parametrize(
    ("views", "said"),
    [
        ([["tone"]], "model.views has 1 groups; give two"),
        ([["tone"], []], "give two, with a column or more in each"),
        ([["tone"], ["width", "tone"]], "column 2 in both groups"),
        ([["tone"], ["colour"]], "'colour', which is no column .*width, height, tone, grain"),
        ([[0], [9]], "names 9, which is no column"),
    ],
)
def test_wrong_views_are_named(views: list[list[int | str]], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        resolve_views(views, ["width", "height", "tone", "grain"], 4, 0)


def test_text_has_no_two_groups_of_columns() -> None:
    with pytest.raises(SettingsError, match="takes two groups of columns, but the pool is text"):
        make_learner("auto", n_classes=2, seed=0, options={}, input_kind="text", pool="co_training")


def test_a_campaign_co_trains_and_its_labels_are_peoples(
    tmp_path: Path, labelloop: Callable[..., Any]
) -> None:
    """The verdict is in the report; labels.parquet holds what was asked and nothing that a model made up."""
    points, codes = two_views(400, 0)
    names = [f"{side}{number}" for side in "ab" for number in range(WIDTH)]
    labelloop("init", tmp_path)
    table = pd.DataFrame(points, columns=names).assign(label=[f"k{code}" for code in codes])
    table.to_csv(tmp_path / "rows.csv", index=False)
    settings = {
        "campaign": {"name": "views", "seed": 1},
        "dataset": {"kind": "table", "path": "rows.csv", "label_column": "label"},
        "model": {"name": "logistic", "pool": "co_training", "views": [names[:WIDTH], names[WIDTH:]]},
        "acquisition": {"batch_size": 30},
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 20, "bootstrap": 20},
        "stopping": {"max_rounds": 1},
        "tracking": {"enabled": False},
        "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(settings))
    said = labelloop("run", "--plain", tmp_path)
    assert said.code == 0, said.error
    folder = tmp_path / "rounds" / "r000"
    verdict = files.read_json(folder / "model" / "pool.json")
    assert "co_training" in verdict["accuracy"] and verdict["reason"] in (folder / "report.md").read_text()
    labels = pd.read_parquet(folder / "labels.parquet")
    assert set(labels["item"]) <= set(pd.read_parquet(folder / "asked.parquet")["item"])
    assert (labels["votes"] > 0).all()
