"""Learners by name: the built-in ones, and the user's own as 'package.module:Class'.

Nothing slow is imported before a learner is made; `labelloop status` only checks names.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from labelloop.errors import SettingsError
from labelloop.hints import did_you_mean
from labelloop.models.base import Learner
from labelloop.models.views import TwoViews
from labelloop.settings.pool import DEFAULT, PoolOptions


@dataclass(frozen=True)
class BuiltIn:
    """Where a built-in learner is, and what it can see."""

    module: str
    attribute: str
    input_kinds: tuple[str, ...]


BUILT_IN: dict[str, BuiltIn] = {
    "logistic": BuiltIn("labelloop.models.logistic", "Logistic", ("features", "images")),
    "tfidf_logistic": BuiltIn("labelloop.models.tfidf_logistic", "TfidfLogistic", ("text",)),
    "mlp": BuiltIn("labelloop.models.mlp", "Mlp", ("features", "images")),
    "convnet": BuiltIn("labelloop.models.convnet", "ConvNet", ("images",)),
}

AUTO = {"text": "tfidf_logistic", "features": "logistic", "images": "convnet"}

_METHODS = ("observe", "fit", "predict_proba", "embed", "save", "load")
_GIVEN = ("self", "n_classes", "seed")


def resolve_model_name(name: str, input_kind: str) -> str:
    """Return the learner's name for this kind of input: `auto` becomes a built-in's name.

    Args:
        name: `auto`, a built-in's name or 'package.module:Class'.
        input_kind: text, features or images.

    Raises:
        SettingsError: no such learner, or a built-in that cannot take this input; says which can.
    """
    if input_kind not in AUTO:
        raise SettingsError(f"unknown kind of input {input_kind!r}; it is one of {', '.join(AUTO)}")
    if name == "auto":
        return AUTO[input_kind]
    if ":" in name:
        return name
    if name not in BUILT_IN:
        listed = f"Built-in: auto, {', '.join(BUILT_IN)}. Your own is named 'package.module:Class'"
        hint = did_you_mean(name, ["auto", *BUILT_IN], then=listed)
        raise SettingsError(f"model.name is '{name}', which is no learner; {hint}")
    if input_kind not in BUILT_IN[name].input_kinds:
        able = [other for other, learner in BUILT_IN.items() if input_kind in learner.input_kinds]
        raise SettingsError(
            f"model.name is '{name}', which takes {' or '.join(BUILT_IN[name].input_kinds)}, but the pool is "
            f"{input_kind}; set model.name to auto or one of {', '.join(able)}"
        )
    return name


def learner_class(name: str) -> type[Any]:
    """The class of a built-in, or of the user's own 'package.module:Class'.

    Raises:
        SettingsError: the module, the class or one of a learner's methods is not there; names it.
    """
    if name in BUILT_IN:
        found: type[Any] = getattr(importlib.import_module(BUILT_IN[name].module), BUILT_IN[name].attribute)
        return found
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise SettingsError(f"model.name is '{name}'; your own learner is named 'package.module:Class'")
    here = str(Path.cwd())
    if here not in sys.path:
        # At the end, so that a file of the campaign never hides an installed package of the same name; it
        # stays, because a module may import its neighbours only when it is used.
        sys.path.append(here)
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        who = "" if error.name == module_name else f" (it needs '{error.name}')"
        raise SettingsError(
            f"model.name is '{name}', but there is no module '{module_name}'{who}; "
            f"modules are looked for in {here} and among the installed packages"
        ) from error
    own = getattr(module, attribute, None)
    if not isinstance(own, type):
        what = "no class" if own is None else f"a {type(own).__name__}, not a class,"
        raise SettingsError(f"model.name is '{name}', but module '{module_name}' has {what} '{attribute}'")
    missing = [method for method in _METHODS if not callable(getattr(own, method, None))]
    if missing:
        raise SettingsError(
            f"model.name is '{name}', but class '{attribute}' lacks {', '.join(f'{m}()' for m in missing)}; "
            "labelloop.models.base.Learner says what a learner must be able to do"
        )
    return own


def make_learner(
    name: str,
    *,
    n_classes: int,
    seed: int,
    options: Mapping[str, Any],
    input_kind: str,
    pool: str = "none",
    views: TwoViews | None = None,
    pool_options: PoolOptions = DEFAULT,
) -> Learner:
    """Build an untrained learner.

    Args:
        name: `auto`, a built-in's name or 'package.module:Class'.
        options: keyword arguments of the learner; `model.options` in params.yaml.
        pool: what the learner makes of the unlabeled pool; `model.pool` in params.yaml, where auto is settled
            (`labelloop.models.choose_pool`). Other than none, it has to be shown the pool
            (`labelloop.models.show_pool`) before it is fitted.
        input_kind: text, features or images.
        views: columns of the two views that co_training needs; see `labelloop.models.views`.
        pool_options: how far `pool` goes.

    Raises:
        SettingsError: no such learner, it cannot take this input, or an option is unknown or out of range.
    """
    resolved = resolve_model_name(name, input_kind)
    found = learner_class(resolved)
    if n_classes < 2:
        raise SettingsError(f"a learner needs at least two classes, not {n_classes}")
    _check_options(resolved, found, options)
    learner = found(n_classes=n_classes, seed=seed, **options)
    if pool != "none":
        from labelloop.models.pool_learner import CANDIDATES, PoolLearner

        if pool not in CANDIDATES:
            listed = f"a learner is made with none or one of {', '.join(CANDIDATES)}"
            raise SettingsError(f"model.pool is {pool!r}; {listed}, and `choose_pool` says which auto is")
        if pool == "co_training" and input_kind != "features":
            raise SettingsError(
                f"model.pool co_training takes two groups of columns, but the pool is {input_kind}; set "
                "model.pool to graph or self_training, or name both pictures and text "
                "(dataset.path_column, dataset.text_columns)"
            )
        learner = PoolLearner(learner, pool=pool, seed=seed, views=views, options=pool_options)
    remember(learner, input_kind, seed, options, pool)
    return cast(Learner, learner)


def remember(
    learner: object, input_kind: str, seed: int, options: Mapping[str, Any], pool: str = "none"
) -> None:
    """Note on the learner what it was made with, so that `save_learner` can write it down."""
    vars(learner)["_made_with"] = {
        "input_kind": input_kind,
        "seed": seed,
        "options": dict(options),
        "pool": pool,
    }


def made_with(learner: object) -> dict[str, Any]:
    """What `remember` noted.

    Raises:
        SettingsError: the learner was not made by `make_learner` or `load_learner`.
    """
    noted = vars(learner).get("_made_with")
    if noted is None:
        raise SettingsError(f"this {type(learner).__name__} was not made by make_learner; make it with that")
    return dict(noted)


def _check_options(name: str, found: type[Any], options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(found.__init__).parameters
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    known = [parameter for parameter in parameters if parameter not in _GIVEN]
    for option in options:
        if option in known:
            continue
        if option in _GIVEN:
            raise SettingsError(f"model.options.{option}: '{option}' is given by the campaign; remove it")
        hint = did_you_mean(option, known, then=f"Its options: {', '.join(known) or 'none'}")
        raise SettingsError(f"model.options.{option}: the learner '{name}' has no such option; {hint}")
