"""Learners that use the unlabeled pool: what they gain, when they refrain, and what they must never see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from labelloop import files
from labelloop.campaign import parse_settings
from labelloop.errors import DamagedFileError, SettingsError
from labelloop.models import load_learner, make_learner, save_learner, show_pool
from labelloop.models.graph_smoothing import ALPHA, PRIOR, STEPS, build_graph, smooth
from labelloop.models.neighbours import nearest
from labelloop.models.pool_gate import folds_of, judge
from labelloop.models.pool_learner import PoolLearner
from labelloop.models.pool_space import DIMENSIONS, WIDE, project
from labelloop.models.pseudo_labels import PseudoLabels
from labelloop.models.self_training import self_train, surest
from labelloop.settings.pool import PoolOptions


def moons(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two half circles that interlock: no straight line tells them apart."""
    from sklearn.datasets import make_moons

    points, codes = make_moons(n, noise=0.06, random_state=seed)
    return points.astype(np.float32), codes.astype(np.int64)


def line(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Forty axes of noise, of which one tells the class: neighbours say nothing, a straight line all."""
    points = np.random.default_rng(seed).normal(size=(n, 40)).astype(np.float32)
    return points, (points[:, 0] > 0).astype(np.int64)


def learner_of(
    pool: str, points: np.ndarray, n_classes: int = 2, seed: int = 0, **options: float
) -> PoolLearner:
    learner = make_learner(
        "logistic", n_classes=n_classes, seed=seed, options={}, input_kind="features", pool=pool,
        pool_options=PoolOptions(**options),
    )  # fmt: skip
    learner.observe([points])
    show_pool(learner, lambda rows: points[rows], np.arange(len(points)))
    return learner


def accuracy(learner: PoolLearner, points: np.ndarray, codes: np.ndarray) -> float:
    return float((learner.predict_proba(points).argmax(axis=1) == codes).mean())


def test_the_graph_finds_what_lies_together_also_for_items_it_has_never_seen() -> None:
    points, codes = moons(1000, 0)
    fresh, true = moons(500, 1)
    rows = np.random.default_rng(2).choice(1000, 80, replace=False)
    plain = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features")
    plain.observe([points])
    learner = learner_of("graph", points).fit(points[rows], codes[rows])
    assert learner.verdict.chosen == "graph"
    assert accuracy(learner, fresh, true) > 0.97
    assert accuracy(plain.fit(points[rows], codes[rows]), fresh, true) < 0.92


@pytest.mark.parametrize("seed", range(3))
def test_where_neighbours_mislead_the_fit_is_the_plain_one_to_the_byte(seed: int) -> None:
    points, codes = line(900, seed)
    rows = np.random.default_rng(seed).choice(900, 150, replace=False)
    learner = learner_of("graph", points).fit(points[rows], codes[rows])
    assert learner.verdict.chosen == "plain"
    assert learner.verdict.accuracy["graph"] < learner.verdict.accuracy["plain"]
    plain = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features")
    plain.observe([points])
    expected = plain.fit(points[rows], codes[rows]).predict_proba(points)
    assert learner.predict_proba(points).tobytes() == expected.tobytes()
    assert "The plain fit was taken" in learner.verdict.reason


def test_too_few_labels_to_judge_give_the_plain_fit() -> None:
    points, codes = moons(300, 0)
    learner = learner_of("either", points).fit(points[:5], codes[:5])
    assert learner.verdict.chosen == "plain"
    assert "5 labels are too few" in learner.verdict.reason


def test_without_a_pool_the_reason_says_so() -> None:
    points, codes = moons(300, 0)
    learner = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features", pool="graph")
    learner.observe([points])
    learner.fit(points[:50], codes[:50])
    assert "was not shown the pool" in learner.verdict.reason


def test_only_the_rows_that_may_be_seen_are_read() -> None:
    """Test items are in the pool's arrays, but never in a learner's sample of it."""
    points, _ = moons(300, 0)
    learner = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features", pool="graph")
    learner.observe([points])
    read: list[int] = []

    def inputs(rows: np.ndarray) -> np.ndarray:
        read.extend(rows.tolist())
        return points[rows]

    allowed = np.arange(0, 300, 3)
    show_pool(learner, inputs, allowed)
    assert sorted(read) == allowed.tolist()


def test_the_sample_is_as_large_as_it_is_set_and_grows_by_its_end() -> None:
    """So the graph's points are that many and the labeled ones, and more of them never means other ones."""
    size = 150
    points, codes = moons(300, 0)
    small, whole = (learner_of("graph", points, sample=n) for n in (size, 100_000))
    assert small._sample.tobytes() == whole._sample[:size].tobytes() and len(whole._sample) == 300
    assert small.fit(points[:60], codes[:60]).verdict.chosen == "graph"
    assert size < len(small._smoothed.points) <= size + 60
    assert small.shown == size


def test_beyond_the_exact_graph_a_larger_sample_still_fits_saves_and_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a campaign with a sample of a hundred thousand goes through, at a size for a test.

    Among more points labels lie more steps apart: with the usual alpha it is 94%.
    """
    monkeypatch.setattr("labelloop.models.graph_smoothing.EXACT", 500)
    points, codes = moons(2500, 0)
    fresh, true = moons(300, 1)
    learner = learner_of("graph", points, sample=2000, alpha=0.9).fit(points[:80], codes[:80])
    assert learner.verdict.chosen == "graph" and len(learner._smoothed.points) >= 2000
    assert accuracy(learner, fresh, true) > 0.97
    save_learner(learner, "logistic", tmp_path / "model")
    again = load_learner(tmp_path / "model").predict_proba(fresh)
    assert again.tobytes() == learner.predict_proba(fresh).tobytes()


@pytest.mark.parametrize("pool", ["self_training", "co_training"])
def test_only_as_many_items_may_get_a_pseudo_label_as_are_set(pool: str) -> None:
    points, codes = moons(600, 0)
    points = np.hstack([points, points])
    options = PoolOptions(taught=200, threshold=0.5)
    learner = PoolLearner(
        make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features"),
        pool=pool, seed=0, views=((0, 1), (2, 3)), options=options,
    )  # fmt: skip
    learner.observe([points])
    learner.see_pool(points)
    with_labels = points[:60], codes[:60], np.ones(60)
    plain = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features")
    plain.observe([points])
    teach = learner._self_train if pool == "self_training" else learner._co_train
    assert teach(*with_labels, plain.fit(*with_labels)).pseudo_labels.looked_at == 200


def test_the_graph_of_a_round_belongs_to_it_after_saving(tmp_path: Path) -> None:
    points, codes = moons(400, 0)
    fresh, _ = moons(200, 1)
    learner = learner_of("graph", points).fit(points[:60], codes[:60])
    assert learner.verdict.chosen == "graph"
    save_learner(learner, "logistic", tmp_path / "model")
    loaded = load_learner(tmp_path / "model")
    assert loaded.predict_proba(fresh).tobytes() == learner.predict_proba(fresh).tobytes()
    assert files.read_json(tmp_path / "model" / "pool.json")["reason"] == learner.verdict.reason
    again = learner_of("graph", points).fit(points[:60], codes[:60])
    save_learner(again, "logistic", tmp_path / "again")
    assert files.digest(tmp_path / "again") == files.digest(tmp_path / "model")


def test_a_model_without_its_pool_is_damaged(tmp_path: Path) -> None:
    points, codes = moons(400, 0)
    save_learner(learner_of("graph", points).fit(points[:60], codes[:60]), "logistic", tmp_path / "model")
    (tmp_path / "model" / "pool.safetensors").unlink()
    with pytest.raises(DamagedFileError, match=r"pool\.safetensors is missing"):
        load_learner(tmp_path / "model")


def test_a_model_of_an_earlier_version_is_plain(tmp_path: Path) -> None:
    points, codes = moons(100, 0)
    plain = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features")
    plain.observe([points])
    save_learner(plain.fit(points[:60], codes[:60]), "logistic", tmp_path / "model")
    described = files.read_json(tmp_path / "model" / "learner.json")
    files.write_json(tmp_path / "model" / "learner.json", {k: v for k, v in described.items() if k != "pool"})
    assert load_learner(tmp_path / "model").predict_proba(points).shape == (100, 2)


def test_what_auto_was_in_an_earlier_version_is_read_as_either(tmp_path: Path) -> None:
    """The next round scores with the model of the round before, whatever version wrote it."""
    points, codes = moons(40, 0)
    learner = learner_of("either", points)
    learner.fit(points[:12], codes[:12])
    save_learner(learner, "logistic", tmp_path / "model")
    for name in ("learner.json", "pool.json"):
        path = tmp_path / "model" / name
        files.write_json(path, files.read_json(path) | {"pool": "auto"})
    said = load_learner(tmp_path / "model").predict_proba(points)
    np.testing.assert_array_equal(said, learner.predict_proba(points))


def test_neighbours_are_those_of_all_distances() -> None:
    random = np.random.default_rng(0)
    points, queries = random.normal(size=(2, 300, 7)).astype(np.float32)
    places, squared = nearest(queries, points, 9)
    full = cdist(queries, points, "sqeuclidean")
    np.testing.assert_array_equal(places, np.argsort(full, axis=1)[:, :9])
    np.testing.assert_allclose(squared, np.sort(full, axis=1)[:, :9], rtol=1e-4)


def test_a_point_of_the_pool_may_be_left_out_of_its_own_neighbours() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    assert (nearest(points, points, 1)[0][:, 0] == np.arange(50)).all()
    assert (nearest(points, points, 1, skip_same=True)[0][:, 0] != np.arange(50)).all()


def test_smoothing_is_the_iteration_of_its_formula() -> None:
    """The same on dense matrices, with every weight written out."""
    random = np.random.default_rng(1)
    points = random.normal(size=(60, 3)).astype(np.float32)
    base = random.dirichlet(np.ones(3), size=60).astype(np.float32)
    labeled, targets = np.array([3, 3, 10]), np.array([0, 1, 2])
    found = smooth(build_graph(points), base, labeled, targets, np.array([3.0, 1.0, 2.0]))

    distances = cdist(points, points)
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1)[:, :15]
    scales = np.take_along_axis(distances, order, axis=1).mean(axis=1)
    weights = np.zeros((60, 60))
    for row in range(60):
        for other in order[row]:
            weights[row, other] = np.exp(-(distances[row, other] ** 2) / (scales[row] * scales[other]))
    weights = np.maximum(weights, weights.T)
    weights /= weights.sum(axis=1, keepdims=True)
    first = PRIOR * base.astype(np.float64)
    first[3], first[10] = [0.75, 0.25, 0], [0, 0, 1]
    spread = first
    for _ in range(STEPS):
        spread = ALPHA * weights @ spread + (1 - ALPHA) * first
    np.testing.assert_allclose(found.probabilities, spread / spread.sum(axis=1, keepdims=True), atol=1e-5)


def test_points_on_top_of_each_other_and_far_from_all_others_get_through() -> None:
    points = np.concatenate([np.zeros((30, 2)), np.full((1, 2), 1e4)]).astype(np.float32)
    base = np.full((31, 2), 0.5, dtype=np.float32)
    found = smooth(build_graph(points), base, np.array([0]), np.array([1]), np.ones(1))
    assert np.isfinite(found.probabilities).all()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


def test_folds_follow_the_items_and_spread_every_class() -> None:
    random = np.random.default_rng(0)
    points, targets = random.normal(size=(31, 3)).astype(np.float32), random.integers(0, 4, 31)
    folds, order = folds_of(targets, points, 7), random.permutation(31)
    assert (folds_of(targets[order], points[order], 7) == folds[order]).all()
    for c in range(4):
        assert np.ptp(np.bincount(folds[targets == c], minlength=3)) <= 1


def test_the_gate_takes_another_fit_only_where_it_is_right_more_often() -> None:
    points, targets = np.arange(12, dtype=np.float32)[:, None], np.arange(12) % 2
    right, wrong = np.eye(2)[targets], np.eye(2)[1 - targets]

    def verdict(graph: np.ndarray, plain: np.ndarray) -> str:
        return judge(
            lambda kept, held: {"plain": plain[held], "graph": graph[held]}, targets, points, 0
        ).chosen

    assert verdict(right, right) == "plain"
    assert verdict(wrong, right) == "plain"
    assert verdict(right, wrong) == "graph"


def test_held_out_labels_are_not_used_to_judge() -> None:
    """Labels that nothing can tell: a fit that saw the held-out ones would be right far too often."""
    random = np.random.default_rng(0)
    points = random.normal(size=(600, 5)).astype(np.float32)
    targets = random.integers(0, 2, 200)
    learner = learner_of("either", points).fit(points[:200], targets)
    assert all(abs(value - 0.5) < 0.12 for value in learner.verdict.accuracy.values())


def test_pseudo_labels_stay_inside_the_fit() -> None:
    points, codes = moons(500, 0)
    inputs, targets = points[:40].copy(), codes[:40].copy()
    learner_of("self_training", points).fit(inputs, targets)
    assert (inputs == points[:40]).all() and (targets == codes[:40]).all()


@pytest.mark.parametrize(
    ("pool", "changed"),
    [
        ("graph", {"neighbours": 5}),
        ("graph", {"alpha": 0.2}),
        ("graph", {"share": 0.4}),
        ("graph", {"sample": 300}),
    ],
)
def test_what_is_set_of_the_graph_counts_and_stays_with_the_model(
    tmp_path: Path, pool: str, changed: dict[str, float]
) -> None:
    points, codes = moons(600, 0)
    fresh, _ = moons(200, 1)
    said = {}
    for name, options in (("as it is", {}), ("changed", changed)):
        learner = learner_of(pool, points, **options).fit(points[:60], codes[:60])
        assert learner.verdict.chosen == pool
        save_learner(learner, "logistic", tmp_path / name)
        loaded = load_learner(tmp_path / name)
        said[name] = learner.predict_proba(fresh)
        assert loaded.predict_proba(fresh).tobytes() == said[name].tobytes()
        assert loaded.pool_options == PoolOptions(**options)
    assert said["as it is"].tobytes() != said["changed"].tobytes()


def test_the_threshold_decides_who_gets_a_pseudo_label() -> None:
    """What is surer stays as the threshold falls, and classes keep their proportions at each."""
    random = np.random.default_rng(0)
    said = random.dirichlet([0.4, 0.4, 0.4], size=400).astype(np.float32)
    chosen = [set(surest(said, np.ones(3), threshold).tolist()) for threshold in (0.99, 0.9, 0.6)]
    assert 0 < len(chosen[0]) < len(chosen[1]) < len(chosen[2])
    for threshold, rows in zip((0.99, 0.9, 0.6), chosen, strict=True):
        assert said[sorted(rows)].max(axis=1).min() >= threshold
    points, codes = moons(300, 0)
    base = make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features")
    base.observe([points])
    taught = [
        self_train(base, points[:20], codes[:20], None, points, threshold=threshold).learner.predict_proba(
            points
        )
        for threshold in (0.6, 0.95)
    ]
    assert taught[0].tobytes() != taught[1].tobytes()


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0},
        {"threshold": 1.1},
        {"neighbours": 0},
        {"alpha": 1},
        {"share": 0},
        {"sample": 99},
        {"sample": 1_000_001},
        {"taught": 0},
    ],
)
def test_options_of_the_pool_have_bounds(options: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=f"model.pool_options.{next(iter(options))}"):
        parse_settings({"model": {"pool_options": options}})


def test_nobody_sure_enough_means_no_pseudo_label() -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(300, 2)).astype(np.float32)
    base = make_learner("logistic", n_classes=2, seed=0, options={"c": 1e-6}, input_kind="features")
    base.observe([points])
    taught = self_train(base, points[:20], np.arange(20) % 2, None, points)
    plain = base.fit(points[:20], np.arange(20) % 2)
    assert taught.learner.predict_proba(points).tobytes() == plain.predict_proba(points).tobytes()
    assert taught.pseudo_labels == PseudoLabels((0, 0), 300, None, None)


def test_wide_points_keep_the_directions_of_most_variance() -> None:
    """Above `WIDE` the components are found by iteration; they hold what the exact ones hold."""
    random = np.random.default_rng(0)
    spread = 1 / np.sqrt(np.arange(1, WIDE + 65))
    turned, _ = np.linalg.qr(random.normal(size=(len(spread), len(spread))))
    points = ((random.normal(size=(1500, len(spread))) * spread) @ turned + 3).astype(np.float32)
    found = project(points)
    assert found.directions.shape == (len(spread), DIMENSIONS)
    assert np.abs(found.directions.T @ found.directions - np.eye(DIMENSIONS)).max() < 1e-5
    exact = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[1]
    held = (found.apply(points) ** 2).sum()
    assert held > 0.998 * (exact[:DIMENSIONS] ** 2).sum()
    assert project(points.copy()).directions.tobytes() == found.directions.tobytes()
