"""Members of a committee: what each kind is made of, and what it must not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labelloop.errors import SettingsError
from labelloop.models import load_learner, make_learner, save_learner
from labelloop.models.committee import Labels, check_committee, committee_names, draw_labels, train_committee

QUICK = {"epochs": 5, "min_steps": 80, "device": "cpu", "dropout": 0.5}
NETWORKS = {
    "mlp": ("features", {**QUICK, "hidden": [24, 16]}),
    "convnet": ("images", {**QUICK, "width": 8, "hidden": 16, "embedding_size": 4}),
}
COUNT, CLASSES = 90, 3


def rows_for(input_kind: str) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    targets = random.integers(CLASSES, size=COUNT)
    if input_kind == "images":
        images = random.integers(0, 120, size=(COUNT, 8, 8)) + 60 * targets[:, None, None]
        return images.astype(np.uint8), targets
    return (random.normal(size=(COUNT, 5)) + 1.5 * targets[:, None]).astype(np.float32), targets


def new(name: str, **changes: Any) -> Any:
    kind, options = NETWORKS.get(name, ("features", {}))
    return make_learner(
        name, n_classes=CLASSES, seed=1, options={**options, **changes}, input_kind=kind
    )  # fmt: skip


def committee(kind: Any, size: int, name: str, others: tuple[str, ...] = ()) -> tuple[Any, list[Any], Any]:
    """The trained model, the committee's members by name, and the rows they were trained on."""
    inputs, targets = rows_for(NETWORKS.get(name, ("features", {}))[0])
    model = new(name).fit(inputs, targets)
    labels = Labels(
        COUNT,
        lambda of, draws: new(of).fit(inputs, targets, draws),
        lambda: (inputs, targets, None),
    )
    found = train_committee(
        kind, size, name=name, others=others, model=model, labels=labels, seed_of=lambda number: number
    )
    return model, list(found), inputs


networks = pytest.mark.parametrize("name", NETWORKS)
inside = pytest.mark.parametrize("kind", ["snapshots", "dropout"])


@networks
@inside
def test_members_from_inside_a_network_disagree_and_are_saved_like_any_learner(
    kind: str, name: str, tmp_path: Path
) -> None:
    _, members, inputs = committee(kind, 3, name)
    said = []
    for number, (of, member) in enumerate(members):
        save_learner(member, of, tmp_path / str(number))
        said.append(load_learner(tmp_path / str(number)).predict_proba(inputs))
        np.testing.assert_array_equal(said[-1], member.predict_proba(inputs))
    assert [of for of, _ in members] == [name] * 3
    assert all(np.abs(said[a] - said[b]).max() > 0.01 for a, b in ((0, 1), (0, 2), (1, 2)))


@networks
@inside
def test_a_committee_leaves_the_model_as_it_was_and_comes_out_the_same_again(kind: str, name: str) -> None:
    model, members, inputs = committee(kind, 3, name)
    untouched = new(name).fit(*rows_for(NETWORKS[name][0])).predict_proba(inputs)
    np.testing.assert_array_equal(model.predict_proba(inputs), untouched)
    _, again, _ = committee(kind, 3, name)
    for (_, one), (_, other) in zip(members, again, strict=True):
        np.testing.assert_array_equal(one.predict_proba(inputs), other.predict_proba(inputs))


@networks
def test_one_cycle_is_the_plain_training(name: str) -> None:
    model, ((_, member),), inputs = committee("snapshots", 1, name)
    np.testing.assert_array_equal(member.predict_proba(inputs), model.predict_proba(inputs))


@networks
def test_without_dropout_every_thinned_network_is_the_whole_one(name: str) -> None:
    inputs, targets = rows_for(NETWORKS[name][0])
    model = new(name, dropout=0.0).fit(inputs, targets)
    for member in model.thinned([0, 1]):
        np.testing.assert_array_equal(member.predict_proba(inputs), model.predict_proba(inputs))


def test_thinned_networks_are_on_average_what_the_whole_one_is() -> None:
    """The scores of a last layer are linear in its units, so many masks give their mean."""
    inputs, targets = rows_for("features")
    model = new("mlp", hidden=16).fit(inputs, targets)

    def scores(learner: Any) -> np.ndarray:
        logs = np.log(learner.predict_proba(inputs).astype(np.float64))
        return logs - logs[:, :1]

    mean = np.mean([scores(member) for member in model.thinned(range(4000))], axis=0)
    spread = np.std([scores(member) for member in model.thinned(range(400))], axis=0)
    assert np.abs(mean - scores(model)).max() < 5 * spread.max() / np.sqrt(4000)


def test_different_learners_see_all_labels_and_further_ones_see_draws() -> None:
    _, members, inputs = committee("learners", 3, "logistic", ("logistic", "mlp"))
    assert [of for of, _ in members] == ["logistic", "mlp", "logistic"]
    _, targets = rows_for("features")
    whole = new("logistic").fit(inputs, targets).predict_proba(inputs)
    drawn = new("logistic").fit(inputs, targets, draw_labels(COUNT, 2)).predict_proba(inputs)
    np.testing.assert_array_equal(members[0][1].predict_proba(inputs), whole)
    np.testing.assert_array_equal(members[2][1].predict_proba(inputs), drawn)


def test_a_bootstrap_sample_is_as_large_as_the_labels() -> None:
    draws = np.array([draw_labels(50, seed) for seed in range(300)])
    assert (draws.sum(axis=1) == 50).all()
    assert draws.mean(axis=0) == pytest.approx(1, abs=0.3)
    assert ((draws == 0).mean()) == pytest.approx((1 - 1 / 50) ** 50, abs=0.02)


@pytest.mark.parametrize(
    ("kind", "name", "pool", "names", "input_kind", "said"),
    [
        ("snapshots", "logistic", "none", [], "features", "'logistic' has no method snapshots.*mlp"),
        ("dropout", "tfidf_logistic", "none", [], "text", "no method thinned.*committee_of to bootstrap"),
        ("dropout", "mlp", "graph", [], "features", "model.pool is graph"),
        ("learners", "auto", "none", [], "text", "only tfidf_logistic for text"),
        ("learners", "auto", "none", ["logistic", "logistic"], "features", "at least two different"),
        ("learners", "auto", "none", ["logistic", "mpl"], "features", "did you mean 'mlp'"),
    ],
)
def test_a_committee_that_cannot_be_is_refused_before_a_round_is_opened(
    kind: Any, name: str, pool: str, names: list[str], input_kind: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        check_committee(kind, name, pool, names, input_kind)


def test_members_without_dropout_would_be_one_and_the_same() -> None:
    check_committee("dropout", "mlp", "none", [], "features", {"dropout": 0.1})
    with pytest.raises(SettingsError, match=r"model\.options\.dropout is 0"):
        check_committee("dropout", "mlp", "none", [], "features", {"dropout": 0})


def test_learners_are_by_default_all_that_take_the_input() -> None:
    assert committee_names([], "features") == ["logistic", "mlp"]
    assert committee_names([], "images") == ["logistic", "mlp", "convnet"]
