"""From votes to labels: fusion methods by name. `votes_table` makes a table of votes one of labels.

Nothing slow is imported until a method is used, so that the command line starts at once.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from labelloop.errors import SettingsError
from labelloop.hints import did_you_mean

if TYPE_CHECKING:
    from labelloop.fusion.base import Fuser, Fusion

FUSERS = {
    "auto": "labelloop.fusion.choosing",
    "majority": "labelloop.fusion.majority",
    "one_coin": "labelloop.fusion.one_coin",
    "dawid_skene": "labelloop.fusion.dawid_skene",
    "map_dawid_skene": "labelloop.fusion.map_dawid_skene",
    "pooled_dawid_skene": "labelloop.fusion.pooled_dawid_skene",
    "crowdkit_glad": "labelloop.fusion.crowdkit_glad",
    "crowdkit_mace": "labelloop.fusion.crowdkit_mace",
    "cleanlab_crowdlab": "labelloop.fusion.cleanlab_crowdlab",
    "snorkel_label_model": "labelloop.fusion.snorkel_label_model",
}
"""Method to module; the module holds a function of the method's name."""

PEERS = {
    "crowdkit_glad": "crowdkit",
    "crowdkit_mace": "crowdkit",
    "cleanlab_crowdlab": "cleanlab",
    "snorkel_label_model": "snorkel",
}
"""Methods of other packages, to compare with, and the module they need: the extra `peers` installs them."""


OF_ITEMS = ("item_prior", "warm_start")
"""Options that are an array with a row an item: given in Python only, where the items are known."""


def make_fuser(name: str, options: Mapping[str, Any] | None = None) -> Fuser:
    """The fusion method `name` with its options filled in: `fuser(votes, gold=None) -> Fusion`.

    The options are tried on no votes at once, so that a wrong value is told when a campaign is set up and
    not after people have answered.

    Raises:
        SettingsError: no such method, no such option, a value that the method refuses, or a method of another
            package that is not installed.
    """
    function = _method(name)
    check_options(name, function, options or {})
    fuser: Fuser = functools.partial(function, **(options or {}))
    fuser(_no_votes())
    return fuser


def takes(name: str, option: str) -> bool:
    """Whether the method `name` has such an option.

    Raises:
        SettingsError: no such method.
    """
    return option in _options(_method(name))


def check_hears_models(name: str, *, key: str = "fusion.method ", asked: str = "fusion.model_prior") -> None:
    """Refuse to have a model heard by a method that takes no item prior.

    Args:
        key: what the user names the method by, up to the name itself.
        asked: what the user has said to have a model heard.

    Raises:
        SettingsError: the method takes none, or there is no such method.
    """
    if not takes(name, "item_prior"):
        raise SettingsError(
            f"{asked} does not go with {key}{name}, which has no place for a model's word; use {key}auto, or "
            f"leave out {asked}"
        )


def check_options(name: str, function: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Refuse an option that a method does not have.

    Raises:
        SettingsError: names the option and the nearest there is.
    """
    known = _options(function)
    written = [option for option in known if option not in OF_ITEMS]
    for option, value in options.items():
        if option not in known:
            raise SettingsError(
                f"fusion.options: {option!r} is not an option of {name}; {_nearest(option, written)}"
            )
        if option in OF_ITEMS and value is not None and not hasattr(value, "shape"):
            raise SettingsError(
                f"fusion.options.{option} is an array with a row an item, which Python alone can give; leave "
                "it out. `labelloop fuse` has --probabilities for a model's word and --warm-start for labels "
                "to start from, a campaign fusion.model_prior"
            )


def _method(name: str) -> Callable[..., Fusion]:
    if name not in FUSERS:
        raise SettingsError(f"fusion.method {name!r} is not known; {_nearest(name, FUSERS)}")
    function: Callable[..., Fusion] = getattr(importlib.import_module(FUSERS[name]), name)
    return function


def _options(function: Callable[..., Any]) -> list[str]:
    return [
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.name != "gold"
    ]


def _no_votes() -> Any:
    import numpy as np

    from labelloop.fusion.base import Votes

    codes, ids = np.empty(0, dtype=np.int64), np.empty(0, dtype=object)
    return Votes(ids, ids, ("a", "b"), codes, codes, codes)


def _nearest(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known, otherwise=f"known: {', '.join(known) or 'none'}")
