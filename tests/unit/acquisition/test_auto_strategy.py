"""Auto: which phase it is in follows from the labels, and from nothing else; the reason says so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from labelloop.acquisition import Context, Picks, make_strategy, select_rows
from labelloop.acquisition.competence import competence

CLASSES = 4


def pool(spread: float = 1.0, n: int = 800, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Four clouds in eight dimensions; the larger the spread the less can be learned."""
    random = np.random.default_rng(seed)
    codes = random.integers(CLASSES, size=n)
    points = 4 * np.eye(CLASSES, 8)[codes] + spread * random.normal(size=(n, 8))
    return points.astype(np.float32), codes.astype(np.int64)


def context(labels: int, spread: float = 1.0, seed: int = 0, told: bool = True) -> Context:
    points, codes = pool(spread)
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(points), labels, replace=False))
    said = random.dirichlet(np.ones(CLASSES), size=len(points)).astype(np.float32)
    return Context(
        candidates=np.setdiff1d(np.arange(len(points)), rows),
        labeled=rows,
        probabilities=said,
        embeddings=points,
        seed=5,
        ids=np.array([f"i{row}" for row in range(len(points))], dtype=object),
        labels=codes[rows] if told else np.full(labels, -1),
    )


def run(name: str, given: Context, **options: float) -> Picks:
    return select_rows(make_strategy(name, options), given, 12)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (context(0), "typiclust"),
        (context(3), "typiclust"),
        (context(40, spread=200.0), "typiclust"),
        (context(40, told=False), "typiclust"),
        (context(40), "uherding"),
        (context(100), "uherding"),
        (context(100, spread=200.0), "typiclust"),
    ],
    ids=[
        "no label",
        "three labels",
        "nothing to learn",
        "nobody answered",
        "some",
        "many",
        "many of nothing",
    ],
)
def test_the_phase_follows_from_what_the_labels_show(given: Context, expected: str) -> None:
    picks = run("auto", given)
    options = {"directions": True, "disagreement": 1.0} if expected == "uherding" else {}
    assert picks.rows.tolist() == run(expected, given, **options).rows.tolist()
    assert f"({expected})" in picks.reason
    assert make_strategy("auto").goes_by_doubt(given) == (expected == "uherding")


def test_it_goes_by_no_doubt_where_all_that_does_is_left_out() -> None:
    given = context(40)
    for left_out, doubts in (({"uherding": "slow"}, True), ({"uherding": "slow", "margin": "worse"}, False)):
        assert make_strategy("auto", {"left_out": left_out}).goes_by_doubt(given) == doubts


def test_the_reason_names_the_numbers_it_rests_on() -> None:
    found = competence(context(40))
    reason = run("auto", context(40)).reason
    assert f"{found.recall:.0%}" in reason and "40 labels of 4 classes" in reason


def test_new_classes_bring_coverage_back() -> None:
    """Labels become classes of one label each, which nothing can be learned of."""
    given = context(40)
    rare = np.arange(40) // 2 + CLASSES
    said = np.random.default_rng(0).dirichlet(np.ones(60), size=len(given.embeddings)).astype(np.float32)
    assert "(uherding)" in run("auto", given).reason
    assert "(typiclust)" in run("auto", dataclasses.replace(given, labels=rare, probabilities=said)).reason


def test_leaving_out_has_the_value_of_fitting_without_the_row() -> None:
    """The closed form against one ridge regression a row."""
    from labelloop.acquisition.competence import _left_out

    points, codes = pool(spread=3.0, n=40)
    points = points.astype(np.float64)
    scaled = (points - points.mean(axis=0)) / points.std(axis=0)
    kernel = scaled @ scaled.T / scaled.shape[1] + 1 / len(points)
    onehot = np.eye(CLASSES)[codes]
    expected = []
    for row in range(len(points)):
        kept = np.arange(len(points)) != row
        weights = np.linalg.solve(kernel[np.ix_(kept, kept)] + 0.1 * np.eye(kept.sum()), onehot[kept])
        expected.append((kernel[row, kept] @ weights).argmax())
    assert _left_out(points, codes).tolist() == expected


@pytest.mark.parametrize("seed", range(5))
def test_labels_that_embeddings_say_nothing_of_are_not_taken_for_competence(seed: int) -> None:
    given = context(120, seed=seed)
    shuffled = np.random.default_rng(seed).permutation(given.labels)
    assert not competence(dataclasses.replace(given, labels=shuffled)).shown
    assert competence(given).shown


def test_a_frequent_class_alone_is_no_competence() -> None:
    """With 95 of 100 labels of one class, always saying that class is right often, and recalls one of two."""
    points, codes = pool(spread=200.0)
    rows = np.arange(100)
    labels = np.zeros(100, dtype=np.int64)
    labels[:5] = 1
    given = dataclasses.replace(context(0), candidates=np.arange(100, 800), labeled=rows, labels=labels)
    given = dataclasses.replace(given, embeddings=points)
    assert codes.max() == 3 and not competence(given).shown
