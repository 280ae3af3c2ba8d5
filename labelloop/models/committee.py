"""Committees: several models of the same labels, for strategies that ask where they disagree.

- ``bootstrap``: the learner, trained on labels drawn with replacement (Breiman, 1996, Bagging predictors; as
  a committee Abe and Mamitsuka, 1998, Query learning strategies using boosting and bagging).
- ``learners``: different learners, each trained on all labels (Seung, Opper and Sompolinsky, 1992, Query by
  committee); where more members are wanted than there are learners, further ones are on bootstrap samples.
- ``snapshots``: one network where each of several cycles of its training ends (Huang et al., 2017, Snapshot
  ensembles: train 1, get M for free), at the cost of one training.
- ``dropout``: the trained network, each time without another fixed part of its units (Gal, Islam and
  Ghahramani, 2017, Deep Bayesian active learning with image data; one mask for the whole pool as in Kirsch,
  van Amersfoort and Gal, 2019, BatchBALD), at no cost of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from labelloop.errors import SettingsError
from labelloop.models.base import Learner
from labelloop.models.registry import BUILT_IN, learner_class, made_with, remember, resolve_model_name

Kind = Literal["bootstrap", "learners", "snapshots", "dropout"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_METHODS = {"snapshots": "snapshots", "dropout": "thinned"}
"""What a learner must be able to do for a kind, beyond the protocol `Learner`."""


@dataclass(frozen=True)
class Labels:
    """What a committee is trained on, seen through what its maker knows of learners and labels."""

    count: int
    """Labels that draws are made of."""
    fit: Callable[[str, np.ndarray | None], Learner]
    """Trains a new learner of this name; draws, shape (count,), float64, say how often each label counts."""
    rows: Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray | None]]
    """Inputs, targets and weights, as `Learner.fit` takes them."""


def train_committee(
    kind: Kind, size: int, *, name: str, others: Sequence[str], model: Learner, labels: Labels,
    seed_of: Callable[[int], int],
) -> Iterator[tuple[str, Learner]]:  # fmt: skip
    """Train the members, one after the other.

    Args:
        size: members wanted.
        name: of the campaign's learner.
        others: names of the learners for ``learners``; see `committee_names`.
        model: the campaign's learner, trained.
        seed_of: a seed for the member of this number.

    Yields:
        The name by which to save a member, and the member.
    """
    if kind == "snapshots":
        inputs, targets, weights = labels.rows()
        members = model.snapshots(inputs, targets, weights, size)  # type: ignore[attr-defined]
        yield from ((name, _known(member, model)) for member in members)
    elif kind == "dropout":
        members = model.thinned([seed_of(number) for number in range(size)])  # type: ignore[attr-defined]
        yield from ((name, _known(member, model)) for member in members)
    else:
        names = others if kind == "learners" else []
        for number in range(size):
            if number < len(names):
                yield names[number], labels.fit(names[number], None)
            else:
                of = names[number % len(names)] if names else name
                yield of, labels.fit(of, draw_labels(labels.count, seed_of(number)))


def draw_labels(count: int, seed: int) -> np.ndarray:
    """How often each label is in a bootstrap sample; shape (count,), float64, sum `count`."""
    drawn = np.random.default_rng(seed).integers(count, size=count)
    return np.bincount(drawn, minlength=count).astype(np.float64)


def committee_names(names: Sequence[str], input_kind: str) -> list[str]:
    """The learners of a committee of ``learners``: `names`, or all built-in ones that take this input.

    Raises:
        SettingsError: fewer than two, or one that does not exist or cannot take the input.
    """
    found = [resolve_model_name(name, input_kind) for name in names] or [
        name for name, learner in BUILT_IN.items() if input_kind in learner.input_kinds
    ]
    if len(set(found)) < 2:
        raise SettingsError(
            f"model.committee_of is learners, which takes at least two different ones, and there is only "
            f"{found[0]} for {input_kind}; name some in model.committee_learners, or set model.committee_of "
            "to bootstrap"
        )
    for name in found:
        learner_class(name)
    return found


def check_committee(
    kind: Kind,
    name: str,
    pool: str,
    names: Sequence[str],
    input_kind: str,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Raise a SettingsError, which says what to change, where such a committee cannot be trained.

    Args:
        name: `model.name` of the settings.
        pool: `model.pool` of the settings.
        names: `model.committee_learners` of the settings.
        options: `model.options` of the settings.
    """
    if kind == "learners":
        committee_names(names, input_kind)
        return
    method = _METHODS.get(kind)
    if method is None:
        return
    resolved = resolve_model_name(name, input_kind)
    if not callable(getattr(learner_class(resolved), method, None)):
        able = [
            other for other, learner in BUILT_IN.items()
            if input_kind in learner.input_kinds and hasattr(learner_class(other), method)
        ]  # fmt: skip
        hint = f"set model.name to {' or '.join(able)}, or " if able else ""
        raise SettingsError(
            f"model.committee_of is {kind}, and the learner '{resolved}' has no method {method}(); {hint}set "
            "model.committee_of to bootstrap"
        )
    if kind == "dropout" and (options or {}).get("dropout") == 0:
        raise SettingsError(
            "model.committee_of is dropout, and model.options.dropout is 0, so all members would say the "
            "same; raise it, or set model.committee_of to bootstrap"
        )
    if pool != "none":
        raise SettingsError(
            f"model.committee_of is {kind}, which takes members from inside one network, and model.pool is "
            f"{pool}, which is round it; set model.pool to none, or model.committee_of to bootstrap"
        )


def _known(member: Learner, model: Learner) -> Learner:
    """Note on a member, which the learner made itself, what the model was made with."""
    made = made_with(model)
    remember(member, made["input_kind"], made["seed"], made["options"])
    return member
