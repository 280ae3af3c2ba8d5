"""`model.pool: auto`: whether this learner is to use the unlabeled pool, by rules that need no label.

The rules look at the settings, at the kind of input and at the number of items. None of them changes within a
campaign unless params.yaml does, so the learner stays the same from round to round. Whether the graph helps
is another matter, which the gate (`pool_gate`) decides anew at every fit.
"""

from __future__ import annotations

from dataclasses import dataclass

from labelloop.models.registry import resolve_model_name
from labelloop.settings.model import Model

AUTO = "auto"
_SECONDS_AN_ITEM = 75e-6
"""Processor time to predict an item from its neighbours among 10,000 (docs/scale.md)."""
LARGEST = 200_000
"""Items of a pool up to which `auto` is the graph: 15 seconds a round, where plain regression takes none."""
_HELPED = ("logistic", "mlp")
"""Learners that the graph was measured to help, from tens of labels to a thousand (bench/README.md)."""
_WITHIN = ("snapshots", "dropout")
"""Committees that are made inside one network, which nothing may be round."""


@dataclass(frozen=True)
class PoolChoice:
    """What a learner makes of the unlabeled pool, and why."""

    pool: str
    """A value of `model.pool` other than auto."""
    why: str = ""
    """A sentence for the round's report; empty where params.yaml names `pool`."""


def choose_pool(wanted: Model, input_kind: str, items: int) -> PoolChoice:
    """What `model.pool` stands for on this pool.

    Args:
        input_kind: text, features or images.
        items: of the pool.

    Raises:
        SettingsError: there is no such learner; see `resolve_model_name`.
    """
    if wanted.pool != AUTO:
        return PoolChoice(wanted.pool)
    name = resolve_model_name(wanted.name, input_kind)
    against = _against(wanted, name, items)
    if against:
        return PoolChoice("none", f"`model.pool: auto` is none here: {against}.")
    return PoolChoice("graph", f"`model.pool: auto` is graph here, as with {name} on any pool of up to "
                               f"{LARGEST:,} items.")  # fmt: skip


def _against(wanted: Model, name: str, items: int) -> str:
    """What speaks against the graph; empty where nothing does."""
    if ":" in name:
        return f"{name} would be trained four times a round, and only you know what that takes"
    if wanted.label_weights == "soft":
        return "label_weights is soft, and what the pool is good for is judged on one label an item"
    if wanted.committee and wanted.committee_of in _WITHIN:
        return f"committee_of is {wanted.committee_of}, which takes members from inside the plain network"
    if name not in _HELPED:
        return f"what the graph gains with {name} while labels are few, it loses again with some hundreds"
    if items > LARGEST:
        return (f"it is graph for up to {LARGEST:,} items, and to predict {items:,} from their neighbours "
                f"would take about {items * _SECONDS_AN_ITEM:,.0f} seconds a round")  # fmt: skip
    return ""
