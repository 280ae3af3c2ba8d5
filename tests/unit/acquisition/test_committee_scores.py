"""What a committee's disagreement is worth: values found by hand, and what each score must ignore."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labelloop.acquisition import select, select_picks
from labelloop.acquisition.committee import bald, consensus_entropy, mean_kl, member_variance, vote_entropy

SCORES = [bald, vote_entropy, consensus_entropy, mean_kl, member_variance]
every_score = pytest.mark.parametrize("score", SCORES, ids=lambda score: score.__name__)


def stacked(*rows_by_member: list[list[float]]) -> np.ndarray:
    return np.array(rows_by_member, dtype=np.float32)


def test_members_certain_of_different_classes_disagree_as_much_as_can_be() -> None:
    members = stacked([[1, 0]], [[0, 1]])
    for score in SCORES:
        np.testing.assert_allclose(score(members), [1.0], atol=1e-6)


def test_doubt_that_members_share_is_no_disagreement() -> None:
    """Only consensus entropy asks about it: it is the noise of the data, not the members' ignorance."""
    members = stacked([[0.5, 0.5]], [[0.5, 0.5]])
    assert [float(score(members)[0]) for score in (bald, mean_kl, member_variance, vote_entropy)] == [0] * 4
    assert consensus_entropy(members)[0] == pytest.approx(1)


def test_vote_entropy_counts_votes_only() -> None:
    """Two of three votes: -(2/3 log 2/3 + 1/3 log 1/3) / log 3, however sure the votes are."""
    sure = stacked([[1, 0, 0]], [[1, 0, 0]], [[0, 1, 0]])
    unsure = stacked([[0.4, 0.3, 0.3]], [[0.4, 0.3, 0.3]], [[0.3, 0.4, 0.3]])
    expected = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(3)
    np.testing.assert_allclose([vote_entropy(sure)[0], vote_entropy(unsure)[0]], expected, rtol=1e-6)


def test_variance_sees_the_size_of_a_difference_and_bald_what_it_tells() -> None:
    """Two members 0.1 apart, about an even chance and near certainty."""
    members = stacked([[0.5, 0.5], [0.9, 0.1]], [[0.6, 0.4], [1.0, 0.0]])
    np.testing.assert_allclose(member_variance(members), [2 * 0.05**2 / 0.5] * 2, rtol=1e-5)
    assert bald(members)[1] > 4 * bald(members)[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(0, 10**6))
def test_mean_kl_and_bald_are_one_number_found_from_two_ends(m: int, c: int, seed: int) -> None:
    members = np.random.default_rng(seed).dirichlet(np.full(c, 0.3), size=(m, 30)).astype(np.float32)
    np.testing.assert_allclose(mean_kl(members), bald(members), atol=2e-6)


@every_score
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_neither_the_order_of_members_nor_other_rows_matter(score, seed: int) -> None:
    random = np.random.default_rng(seed)
    members = random.dirichlet(np.ones(4), size=(3, 200)).astype(np.float32)
    rows = random.permutation(200)[:50]
    np.testing.assert_allclose(score(members[::-1], rows), score(members)[rows], atol=1e-6)
    assert score(members, rows).tobytes() == score(members[:, rows]).tobytes()


def test_power_bald_at_no_power_is_random_and_at_much_power_is_bald() -> None:
    members = np.random.default_rng(1).dirichlet(np.ones(3), size=(4, 300)).astype(np.float32)
    plain = select("bald", batch_size=20, members=members).tolist()
    assert select("power_bald", batch_size=20, members=members, power=1e5).tolist() == plain
    drawn = [
        select_picks("power_bald", batch_size=20, members=members, power=0, seed=seed) for seed in range(20)
    ]
    assert len({row for picks in drawn for row in picks.rows.tolist()}) > 150
    sizes = [picks.probabilities.sum() for picks in drawn]
    assert np.mean([1 / picks.probabilities.mean() for picks in drawn]) == pytest.approx(15, rel=0.25), sizes
