"""What `model.pool: auto` stands for, and why."""

from __future__ import annotations

from typing import Any

import pytest

from labelloop.errors import SettingsError
from labelloop.models import choose_pool, make_learner
from labelloop.models.pool_choice import LARGEST, PoolChoice
from labelloop.settings.model import Model


@pytest.mark.parametrize(
    ("model", "kind"),
    [({}, "features"), ({"name": "logistic"}, "images"), ({"name": "mlp"}, "features"),
     ({"committee": 5}, "features"), ({"committee_of": "dropout", "name": "mlp"}, "features")],
)  # fmt: skip
def test_auto_is_the_graph_where_it_was_measured_to_help(model: dict[str, Any], kind: str) -> None:
    """No committee is wanted in the last one."""
    choice = choose_pool(Model(**model), kind, LARGEST)
    assert choice.pool == "graph"
    assert choice.why.startswith("`model.pool: auto` is graph here") and f"{LARGEST:,}" in choice.why


@pytest.mark.parametrize(
    ("model", "kind", "items", "why"),
    [
        ({}, "text", 100, "tfidf_logistic"),
        ({}, "images", 100, "convnet"),
        ({}, "features", LARGEST + 1, f"{LARGEST + 1:,}"),
        ({"name": "mine:Learner"}, "features", 100, "mine:Learner would be trained four times"),
        ({"label_weights": "soft"}, "features", 100, "label_weights is soft"),
        (
            {"name": "mlp", "committee": 2, "committee_of": "dropout"},
            "features",
            100,
            "committee_of is dropout",
        ),
        ({"name": "mlp", "committee": 2, "committee_of": "snapshots"}, "features", 100, "is snapshots"),
    ],
)
def test_auto_is_the_plain_learner_elsewhere_and_says_why(
    model: dict[str, Any], kind: str, items: int, why: str
) -> None:
    choice = choose_pool(Model(**model), kind, items)
    assert choice.pool == "none"
    assert choice.why.startswith("`model.pool: auto` is none here: ") and why in choice.why


@pytest.mark.parametrize("pool", ["none", "graph", "self_training", "either"])
def test_what_params_name_is_taken_as_it_is(pool: str) -> None:
    """Also against the rules: with a text, in a pool of any size."""
    model = Model.model_validate({"pool": pool})
    assert choose_pool(model, "text", 100 * LARGEST) == PoolChoice(pool)


def test_a_learner_is_not_made_with_auto() -> None:
    """Which it is depends on the pool; taking it for one or the other would be a guess."""
    with pytest.raises(SettingsError, match=r"'auto'.*choose_pool"):
        make_learner("logistic", n_classes=2, seed=0, options={}, input_kind="features", pool="auto")
