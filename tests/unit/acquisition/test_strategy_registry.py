"""Strategies by name, and what a wrong name is told."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import labelloop
from labelloop.acquisition import STRATEGIES, Context, Picks, make_strategy, needs, select_rows
from labelloop.acquisition.options import LIMITS, SWITCHES
from labelloop.errors import SettingsError


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module of the user's: `own(source)` writes it and gives its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def own(source: str) -> str:
        name = f"own_strategies_{len(source)}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        return name

    return own


def test_each_built_in_says_what_it_needs() -> None:
    reads = {name: set(make_strategy(name, {}).needs) for name in STRATEGIES}
    assert reads == {
        "random": set(),
        "least_confident": {"probabilities"},
        "margin": {"probabilities"},
        "entropy": {"probabilities"},
        "k_means": {"embeddings"},
        "k_center": {"embeddings"},
        "power_margin": {"probabilities"},
        "density_weighted": {"probabilities", "embeddings"},
        "cluster_margin": {"probabilities", "embeddings"},
        "ranked_batch": {"probabilities", "embeddings"},
        "typiclust": {"embeddings"},
        "max_herding": {"embeddings"},
        "uherding": {"probabilities", "embeddings"},
        "badge": {"probabilities", "embeddings"},
        "bald": {"members"},
        "power_bald": {"members"},
        "power_least_confident": {"probabilities"},
        "power_entropy": {"probabilities"},
        "power_member_variance": {"members"},
        "vote_entropy": {"members"},
        "consensus_entropy": {"members"},
        "mean_kl": {"members"},
        "member_variance": {"members"},
        "dropquery": {"probabilities", "embeddings"},
        "error_based": {"probabilities", "embeddings", "labels"},
        "rare_class": {"probabilities", "embeddings", "labels"},
        "hard_negatives": {"probabilities", "embeddings", "labels"},
        "balanced": {"probabilities", "labels"},
        "relabel": {"probabilities", "beliefs"},
        "auto": {"probabilities", "embeddings", "labels"},
    }


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(SettingsError, match="'margn'; did you mean 'margin'"):
        make_strategy("margn", {})


def test_a_strange_name_is_told_all_names() -> None:
    with pytest.raises(SettingsError, match=", ".join(STRATEGIES)):
        make_strategy("zzz", {})


def test_an_unknown_option_is_told_the_real_ones() -> None:
    with pytest.raises(SettingsError, match=r"no option 'clusters'; it has: max_clusters, mini_batch_above"):
        make_strategy("k_means", {"clusters": 3})


def test_an_option_of_a_strategy_without_options_is_refused() -> None:
    with pytest.raises(SettingsError, match="'margin' has no option 'temperature'; it has none"):
        make_strategy("margin", {"temperature": 2})


OWN = """
import numpy as np
from labelloop.acquisition import Picks

def last(context, batch_size, *, skip, step=1):
    rows = context.candidates[::-step][skip : skip + batch_size]
    return Picks(rows, np.full(batch_size, np.nan), np.ones(batch_size))
"""


def test_the_users_own_function_picks_with_its_options(own_module) -> None:
    strategy = make_strategy(f"{own_module(OWN)}:last", {"skip": 1})
    context = Context(np.arange(9), np.arange(0), np.full((9, 2), 0.5), np.eye(9), 0)
    assert select_rows(strategy, context, 3).rows.tolist() == [7, 6, 5]


def test_the_users_own_function_needs_everything_unless_it_says_otherwise(own_module) -> None:
    name = own_module(OWN + "\ndef lean(context, batch_size): ...\nlean.needs = 'embeddings'\n")
    assert make_strategy(f"{name}:last", {"skip": 0}).needs == {"probabilities", "embeddings"}
    assert make_strategy(f"{name}:lean", {}).needs == {"embeddings"}


def test_a_missing_option_is_named(own_module) -> None:
    with pytest.raises(SettingsError, match="needs the option 'skip'"):
        make_strategy(f"{own_module(OWN)}:last", {})


def test_a_need_that_nobody_can_meet_is_refused(own_module) -> None:
    name = own_module(OWN + "\nlast.needs = {'gradients'}\n")
    with pytest.raises(
        SettingsError, match="needs 'gradients', but there is only: probabilities, embeddings"
    ):
        make_strategy(f"{name}:last", {"skip": 0})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_such_module_here:pick", "no module 'no_such_module_here'"),
        ("no_such_module_here.deep:pick", "no module 'no_such_module_here'"),
        ("math:no_such_name", "has no such name"),
        ("math:pi", "is not a function"),
        (":pick", "must be written 'package.module:function'"),
    ],
)
def test_a_function_that_is_not_there_is_explained(name: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        make_strategy(name, {})


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("power_margin", {"power": -3}, "'power' is -3; it must be a number at least 0"),
        ("power_bald", {"power": float("inf")}, "'power' is inf"),
        ("density_weighted", {"beta": "much"}, "'beta' is 'much'; it must be a number"),
        ("uherding", {"targets": 0}, "'targets' is 0; it must be a whole number at least 1"),
        ("max_herding", {"targets": True}, "'targets' is True"),
        ("uherding", {"radius_quantile": 2}, "'radius_quantile' is 2; .* at least 0 and at most 1"),
        ("uherding", {"disagreement": -0.5}, r"'disagreement' is -0\.5"),
        ("max_herding", {"directions": "no"}, "'directions' is 'no'; it must be true or false"),
        ("typiclust", {"neighbours": 0}, "'neighbours' is 0"),
        ("k_means", {"max_clusters": 0}, "'max_clusters' is 0"),
        ("k_means", {"mini_batch_above": 2.5}, r"'mini_batch_above' is 2\.5; it must be a whole number"),
        ("k_center", {"shortlist": 0}, "'shortlist' is 0"),
        ("cluster_margin", {"factor": 0.5}, r"'factor' is 0\.5; it must be a number at least 1"),
        ("dropquery", {"rounds": 0}, "'rounds' is 0"),
        ("dropquery", {"dropout": 1.0}, r"'dropout' is 1\.0; .* above 0 and below 1"),
        ("dropquery", {"dropout": 0}, "'dropout' is 0"),
        ("auto", {"left_out": "uherding"}, "'left_out' is 'uherding'; it must name strategies"),
        ("auto", {"left_out": {"uherding": 3}}, "'left_out' is"),
        ("auto", {"left_out": {"uherdin": "slow"}}, "'left_out' names 'uherdin', .* typiclust and uherding"),
        ("auto", {"left_out": {"random": "dull"}}, "'left_out' names 'random'"),
    ],
)
def test_an_option_out_of_range_is_told(name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=f"strategy '{name}': the option {said}"):
        make_strategy(name, options)


def test_every_number_among_the_options_has_limits_and_its_default_is_within() -> None:
    for name, picker in STRATEGIES.items():
        for option in list(inspect.signature(picker).parameters.values())[2:]:
            if isinstance(option.default, bool):
                assert option.name in SWITCHES
            elif isinstance(option.default, int | float):
                LIMITS[option.name].check(name, option.default)


def test_numbers_of_numpy_are_numbers() -> None:
    make_strategy("uherding", {"targets": np.int64(5), "radius_quantile": np.float32(0.5)})


def test_own_functions_have_limits_of_their_own(own_module) -> None:
    name = own_module("def odd(context, batch_size, *, power): ...\n")
    make_strategy(f"{name}:odd", {"power": -3})


def test_a_broken_import_inside_the_users_module_keeps_its_own_error(own_module) -> None:
    name = own_module("import a_library_that_is_missing\n")
    with pytest.raises(ModuleNotFoundError, match="a_library_that_is_missing"):
        make_strategy(f"{name}:pick", {})


def test_needs_marks_the_function_itself() -> None:
    @needs("probabilities")
    def pick(context: Context, batch_size: int) -> Picks:
        raise AssertionError

    assert pick.needs == {"probabilities"}
    assert pick.__name__ == "pick"


def test_importing_the_package_loads_no_slow_library() -> None:
    code = "import sys, labelloop.acquisition; print({'sklearn', 'torch', 'pandas'} & set(sys.modules))"
    root = Path(labelloop.__file__).parents[1]
    shown = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "set()"


def test_who_looks_for_something_else_than_doubt_says_so() -> None:
    """These are shown a random sample of a large pool; `auto` decides by what the labels show."""
    doubts = {name: make_strategy(name).doubt for name in STRATEGIES}
    coverage = {"random", "k_center", "k_means", "typiclust", "max_herding"}
    assert {name for name, doubt in doubts.items() if doubt is False} == coverage | {
        "error_based",
        "rare_class",
        "hard_negatives",
    }
    assert [name for name, doubt in doubts.items() if callable(doubt)] == ["auto"]
