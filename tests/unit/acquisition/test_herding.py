"""Herding picks the greedy maximum of the coverage, by its definition."""

from __future__ import annotations

import numpy as np
import pytest

from labelloop.acquisition import Context, make_strategy, select_rows
from labelloop.acquisition.herding import LEAST_WIDTH
from labelloop.errors import DataError


def made(n: int = 150, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)).astype(np.float32), rng.dirichlet(np.ones(4), size=n).astype(np.float32)


def shortfalls(
    context: Context,
    doubts: np.ndarray,
    rows: np.ndarray,
    quantile: float,
    disagreement: float = 0.0,
    costs: np.ndarray | None = None,
) -> np.ndarray:
    """By how much each pick falls short of the best one at its turn; the definition, in float64.

    The coverage of every candidate from nothing, for every pick; all candidates are targets. Two rows that
    are each other's nearest gain exactly the same, so the picks themselves cannot be compared.
    """
    points, candidates = context.embeddings.astype(np.float64), context.candidates
    squared = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    among = squared[np.ix_(context.labeled, context.labeled)] + np.diag(np.full(len(context.labeled), np.inf))
    roots = np.sqrt(context.probabilities.astype(np.float64))
    apart = 2 - 2 * roots @ roots.T
    kernel = np.exp(-squared / np.quantile(among.min(axis=1), quantile) - disagreement * apart)
    covered, short = list(context.labeled), []
    for row in rows:
        before = (doubts[candidates] * kernel[np.ix_(candidates, covered)].max(axis=1)).sum()
        coverage = [
            (doubts[candidates] * kernel[np.ix_(candidates, [*covered, c])].max(axis=1)).sum() - before
            for c in candidates
        ]
        worth = np.array(coverage) / (1 if costs is None else costs[candidates])
        short.append(worth.max() - worth[candidates.tolist().index(row)])
        covered.append(int(row))
    return np.array(short)


@pytest.mark.parametrize("name", ["uherding", "max_herding"])
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_every_pick_is_the_best_by_the_definition(name: str, quantile: float) -> None:
    embeddings, probabilities = made()
    labeled = np.arange(0, 150, 10)
    top = np.sort(probabilities, axis=1)
    doubts = 1 - (top[:, -1] - top[:, -2]) if name == "uherding" else np.ones(150)
    context = Context(np.setdiff1d(np.arange(150), labeled), labeled, probabilities, embeddings, seed=1)
    picks = select_rows(make_strategy(name, {"radius_quantile": quantile}), context, 20)
    assert shortfalls(context, doubts, picks.rows, quantile).max() < 1e-5


@pytest.mark.parametrize("disagreement", [0.5, 3.0])
def test_predictions_that_disagree_lower_the_kernel_by_their_hellinger_distance(disagreement: float) -> None:
    embeddings, probabilities = made()
    labeled = np.arange(0, 150, 10)
    top = np.sort(probabilities, axis=1)
    context = Context(np.setdiff1d(np.arange(150), labeled), labeled, probabilities, embeddings, seed=1)
    plain = select_rows(make_strategy("uherding"), context, 20).rows
    picks = select_rows(make_strategy("uherding", {"disagreement": disagreement}), context, 20).rows
    doubts = 1 - (top[:, -1] - top[:, -2])
    assert shortfalls(context, doubts, picks, 0.1, disagreement).max() < 1e-5
    assert shortfalls(context, doubts, plain, 0.1, disagreement).max() > 1e-3


def test_predictions_count_wherever_their_rows_lie_and_whatever_their_type() -> None:
    embeddings, probabilities = made()
    ids = np.array([f"i{row}" for row in range(150)], dtype=object)
    order = np.random.default_rng(5).permutation(150)

    def run(rows: np.ndarray, kind: str) -> list[str]:
        said = np.asfortranarray(probabilities[rows].astype(np.float16).astype(kind))
        place = np.argsort(rows)
        parts = np.sort(place[10:]), np.sort(place[:10])
        context = Context(*parts, said, embeddings[rows], seed=1, ids=ids[rows])
        picks = select_rows(make_strategy("uherding", {"disagreement": 1.0}), context, 20)
        return ids[rows][picks.rows].tolist()

    assert run(np.arange(150), "float32") == run(order, "float32") == run(order, "float16")


def test_two_answers_are_asked_for_where_neighbours_are_taken_for_different_classes() -> None:
    """Two clouds in one place, a smaller one far off, two picks: opinions decide what is to cover."""
    random = np.random.default_rng(4)
    member = np.repeat([0, 1, 2], [50, 50, 20])
    embeddings = 10 * np.array([[0, 0], [0, 0], [9, 9]])[member] + random.normal(size=(120, 2))
    said = np.array([[0.6, 0.4, 0, 0], [0, 0, 0.6, 0.4], [0.6, 0.4, 0, 0]])[member]
    context = Context(np.arange(120), np.arange(0), said.astype(np.float32), embeddings.astype(np.float32), 1)

    def picked(disagreement: float) -> set[int]:
        options = {"disagreement": disagreement, "radius_quantile": 1.0}
        return set(member[select_rows(make_strategy("uherding", options), context, 2).rows].tolist())

    assert picked(20.0) == {0, 1}
    assert 2 in picked(0.0)


@pytest.mark.parametrize("name", ["uherding", "max_herding"])
def test_with_costs_every_pick_is_the_best_gain_over_its_cost(name: str) -> None:
    embeddings, probabilities = made()
    labeled, costs = np.arange(0, 150, 10), np.random.default_rng(4).integers(1, 9, size=150) / 4
    top = np.sort(probabilities, axis=1)
    doubts = 1 - (top[:, -1] - top[:, -2]) if name == "uherding" else np.ones(150)
    rows = np.setdiff1d(np.arange(150), labeled)
    context = Context(rows, labeled, probabilities, embeddings, seed=1, costs=costs)
    picks = select_rows(make_strategy(name, {"radius_quantile": 0.5}), context, 20)
    assert shortfalls(context, doubts, picks.rows, 0.5, costs=costs).max() < 1e-4
    assert costs[picks.rows].mean() < 0.8 * costs.mean()


@pytest.mark.parametrize("name", ["uherding", "max_herding"])
def test_directions_are_points_of_length_one_about_the_mean_of_the_candidates(name: str) -> None:
    random = np.random.default_rng(0)
    points = random.normal(size=(150, LEAST_WIDTH)) * random.lognormal(sigma=1.5, size=(150, 1))
    points[149] = -points[10:149].sum(axis=0)
    units = points / np.linalg.norm(points, axis=1, keepdims=True)
    said = random.dirichlet(np.ones(4), size=150).astype(np.float32)
    ids = np.array([f"i{row}" for row in range(150)], dtype=object)

    def run(embeddings: np.ndarray, directions: bool) -> list[int]:
        given = embeddings.astype(np.float32)
        context = Context(np.arange(10, 150), np.arange(10), said, given, seed=1, ids=ids)
        return select_rows(make_strategy(name, {"directions": directions}), context, 20).rows.tolist()

    assert run(points + 7, directions=True) == run(units, directions=False)
    assert run(points, directions=False) != run(units, directions=False)


@pytest.mark.parametrize("width", [1, 2, LEAST_WIDTH - 1])
def test_few_axes_keep_their_lengths(width: int) -> None:
    embeddings = np.random.default_rng(2).normal(size=(80, width)).astype(np.float32)
    context = Context(np.arange(80), np.arange(0), None, embeddings, seed=1)
    plain, scaled = (
        select_rows(make_strategy("max_herding", {"directions": directions}), context, 10)
        for directions in (False, True)
    )
    assert plain.rows.tolist() == scaled.rows.tolist()


def test_what_is_labeled_counts_as_covered() -> None:
    """Of two equal clouds the one with labels comes second, and the first pick is in the other's middle."""
    rng = np.random.default_rng(1)
    embeddings = np.concatenate([rng.normal(size=(50, 2)), 100 + rng.normal(size=(50, 2))]).astype(np.float32)
    context = Context(np.arange(5, 100), np.arange(5), None, embeddings, seed=1)
    first = select_rows(make_strategy("max_herding", {"radius_quantile": 1.0}), context, 1).rows[0]
    assert first >= 50
    assert np.linalg.norm(embeddings[first] - embeddings[50:].mean(axis=0)) < 1


def test_a_cold_start_picks_in_every_cloud() -> None:
    rng = np.random.default_rng(3)
    member = np.repeat(np.arange(8), 25)
    embeddings = (40 * rng.normal(size=(8, 5))[member] + rng.normal(size=(200, 5))).astype(np.float32)
    context = Context(np.arange(200), np.arange(0), None, embeddings, seed=1)
    rows = select_rows(make_strategy("max_herding"), context, 8).rows
    assert sorted(member[rows].tolist()) == list(range(8))


def test_certain_regions_are_left_alone() -> None:
    """UHerding spends no pick where the model has no doubt."""
    embeddings, probabilities = made(200)
    embeddings[:100] += 50
    probabilities[:100] = [1, 0, 0, 0]
    context = Context(np.arange(200), np.arange(0), probabilities, embeddings, seed=1)
    assert (select_rows(make_strategy("uherding"), context, 15).rows >= 100).all()


def test_labeled_rows_that_were_not_scored_are_told_of_where_they_are_read() -> None:
    """Predictions of labeled rows say what they cover; without them a pick could never be settled."""
    embeddings, probabilities = made(60)
    probabilities[:10] = np.nan
    context = Context(np.arange(10, 60), np.arange(10), probabilities, embeddings, seed=1)
    with pytest.raises(DataError, match="probabilities"):
        select_rows(make_strategy("uherding", {"disagreement": 1.0}), context, 5)
    assert len(select_rows(make_strategy("uherding"), context, 5).rows) == 5


@pytest.mark.parametrize("name", ["uherding", "max_herding"])
@pytest.mark.parametrize("scale", [1e-25, 1e-22, 1e13])
@pytest.mark.parametrize("known", [0, 15])
def test_no_scale_of_the_embeddings_keeps_it_from_coming_to_an_end(
    name: str, scale: float, known: int
) -> None:
    """Gains stay numbers where the squared radius, or one over it, is beyond what float32 holds."""
    embeddings, probabilities = made()
    labeled = np.arange(known)
    points = (embeddings * scale).astype(np.float32)
    context = Context(np.arange(known, 150), labeled, probabilities, points, seed=1)
    assert np.isfinite(select_rows(make_strategy(name), context, 20).scores).all()


@pytest.mark.parametrize("name", ["uherding", "max_herding", "k_center", "k_means"])
def test_what_float32_cannot_square_is_refused(name: str) -> None:
    embeddings, probabilities = made()
    points = (embeddings * 1e25).astype(np.float32)
    context = Context(np.arange(150), np.arange(0), probabilities, points, seed=1)
    with pytest.raises(DataError, match="embeddings of row 0 are too large"):
        select_rows(make_strategy(name), context, 3)
