"""What every built-in learner must do, from one template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelloop import files
from labelloop.datasets.array_file import RowsOnDisk
from labelloop.errors import DataError
from labelloop.models import load_learner, make_learner, save_learner, show_pool
from labelloop.models.base import Learner
from labelloop.models.standardisation import as_features, embedding_columns

N_CLASSES = 4
UNSEEN = 3
N_POOL = 160


def make_features(targets: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Clouds round one corner a class, in columns of very different size."""
    corners = 4.0 * np.eye(N_CLASSES, 8)[targets]
    return ((corners + random.normal(size=corners.shape)) * 10.0 ** np.arange(-3, 5)).astype(np.float32)


def make_images(targets: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise with one bright quarter a class."""
    images = random.integers(0, 120, size=(len(targets), 8, 8))
    for image, target in zip(images, targets, strict=True):
        image[4 * (target // 2) :, 4 * (target % 2) :][:4, :4] += 100
    return images.astype(np.uint8)


def make_texts(targets: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Common words, with a few of the class's own."""
    common = [f"word{number}" for number in range(30)]
    own = [[f"{name}{number}" for number in range(8)] for name in ("sport", "money", "space", "music")]
    return np.array(
        [" ".join([*random.choice(common, 8), *random.choice(own[target], 3)]) for target in targets],
        dtype=object,
    )


@dataclass(frozen=True)
class Case:
    """A learner, the input it sees, and options that keep the test quick."""

    name: str
    input_kind: str
    inputs: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)
    convex: bool = False
    pool: str = "none"

    def make(self, seed: int = 0) -> Learner:
        return make_learner(
            self.name,
            n_classes=N_CLASSES,
            seed=seed,
            options=self.options,
            input_kind=self.input_kind,
            pool=self.pool,
        )


QUICK = {"epochs": 5, "min_steps": 60, "device": "cpu"}
CASES = [
    Case("logistic", "features", make_features, convex=True),
    Case("logistic", "images", make_images, convex=True),
    Case("tfidf_logistic", "text", make_texts, {"embedding_size": 8}, convex=True),
    Case("mlp", "features", make_features, {**QUICK, "hidden": [24, 16]}),
    Case("mlp", "images", make_images, {**QUICK, "hidden": 16}),
    Case("convnet", "images", make_images, {**QUICK, "width": 8, "hidden": 16, "embedding_size": 8}),
    Case("logistic", "features", make_features, convex=True, pool="graph"),
    Case("tfidf_logistic", "text", make_texts, {"embedding_size": 8}, convex=True, pool="graph"),
    Case("convnet", "images", make_images, {**QUICK, "width": 8, "hidden": 16}, pool="graph"),
    Case("logistic", "features", make_features, convex=True, pool="self_training"),
    Case("logistic", "images", make_images, convex=True, pool="either"),
]


@dataclass(frozen=True)
class Data:
    pool: np.ndarray
    rows: np.ndarray
    targets: np.ndarray
    test: np.ndarray
    test_targets: np.ndarray


@pytest.fixture(params=CASES, ids=lambda case: f"{case.name}-{case.input_kind}-{case.pool}")
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


@pytest.fixture
def data(case: Case) -> Data:
    """A pool of all classes; 40 labeled rows and 60 test rows of all classes but the last."""
    random = np.random.default_rng(3)
    targets, test_targets = random.integers(0, UNSEEN, 40), random.integers(0, UNSEEN, 60)
    return Data(
        case.inputs(random.integers(0, N_CLASSES, N_POOL), random),
        case.inputs(targets, random),
        targets,
        case.inputs(test_targets, random),
        test_targets,
    )


def fitted(case: Case, data: Data, seed: int = 0) -> Learner:
    learner = case.make(seed)
    learner.observe([data.pool[:100], data.pool[100:]])
    show_pool(learner, lambda rows: data.pool[rows], np.arange(N_POOL))
    return learner.fit(data.rows, data.targets)


def test_probabilities_are_float32_rows_that_sum_to_one(case: Case, data: Data) -> None:
    probabilities = fitted(case, data).predict_proba(data.test)
    assert probabilities.shape == (60, N_CLASSES)
    assert probabilities.dtype == np.float32
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_class_nobody_labeled_keeps_a_small_positive_column(case: Case, data: Data) -> None:
    probabilities = fitted(case, data).predict_proba(data.test)
    assert (probabilities[:, UNSEEN] > 0).all()
    assert (probabilities[:, UNSEEN] < 0.01).all()


def test_an_easy_problem_is_learned_far_better_than_chance(case: Case, data: Data) -> None:
    predicted = fitted(case, data).predict_proba(data.test).argmax(axis=1)
    assert np.mean(predicted == data.test_targets) > 0.75


def test_a_single_class_is_predicted_with_high_probability(case: Case, data: Data) -> None:
    learner = case.make()
    learner.observe([data.pool])
    learner.fit(data.rows[:5], np.full(5, 2))
    assert (learner.predict_proba(data.test)[:, 2] > 0.95).all()


def test_nothing_to_train_on_is_refused(case: Case, data: Data) -> None:
    learner = case.make()
    learner.observe([data.pool])
    with pytest.raises(DataError, match="nothing to train on"):
        learner.fit(data.rows[:0], data.targets[:0])
    with pytest.raises(DataError, match="weight above 0"):
        learner.fit(data.rows, data.targets, np.zeros(len(data.targets)))


def test_predicting_before_training_is_refused(case: Case, data: Data) -> None:
    learner = case.make()
    learner.observe([data.pool])
    with pytest.raises(DataError, match="not been trained"):
        learner.predict_proba(data.test)


def test_a_saved_learner_predicts_and_embeds_the_very_same(case: Case, data: Data, tmp_path: Path) -> None:
    learner = fitted(case, data)
    save_learner(learner, case.name, tmp_path / "model")
    loaded = load_learner(tmp_path / "model")
    assert (loaded.predict_proba(data.test) == learner.predict_proba(data.test)).all()
    assert (loaded.embed(data.test) == learner.embed(data.test)).all()


def test_a_saved_learner_can_be_trained_on_as_if_never_saved(case: Case, data: Data, tmp_path: Path) -> None:
    learner = case.make()
    learner.observe([data.pool])
    save_learner(learner, case.name, tmp_path / "model")
    loaded = load_learner(tmp_path / "model").fit(data.rows, data.targets)
    expected = learner.fit(data.rows, data.targets).predict_proba(data.test)
    assert (loaded.predict_proba(data.test) == expected).all()


def test_saved_files_are_json_and_safetensors_only(case: Case, data: Data, tmp_path: Path) -> None:
    save_learner(fitted(case, data), case.name, tmp_path / "model")
    saved = {path.suffix for path in (tmp_path / "model").rglob("*") if path.is_file()}
    assert saved == {".json", ".safetensors"}


def test_same_seed_gives_the_same_bytes(case: Case, data: Data, tmp_path: Path) -> None:
    for name in ("one", "other"):
        save_learner(fitted(case, data, seed=5), case.name, tmp_path / name)
    assert files.digest(tmp_path / "one") == files.digest(tmp_path / "other")


def test_training_again_forgets_the_training_before(case: Case, data: Data) -> None:
    learner = fitted(case, data)
    expected = learner.predict_proba(data.test)
    learner.fit(data.rows[:20], (data.targets[:20] + 1) % N_CLASSES)
    assert (learner.fit(data.rows, data.targets).predict_proba(data.test) == expected).all()


def test_rows_of_weight_zero_are_absent_rows(case: Case, data: Data) -> None:
    learner = fitted(case, data)
    expected = learner.predict_proba(data.test)
    wrong = np.concatenate([data.targets, np.full(7, UNSEEN)])
    weight = np.concatenate([np.ones(40), np.zeros(7)])
    learner.fit(np.concatenate([data.rows, data.test[:7]]), wrong, weight)
    assert (learner.predict_proba(data.test) == expected).all()


def test_a_heavier_row_pulls_harder(case: Case, data: Data) -> None:
    learner = case.make()
    learner.observe([data.pool])
    rows, targets = np.concatenate([data.rows, data.rows]), np.repeat([0, 1], 40)
    for heavy in (0, 1):
        weight = np.where(targets == heavy, 9.0, 1.0)
        predicted = learner.fit(rows, targets, weight).predict_proba(data.rows).argmax(axis=1)
        assert np.mean(predicted == heavy) > 0.9


def test_the_order_of_labeled_rows_hardly_matters_to_a_convex_learner(case: Case, data: Data) -> None:
    if not case.convex:
        pytest.skip("a network sees rows in an order of its own")
    learner = fitted(case, data)
    expected = learner.predict_proba(data.test)
    order = np.random.default_rng(1).permutation(len(data.targets))
    learner.fit(data.rows[order], data.targets[order])
    np.testing.assert_allclose(learner.predict_proba(data.test), expected, atol=5e-3)


def test_no_rows_give_no_predictions(case: Case, data: Data) -> None:
    learner = fitted(case, data)
    assert learner.predict_proba(data.test[:0]).shape == (0, N_CLASSES)
    assert learner.embed(data.test[:0]).shape == (0, learner.embed(data.test).shape[1])


def test_embedding_works_before_any_label(case: Case, data: Data) -> None:
    learner = case.make()
    learner.observe([data.pool[:100], data.pool[100:]])
    points = learner.embed(data.test)
    assert points.dtype == np.float32
    assert len(points) == 60
    assert np.isfinite(points).all()
    assert points.std(axis=0).max() > 0.05


def test_the_width_of_an_embedding_does_not_depend_on_its_rows(case: Case, data: Data) -> None:
    learner = fitted(case, data)
    assert learner.embed(data.test[:1]).shape[1] == learner.embed(data.test).shape[1]


def test_predictions_do_not_depend_on_how_rows_are_batched(case: Case, data: Data) -> None:
    learner = fitted(case, data)
    whole = np.concatenate([data.pool, data.test])
    cut = [learner.predict_proba(part) for part in np.array_split(whole, 7)]
    np.testing.assert_allclose(np.concatenate(cut), learner.predict_proba(whole), atol=2e-5)
    embedded = [learner.embed(part) for part in np.array_split(whole, 7)]
    np.testing.assert_allclose(np.concatenate(embedded), learner.embed(whole), rtol=1e-3, atol=2e-4)


def test_training_without_a_pool_works(case: Case, data: Data) -> None:
    learner = case.make().fit(data.rows, data.targets)
    predicted = learner.predict_proba(data.rows).argmax(axis=1)
    assert np.mean(predicted == data.targets) > 0.75


def test_inputs_are_left_as_they_were(case: Case, data: Data) -> None:
    rows, pool, test = data.rows.copy(), data.pool.copy(), data.test.copy()
    learner = fitted(case, data)
    learner.predict_proba(data.test)
    learner.embed(data.test)
    assert (data.rows == rows).all() and (data.pool == pool).all() and (data.test == test).all()


def test_the_users_random_numbers_are_left_alone(case: Case, data: Data) -> None:
    import torch

    torch.manual_seed(11)
    np.random.seed(11)
    expected = torch.rand(3), np.random.random(3)
    torch.manual_seed(11)
    np.random.seed(11)
    fitted(case, data).embed(data.test)
    assert (torch.rand(3) == expected[0]).all()
    assert (np.random.random(3) == expected[1]).all()


def test_rows_read_from_disk_when_they_are_sliced_get_the_same_bits(
    case: Case, data: Data, tmp_path: Path
) -> None:
    """Of a learner that says it only slices its rows; more of them than it takes at once."""
    learner = fitted(case, data)
    if not getattr(learner, "by_slices", False):
        assert case.name != "logistic" or case.pool != "none"
        return
    if data.pool.ndim != 2:
        return  # Pictures are read at once.
    rows = np.concatenate([data.pool] * (40_000 // N_POOL + 1))
    np.save(tmp_path / "rows.npy", rows)
    with RowsOnDisk(np.load(tmp_path / "rows.npy", mmap_mode="r"), 0, len(rows)) as on_disk:
        np.testing.assert_array_equal(learner.predict_proba(on_disk), learner.predict_proba(rows))


def test_what_a_learner_says_of_its_embedding_is_so(case: Case, data: Data) -> None:
    """Before and after training; bit for bit."""
    learner = case.make()
    learner.observe([data.pool])
    for trained in (False, True):
        if trained:
            learner = fitted(case, data)
        columns = embedding_columns(learner)
        assert (columns is not None) == (case.name == "logistic" or (case.name == "mlp" and not trained))
        if columns is not None:
            np.testing.assert_array_equal(columns.apply(as_features(data.test)), learner.embed(data.test))


def test_a_learner_that_was_asked_and_trained_again_answers_by_the_new_labels(case: Case, data: Data) -> None:
    learner, fresh = fitted(case, data), fitted(case, data)
    learner.predict_proba(data.test)
    others = (data.targets + 1) % UNSEEN
    np.testing.assert_array_equal(
        learner.fit(data.rows, others).predict_proba(data.test),
        fresh.fit(data.rows, others).predict_proba(data.test),
    )
