"""What every fusion method must keep to; a new one is tested by being in `FUSERS`.

Methods of other packages are left out, and said, where the package is not installed (the extra `peers`).
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from labelloop.fusion import FUSERS, PEERS, make_fuser
from labelloop.fusion.base import Votes


def _case(method: str) -> object:
    missing = method in PEERS and importlib.util.find_spec(PEERS[method]) is None
    reason = f"{method} needs the package {PEERS.get(method)}, which is not installed"
    return pytest.param(method, marks=pytest.mark.skipif(missing, reason=reason))


pytestmark = pytest.mark.parametrize("method", [_case(method) for method in sorted(FUSERS)])

RANDOM_BY_NAME = {"crowdkit_mace": "starts annotators and classes at random numbers in their order"}
"""Methods of others whose result depends on names."""

SINGLE_PRECISION = {"snorkel_label_model": 1e-5}
"""Methods of others that compute in float32, and what another order of sums may change in them."""


def names_do_not_matter(method: str) -> None:
    """Skip a test of names where another's method is known not to keep to it."""
    if method in RANDOM_BY_NAME:
        pytest.skip(f"{method} {RANDOM_BY_NAME[method]}")


def near(method: str) -> dict[str, float]:
    """Tolerances for what is equal but for the order of sums."""
    return {"atol": SINGLE_PRECISION.get(method, 1e-9), "rtol": SINGLE_PRECISION.get(method, 1e-7)}


def some_votes(n_items: int = 40, n_annotators: int = 7, n_classes: int = 4, per_item: int = 4) -> Votes:
    """Votes of people who are right seven times in ten."""
    rng = np.random.default_rng(11)
    truth = rng.integers(0, n_classes, n_items)
    item = np.repeat(np.arange(n_items), per_item)
    annotator = np.concatenate([rng.choice(n_annotators, per_item, replace=False) for _ in range(n_items)])
    label = np.where(rng.random(len(item)) < 0.7, truth[item], rng.integers(0, n_classes, len(item)))
    return coded(item, annotator, label, n_classes, n_items, n_annotators)


def coded(item: np.ndarray, annotator: np.ndarray, label: np.ndarray, *sizes: int) -> Votes:
    """`sizes`: number of classes, items and annotators."""
    n_classes, n_items, n_annotators = sizes
    items = np.array([f"i{n:04}" for n in range(n_items)], dtype=object)
    people = np.array([f"a{n:04}" for n in range(n_annotators)], dtype=object)
    item, annotator, label = (np.asarray(codes, dtype=np.int64) for codes in (item, annotator, label))
    return Votes(items, people, tuple(f"c{n:04}" for n in range(n_classes)), item, annotator, label)


def test_the_shapes_and_types_are_those_of_the_contract(method: str) -> None:
    fusion = make_fuser(method)(some_votes())
    assert fusion.posterior.shape == (40, 4)
    assert fusion.posterior.dtype == np.float64
    assert fusion.label.shape == (40,)
    assert fusion.label.dtype == np.int64
    assert fusion.tie.shape == (40,)
    assert fusion.tie.dtype == np.bool_
    parts = [part.split("/") for part in fusion.method.split("+")]
    assert parts[0][0] == method
    # Methods of other packages have the package's version.
    assert all(version.replace(".", "" if method in PEERS else ".").isdecimal() for _, version in parts)


def test_posterior_rows_are_probabilities(method: str) -> None:
    posterior = make_fuser(method)(some_votes()).posterior
    assert (posterior >= 0).all()
    np.testing.assert_allclose(posterior.sum(axis=1), 1, atol=1e-12)


def test_the_label_is_among_the_likeliest(method: str) -> None:
    fusion = make_fuser(method)(some_votes())
    chosen = fusion.posterior[np.arange(len(fusion.label)), fusion.label]
    np.testing.assert_allclose(chosen, fusion.posterior.max(axis=1), atol=1e-12)


def test_the_order_of_votes_does_not_matter(method: str) -> None:
    votes = some_votes()
    order = np.random.default_rng(0).permutation(len(votes.item))
    shuffled = Votes(votes.items, votes.annotators, votes.classes, votes.item[order], votes.annotator[order],
                     votes.label[order])  # fmt: skip
    one, other = make_fuser(method)(votes), make_fuser(method)(shuffled)
    np.testing.assert_allclose(one.posterior, other.posterior, **near(method))
    np.testing.assert_array_equal(one.label, other.label)
    np.testing.assert_array_equal(one.tie, other.tie)


def test_renaming_annotators_does_not_matter(method: str) -> None:
    names_do_not_matter(method)
    votes = some_votes()
    code = np.random.default_rng(1).permutation(len(votes.annotators))
    renamed = Votes(
        votes.items, votes.annotators, votes.classes, votes.item, code[votes.annotator], votes.label
    )
    np.testing.assert_allclose(
        make_fuser(method)(votes).posterior, make_fuser(method)(renamed).posterior, **near(method)
    )


def test_renaming_items_moves_the_rows_along(method: str) -> None:
    names_do_not_matter(method)
    votes = some_votes()
    code = np.random.default_rng(2).permutation(len(votes.items))
    renamed = Votes(
        votes.items, votes.annotators, votes.classes, code[votes.item], votes.annotator, votes.label
    )
    one, other = make_fuser(method)(votes), make_fuser(method)(renamed)
    np.testing.assert_allclose(one.posterior, other.posterior[code], **near(method))
    np.testing.assert_array_equal(one.label, other.label[code])


def test_renaming_classes_moves_the_columns_along(method: str) -> None:
    names_do_not_matter(method)
    votes = some_votes()
    code = np.random.default_rng(3).permutation(len(votes.classes))
    renamed = Votes(
        votes.items, votes.annotators, votes.classes, votes.item, votes.annotator, code[votes.label]
    )
    one, other = make_fuser(method)(votes), make_fuser(method)(renamed)
    np.testing.assert_allclose(one.posterior, other.posterior[:, code], **near(method))
    np.testing.assert_array_equal(one.tie, other.tie)
    np.testing.assert_array_equal(code[one.label][~one.tie], other.label[~one.tie])


def test_the_same_votes_give_the_same_bits(method: str) -> None:
    votes = some_votes()
    assert make_fuser(method)(votes).posterior.tobytes() == make_fuser(method)(votes).posterior.tobytes()


def test_unanimous_votes_win(method: str) -> None:
    item = np.repeat(np.arange(12), 3)
    agreed = coded(item, np.tile(np.arange(3), 12), (item * 5) % 4, 4, 12, 3)
    fusion = make_fuser(method)(agreed)
    np.testing.assert_array_equal(fusion.label, (np.arange(12) * 5) % 4)
    assert not fusion.tie.any()


def test_one_vote_an_item_is_enough(method: str) -> None:
    label = np.arange(30) % 3
    fusion = make_fuser(method)(coded(np.arange(30), np.arange(30) % 5, label, 3, 30, 5))
    np.testing.assert_array_equal(fusion.label, label)


def test_one_annotator_is_believed(method: str) -> None:
    label = np.arange(20) % 3
    fusion = make_fuser(method)(coded(np.arange(20), np.zeros(20), label, 3, 20, 1))
    np.testing.assert_array_equal(fusion.label, label)


def test_a_class_that_nobody_chose_keeps_its_column(method: str) -> None:
    item = np.repeat(np.arange(10), 3)
    fusion = make_fuser(method)(coded(item, np.tile(np.arange(3), 10), item % 2, 5, 10, 3))
    assert fusion.posterior.shape == (10, 5)
    assert set(fusion.label) == {0, 1}


def test_a_thousand_classes_work(method: str) -> None:
    item = np.repeat(np.arange(50), 3)
    label = (item * 19) % 1000
    fusion = make_fuser(method)(coded(item, np.tile(np.arange(3), 50), label, 1000, 50, 3))
    np.testing.assert_array_equal(fusion.label, (np.arange(50) * 19) % 1000)
    np.testing.assert_allclose(fusion.posterior.sum(axis=1), 1, atol=1e-9)


def test_no_votes_give_an_empty_result(method: str) -> None:
    fusion = make_fuser(method)(coded(np.empty(0), np.empty(0), np.empty(0), 3, 0, 0))
    assert fusion.posterior.shape == (0, 3)
    assert fusion.label.shape == fusion.tie.shape == (0,)


def test_known_items_keep_their_class_whatever_the_votes_say(method: str) -> None:
    votes = some_votes()
    gold = np.full(len(votes.items), -1)
    gold[:3] = make_fuser(method)(votes).label[:3]
    gold[3] = (make_fuser(method)(votes).label[3] + 1) % len(votes.classes)
    fusion = make_fuser(method)(votes, gold=gold)
    np.testing.assert_array_equal(fusion.label[:4], gold[:4])
    np.testing.assert_array_equal(fusion.posterior[range(4), gold[:4]], 1)
    assert not fusion.tie[:4].any()
    np.testing.assert_array_equal(fusion.gold, gold >= 0)
