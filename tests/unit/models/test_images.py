"""What the learners of images see before and during training."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.errors import DataError
from labelloop.models import make_learner
from labelloop.models.principal_components import principal_components, thumbnails

QUICK = {"epochs": 1, "min_steps": 2, "width": 4, "hidden": 8, "device": "cpu"}


def images(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, size=(n, *shape)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(8, 8), (9, 13), (28, 28), (32, 32, 3), (70, 40, 3), (130, 130)])
def test_the_convnet_takes_any_size_from_eight_pixels(shape: tuple[int, ...]) -> None:
    learner = make_learner("convnet", n_classes=2, seed=0, options=QUICK, input_kind="images")
    rows = images(4, *shape)
    learner.observe([rows])
    learner.fit(rows, np.array([0, 1, 0, 1]))
    assert learner.predict_proba(rows).shape == (4, 2)
    assert learner.embed(rows).shape == (4, 8)


def test_images_of_another_size_than_trained_on_are_refused() -> None:
    learner = make_learner("convnet", n_classes=2, seed=0, options=QUICK, input_kind="images")
    learner.fit(images(2, 8, 8), np.array([0, 1]))
    with pytest.raises(DataError, match="trained on"):
        learner.predict_proba(images(2, 10, 8))


def test_augmentation_changes_what_is_learned() -> None:
    guesses = []
    for augment in (False, True):
        options = {**QUICK, "augment": augment}
        learner = make_learner("convnet", n_classes=2, seed=0, options=options, input_kind="images")
        guesses.append(learner.fit(images(4, 8, 8), np.array([0, 1, 0, 1])).predict_proba(images(4, 8, 8)))
    assert (guesses[0] != guesses[1]).any()


def test_a_missing_gpu_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from labelloop.errors import SettingsError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    learner = make_learner("mlp", n_classes=2, seed=0, options={"device": "cuda"}, input_kind="features")
    with pytest.raises(SettingsError, match="no GPU is there"):
        learner.fit(np.eye(2, dtype=np.float32), np.array([0, 1]))


def test_thumbnails_are_averages_of_blocks() -> None:
    picture = np.zeros((1, 64, 64), dtype=np.uint8)
    picture[0, :2, :2] = [[0, 255], [255, 0]]
    small = thumbnails(picture)
    assert small.shape == (1, 32, 32, 1)
    assert small[0, 0, 0, 0] == pytest.approx(0.5)
    assert small.sum() == pytest.approx(0.5)


def test_small_images_are_not_shrunk() -> None:
    picture = images(2, 8, 12, 3)
    np.testing.assert_allclose(thumbnails(picture), picture / 255, rtol=1e-6)


def test_components_keep_distances_between_images_that_vary_in_few_ways() -> None:
    random = np.random.default_rng(0)
    base = random.integers(0, 2, size=(3, 8, 8))
    pool = np.tensordot(random.integers(0, 80, size=(50, 3)), base, axes=1).astype(np.uint8)
    points = principal_components([pool[:20], pool[20:]], size=3, seed=0).embed(pool)
    flat = pool.reshape(50, -1).astype(np.float64)
    expected = np.linalg.norm(flat[:, None] - flat, axis=2)
    found = np.linalg.norm(points[:, None] - points, axis=2)
    np.testing.assert_allclose(found / found.max(), expected / expected.max(), atol=1e-3)
