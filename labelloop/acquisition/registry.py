"""Strategies by name: the built-in ones and the user's own."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_args

from labelloop.acquisition.auto import pick_auto
from labelloop.acquisition.badge import pick_badge
from labelloop.acquisition.balanced import pick_balanced
from labelloop.acquisition.bald import pick_bald
from labelloop.acquisition.base import Need, Picks, Strategy
from labelloop.acquisition.cluster_margin import pick_cluster_margin
from labelloop.acquisition.consensus_entropy import pick_consensus_entropy
from labelloop.acquisition.density_weighted import pick_density_weighted
from labelloop.acquisition.dropquery import pick_dropquery
from labelloop.acquisition.entropy import pick_entropy
from labelloop.acquisition.error_based import pick_error_based
from labelloop.acquisition.hard_negatives import pick_hard_negatives
from labelloop.acquisition.herding import pick_max_herding, pick_uherding
from labelloop.acquisition.k_center import pick_k_center
from labelloop.acquisition.k_means import pick_k_means
from labelloop.acquisition.least_confident import pick_least_confident
from labelloop.acquisition.margin import pick_margin
from labelloop.acquisition.mean_kl import pick_mean_kl
from labelloop.acquisition.member_variance import pick_member_variance
from labelloop.acquisition.options import check_options
from labelloop.acquisition.power_bald import pick_power_bald
from labelloop.acquisition.power_entropy import pick_power_entropy
from labelloop.acquisition.power_least_confident import pick_power_least_confident
from labelloop.acquisition.power_margin import pick_power_margin
from labelloop.acquisition.power_member_variance import pick_power_member_variance
from labelloop.acquisition.random import pick_random
from labelloop.acquisition.ranked_batch import pick_ranked_batch
from labelloop.acquisition.rare_class import pick_rare_class
from labelloop.acquisition.relabel import pick_relabel
from labelloop.acquisition.typiclust import pick_typiclust
from labelloop.acquisition.vote_entropy import pick_vote_entropy
from labelloop.errors import SettingsError
from labelloop.hints import did_you_mean

STRATEGIES: dict[str, Callable[..., Picks]] = {
    "random": pick_random,
    "least_confident": pick_least_confident,
    "margin": pick_margin,
    "entropy": pick_entropy,
    "bald": pick_bald,
    "power_least_confident": pick_power_least_confident,
    "power_margin": pick_power_margin,
    "power_entropy": pick_power_entropy,
    "power_bald": pick_power_bald,
    "power_member_variance": pick_power_member_variance,
    "vote_entropy": pick_vote_entropy,
    "consensus_entropy": pick_consensus_entropy,
    "mean_kl": pick_mean_kl,
    "member_variance": pick_member_variance,
    "k_means": pick_k_means,
    "k_center": pick_k_center,
    "typiclust": pick_typiclust,
    "max_herding": pick_max_herding,
    "dropquery": pick_dropquery,
    "badge": pick_badge,
    "uherding": pick_uherding,
    "density_weighted": pick_density_weighted,
    "cluster_margin": pick_cluster_margin,
    "ranked_batch": pick_ranked_batch,
    "error_based": pick_error_based,
    "rare_class": pick_rare_class,
    "hard_negatives": pick_hard_negatives,
    "balanced": pick_balanced,
    "relabel": pick_relabel,
    "auto": pick_auto,
}
"""Name in params.yaml and picker: called with a context, the batch size and, by keyword, its options."""


def make_strategy(name: str, options: Mapping[str, Any] | None = None) -> Strategy:
    """Build a strategy.

    Args:
        name: a name of `STRATEGIES`, or 'package.module:function' for a picker of the user's own. Its
            attribute `needs` (see `labelloop.acquisition.base.needs`) says what it reads; without it,
            probabilities and embeddings.
        options: keyword arguments of the picker.

    Raises:
        SettingsError: the name is unknown or cannot be imported, or an option is unknown, missing or out
        of range.
    """
    picker = _import(name) if ":" in name else STRATEGIES.get(name)
    if picker is None:
        listed = f"Known: {', '.join(STRATEGIES)}, or your own as 'package.module:function'"
        hint = did_you_mean(name, STRATEGIES, then=listed)
        raise SettingsError(f"no strategy is called '{name}'; {hint}")
    _check_options(name, picker, options or {})
    if name in STRATEGIES:
        check_options(name, options or {})
    pick = functools.partial(picker, **options) if options else picker
    wanted = _needs(name, picker)
    doubt = getattr(picker, "doubt", bool(wanted & {"probabilities", "members"}))
    if options and callable(doubt):
        doubt = functools.partial(doubt, **options)
    return Strategy(name, wanted, pick, getattr(picker, "cold_needs", None), doubt)


def _import(name: str) -> Callable[..., Picks]:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # The user's module is there; something that it imports is not.
        raise SettingsError(
            f"strategy '{name}': there is no module '{error.name}' to import; install it or put its folder "
            "on PYTHONPATH"
        ) from None
    except (ValueError, TypeError):
        raise SettingsError(f"strategy '{name}' must be written 'package.module:function'") from None
    picker = getattr(module, attribute, None)
    if not callable(picker):
        found = "has no such name" if picker is None else f"'{attribute}' is not a function"
        raise SettingsError(f"strategy '{name}': module '{module_name}' was imported, but {found}")
    return picker


def _check_options(name: str, picker: Callable[..., Picks], options: Mapping[str, Any]) -> None:
    parameters = list(inspect.signature(picker).parameters.values())
    real = {p.name: p for p in parameters[2:] if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    unknown = sorted(set(options) - set(real))
    if unknown and not any(p.kind is p.VAR_KEYWORD for p in parameters):
        listed = f"it has: {', '.join(real)}" if real else "it has none"
        raise SettingsError(f"strategy '{name}' has no option '{unknown[0]}'; {listed}")
    missing = sorted(o for o, p in real.items() if p.default is p.empty and o not in options)
    if missing:
        raise SettingsError(
            f"strategy '{name}' needs the option '{missing[0]}'; set it under acquisition.options"
        )


def _needs(name: str, picker: Callable[..., Picks]) -> frozenset[Need]:
    known: tuple[Need, ...] = get_args(Need)
    stated = getattr(picker, "needs", ("probabilities", "embeddings"))
    stated = {stated} if isinstance(stated, str) else set(stated)
    wrong = sorted(map(str, stated - set(known)))
    if wrong:
        raise SettingsError(f"strategy '{name}' needs '{wrong[0]}', but there is only: {', '.join(known)}")
    return frozenset(stated)
