"""Strategies that read labels: rare classes are found, errors are followed up, classes are evened out."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, make_strategy, select, select_rows
from labelloop.errors import DataError, SettingsError


def rare_pool(seed: int, share: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """2,000 points, some of them in a small cloud of the rare class 1, which overlaps with the rest."""
    random = np.random.default_rng(seed)
    codes = (random.random(2000) < share).astype(np.int64)
    points = random.normal(size=(2000, 5)).astype(np.float32)
    points[codes == 1] = 0.6 * points[codes == 1] + np.float32([2.2, 0, 0, 0, 0])
    return points, codes


def logistic_on(points: np.ndarray, rows: np.ndarray, codes: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(points[rows], codes[rows])
    return fitted.predict_proba(points).astype(np.float32)


def found_after(strategy: str, seed: int, batches: int = 4, size: int = 20) -> int:
    """Items of the rare class among the labels, from one rare item and 19 others on."""
    points, codes = rare_pool(seed)
    random = np.random.default_rng(seed + 1)
    rows = np.concatenate(
        [random.choice(np.flatnonzero(codes == c), n, replace=False) for c, n in ((1, 1), (0, 19))]
    )
    for number in range(batches):
        said = logistic_on(points, rows, codes)
        options = {"label": 1} if strategy == "rare_class" else {}
        picks = select(
            strategy,
            batch_size=size,
            embeddings=points,
            probabilities=said,
            labeled=rows,
            labels=codes[rows],
            seed=number,
            **options,
        )
        rows = np.concatenate([rows, picks])
    return int(codes[rows].sum())


def test_a_rare_class_is_found_with_a_fraction_of_random_labels() -> None:
    rare, random, margin = (
        np.mean([found_after(name, seed) for seed in range(5)]) for name in ("rare_class", "random", "margin")
    )
    assert rare > 5 * random
    assert rare > margin


def test_the_class_is_named_by_its_name_or_is_the_rarest_labeled_one() -> None:
    points, codes = rare_pool(0)
    rows = np.sort(np.concatenate([np.flatnonzero(codes == 1)[:3], np.flatnonzero(codes == 0)[:20]]))
    context = Context(
        candidates=np.setdiff1d(np.arange(2000), rows),
        labeled=rows,
        probabilities=logistic_on(points, rows, codes),
        embeddings=points,
        seed=0,
        labels=codes[rows],
        classes=("ham", "spam"),
    )
    named = select_rows(make_strategy("rare_class", {"label": "spam"}), context, 15).rows.tolist()
    assert named == select_rows(make_strategy("rare_class"), context, 15).rows.tolist()
    assert named != select_rows(make_strategy("rare_class", {"label": "ham"}), context, 15).rows.tolist()
    with pytest.raises(SettingsError, match=r"'label' is 'eggs', which is no class; there are: ham, spam"):
        select_rows(make_strategy("rare_class", {"label": "eggs"}), context, 15)


def test_before_one_is_found_the_pool_is_covered() -> None:
    points, codes = rare_pool(0)
    rows = np.flatnonzero(codes == 0)[:20]
    given = {"embeddings": points, "labeled": rows, "labels": codes[rows]}
    said = np.full((2000, 2), 0.5, dtype=np.float32)
    picks = select("rare_class", batch_size=10, probabilities=said, label=1, **given)
    covering = select("max_herding", batch_size=10, embeddings=points, probabilities=said, labeled=rows)
    assert picks.tolist() == covering.tolist()


def cloud_pool() -> tuple[np.ndarray, np.ndarray]:
    """Four clouds far apart, 50 points each; row 0 of each cloud is labeled in the tests."""
    random = np.random.default_rng(2)
    corners = 20 * np.eye(4, dtype=np.float32)
    return (np.repeat(corners, 50, axis=0) + random.normal(size=(200, 4))).astype(np.float32), np.arange(
        0, 200, 50
    )


def test_neighbours_of_errors_are_picked_and_of_nothing_else() -> None:
    """Of four labeled rows the model contradicts two: both clouds, and only they, are asked about."""
    points, rows = cloud_pool()
    said = np.tile(np.float32([0.9, 0.1]), (200, 1))
    picks = select(
        "error_based", batch_size=40, embeddings=points, probabilities=said, labeled=rows, labels=[0, 1, 0, 1]
    )
    assert set((picks // 50).tolist()) == {1, 3}
    assert np.bincount(picks // 50).tolist() == [0, 20, 0, 20]


def test_errors_are_those_of_models_that_have_not_seen_the_label() -> None:
    """A learner that knows its labels by heart errs nowhere; held out it errs in two clouds, and in a third
    no model has a say, so that its own word counts."""
    points, rows = cloud_pool()
    labels = np.array([0, 1, 0, 1])
    said = np.tile(np.float32([0.5, 0.5]), (200, 1))
    said[rows] = np.eye(2, dtype=np.float32)[labels]
    given = {"embeddings": points, "probabilities": said, "labeled": rows, "labels": labels}
    held_out = np.full((200, 2), np.nan, dtype=np.float32)
    held_out[rows[:3]] = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]
    by_heart = select("error_based", batch_size=40, **given)
    assert len(set((by_heart // 50).tolist())) == 1, "the tenth with the least probable labels: any one row"
    picks = select("error_based", batch_size=40, held_out=held_out, **given)
    assert np.bincount(picks // 50).tolist() == [0, 20, 20]
    with pytest.raises(DataError, match=r"held_out has shape \(200, 3\)"):
        select("error_based", batch_size=40, held_out=np.zeros((200, 3)), **given)


def test_errors_known_from_elsewhere_are_named_by_id_or_row() -> None:
    points, rows = cloud_pool()
    said = np.tile(np.float32([0.9, 0.1]), (200, 1))
    ids = np.array([f"item-{row}" for row in range(200)])
    given = {"embeddings": points, "probabilities": said, "labeled": rows, "labels": [0, 0, 0, 0], "ids": ids}
    by_id = select("error_based", batch_size=10, wrong=["item-120"], **given)
    assert set((by_id // 50).tolist()) == {2}
    assert by_id.tolist() == select("error_based", batch_size=10, wrong=[120], **given).tolist()
    with pytest.raises(SettingsError, match="names 'item-200', which is no id of the pool"):
        select("error_based", batch_size=10, wrong=["item-200"], **given)
    for outside in (200, -1, 1 << 70):
        with pytest.raises(SettingsError, match=f"names {outside}, which is no id"):
            select("error_based", batch_size=10, wrong=[3, outside], **given)
    numbered = given | {"ids": np.arange(200, 0, -1).astype(str)}
    by_number = select("error_based", batch_size=10, wrong=[80], **numbered)
    assert set((by_number // 50).tolist()) == {2}, "a number that is an id is that id, which row 120 has"


def test_a_balanced_batch_evens_out_what_is_labeled() -> None:
    """Labels so far 6, 2 and 0; a batch of 10 makes it six of each."""
    said = np.full((300, 3), 0.2, dtype=np.float32)
    said[np.arange(300), np.arange(300) % 3] = 0.6
    rows = np.arange(8)
    picks = select("balanced", batch_size=10, probabilities=said, labeled=rows, labels=[0] * 6 + [1] * 2)
    assert np.bincount(picks % 3, minlength=3).tolist() == [0, 4, 6]


def test_of_a_class_the_doubtful_rows_come_first() -> None:
    random = np.random.default_rng(0)
    said = random.dirichlet(np.ones(2), size=100).astype(np.float32)
    picks = select("balanced", batch_size=10, probabilities=said)
    for c in (0, 1):
        mine = picks[said[picks].argmax(axis=1) == c]
        rest = np.setdiff1d(np.flatnonzero(said.argmax(axis=1) == c), mine)
        assert said[mine].max(axis=1).max() <= said[rest].max(axis=1).min()


GIVEN = {
    "embeddings": np.eye(6, dtype=np.float32),
    "probabilities": np.full((6, 2), 0.5, dtype=np.float32),
    "labeled": [4, 1],
}


def test_labels_belong_to_the_rows_in_the_order_they_were_given_in() -> None:
    """Labeled rows may come in any order, once or twice, as a mask, or with labels of all rows."""
    said = np.float32([[0.9, 0.1]] * 6)
    given = {"embeddings": np.arange(6, dtype=np.float32)[:, None], "probabilities": said, "batch_size": 1}
    by_rows = select("error_based", labeled=[5, 0], labels=[1, 0], **given)
    mask = np.array([True, False, False, False, False, True])
    assert by_rows.tolist() == select("error_based", labeled=mask, labels=[0, 1], **given).tolist() == [4]
    assert select("error_based", labeled=[5, 0], labels=[0, 9, 9, 9, 9, 1], **given).tolist() == [4]
    assert select("error_based", labeled=[5, 0, 5], labels=[1, 0, 1], **given).tolist() == [4]


@pytest.mark.parametrize(
    ("labels", "kind", "said"),
    [
        (None, SettingsError, r"'balanced' needs labels \(class codes of the rows that are labeled\)"),
        ([0], DataError, "1 labels for 2 labeled rows"),
        ([0, 2], DataError, "the label of row 1 is 2, but there are 2 classes, 0 to 1"),
        ([0.5, 1.0], DataError, "labels have .* float64; give class codes"),
    ],
)
def test_wrong_labels_are_named(labels, kind, said: str) -> None:
    with pytest.raises(kind, match=said):
        select("balanced", batch_size=2, labels=labels, **GIVEN)


def test_of_many_named_errors_those_that_cover_the_rest_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the first rows of the pool: errors of every cloud are followed, whatever the rows' order."""
    from labelloop.acquisition import error_based

    monkeypatch.setattr(error_based, "MOST_ERRORS", 4)
    points, _ = cloud_pool()
    said = np.tile(np.float32([0.9, 0.1]), (200, 1))
    ids = np.array([f"item-{row:03d}" for row in range(200)])
    given = {"embeddings": points, "probabilities": said, "ids": ids}
    wrong = [row for row in range(200) if row % 50 < 30]
    picks = select("error_based", batch_size=8, wrong=wrong, **given)
    assert np.bincount(picks // 50, minlength=4).min() >= 1
    order = np.random.default_rng(4).permutation(200)
    shuffled = {name: array[order] for name, array in given.items()}
    place = np.argsort(order)
    again = select("error_based", batch_size=8, wrong=place[wrong].tolist(), **shuffled)
    assert ids[order][again].tolist() == ids[picks].tolist()
    for seed in (1, 2):
        other = select("error_based", batch_size=8, wrong=wrong, seed=seed, **given)
        assert set(other.tolist()) == set(picks.tolist())


def test_test_items_are_no_errors_to_follow() -> None:
    points, rows = cloud_pool()
    context = Context(
        candidates=np.setdiff1d(np.arange(200), [*rows, 120, 121]),
        labeled=rows,
        probabilities=np.tile(np.float32([0.9, 0.1]), (200, 1)),
        embeddings=points,
        seed=0,
        labels=np.array([0, 1, 0, 0]),
        reserved=np.array([120, 121]),
    )
    both = select_rows(make_strategy("error_based", {"wrong": [120, 30]}), context, 10)
    assert "1 of 2 errors named are test items and were left aside" in both.reason
    assert (
        both.rows.tolist()
        == select_rows(make_strategy("error_based", {"wrong": [30]}), context, 10).rows.tolist()
    )
    none_left = select_rows(make_strategy("error_based", {"wrong": [120]}), context, 10)
    assert none_left.rows.tolist() == select_rows(make_strategy("error_based"), context, 10).rows.tolist()


def test_hard_negatives_are_sure_of_one_class_among_labels_of_another() -> None:
    """Cloud 1 is labeled 1 and the model says 0 of it, surely: that is where hard negatives are."""
    points, rows = cloud_pool()
    said = np.tile(np.float32([0.6, 0.4]), (200, 1))
    said[50:100] = [0.95, 0.05]
    said[100:150] = [0.99, 0.01]
    given = {"embeddings": points, "probabilities": said, "labeled": rows, "labels": [0, 1, 0, 0]}
    picks = select("hard_negatives", batch_size=30, **given)
    assert set((picks // 50).tolist()) == {1}
    said[0:50] = [0.1, 0.9]  # Sure of class 1 among labels of class 0.
    picks = select("hard_negatives", batch_size=30, label=1, **given)
    assert set((picks // 50).tolist()) == {0}
    with pytest.raises(SettingsError, match="'hard_negatives': the option 'label' is 7"):
        select("hard_negatives", batch_size=3, label=7, **given)


def test_hard_negatives_find_more_mistakes_than_confidence_does() -> None:
    """Of confident predictions (0.8 or more) those among other labels are wrong far more often."""
    random = np.random.default_rng(0)
    codes = random.integers(2, size=3000)
    points = (random.normal(size=(3000, 2)) + 2.5 * codes[:, None]).astype(np.float32)
    island = (random.random(3000) < 0.05) & (codes == 0)
    points[island] = random.normal(
        [5.5, 5.5], 0.3, size=(int(island.sum()), 2)
    )  # A clump of class 0 inside 1.
    rows = np.sort(random.choice(3000, 60, replace=False))
    said = logistic_on(points, rows, codes)
    picks = select("hard_negatives", batch_size=40, embeddings=points, probabilities=said, labeled=rows,
                   labels=codes[rows])  # fmt: skip
    wrong = said.argmax(axis=1) != codes
    sure = np.setdiff1d(np.flatnonzero(said.max(axis=1) >= 0.8), rows)
    assert wrong[picks].mean() > 3 * wrong[sure].mean()
