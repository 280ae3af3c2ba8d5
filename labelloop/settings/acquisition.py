"""Which items are asked about."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from labelloop.settings.composition import Composition
from labelloop.settings.section import Section

NOT_WITH_CANDIDATES = {
    "subsample": "which reduces the pool another way",
    "stratify_by": "since the most doubtful items may all lie in one stratum",
    "group_column": "since the most doubtful items may all lie in groups that are full",
    "cost_column": "since the money may not pay for any of the most doubtful items",
    "mix": "whose parts want different items of the pool",
}
"""Settings of `compose` that what is reduced by doubt alone may leave nothing for, and why."""


class Acquisition(Section):
    """Which items are asked about next."""

    strategy: str = Field(
        "auto", description="auto (coverage first, then doubt, by evidence; without what the campaign's "
        "backtest.json shows to be worse than random), random, least_confident, "
        "margin, entropy, bald, power_least_confident, power_margin, power_entropy, power_bald, "
        "power_member_variance, vote_entropy, consensus_entropy, mean_kl, member_variance, "
        "k_means, k_center, typiclust, max_herding, dropquery, badge, uherding, "
        "density_weighted, cluster_margin, ranked_batch, error_based, rare_class, hard_negatives, "
        "balanced, relabel (new items and second looks on one scale; needs annotation.max_overlap), or your "
        "own function as 'package.module:function'.",
    )  # fmt: skip
    options: dict[str, Any] = Field({}, description="Keyword arguments of the strategy.")
    cold_start: str = Field(
        "auto", description="Strategy of the first round, when there is no model yet. auto: typiclust, or "
        "random where a backtest shows that to be better.",
    )  # fmt: skip
    batch_size: int = Field(40, ge=1, description="New items a round, control arm included.")
    first_batch_size: int | None = Field(
        None, ge=0, description="New items in round r000. Default: batch_size, or none when known labels "
        "(dataset.known_labels: seed) already cover every class.",
    )  # fmt: skip
    control_share: float = Field(
        0.1, ge=0, le=1, description="Share of the labels that is a plain random sample of the pool: what "
        "savings are measured on.",
    )  # fmt: skip
    shard_size: int = Field(16384, ge=256, description="Items scored at a time.")
    candidates: int | None = Field(
        None, ge=1, description="Only so many items are looked at by the strategy, for large pools: those of "
        "the highest margin score, or, before there is a model and for a strategy that looks for something "
        "else than doubt, a random sample. At least a batch. Shards of the pool are looked through wherever "
        "score's are (docs/scale.md).",
    )  # fmt: skip
    compose: Composition = Field(
        Composition(), description="What the strategy may pick, and how its part of a batch is put together."
    )

    @model_validator(mode="after")
    def _subsample_holds_a_batch(self) -> Acquisition:
        most = max(self.batch_size, self.first_batch_size or 0)
        if self.compose.subsample is not None and self.compose.subsample < most:
            raise ValueError(
                f"compose.subsample is {self.compose.subsample}, but a batch has up to {most} items; raise "
                "it or lower batch_size"
            )
        return self

    @model_validator(mode="after")
    def _candidates_hold_a_batch(self) -> Acquisition:
        most = max(self.batch_size, self.first_batch_size or 0)
        if self.candidates is None:
            return self
        if self.candidates < most:
            raise ValueError(
                f"candidates is {self.candidates}, but a batch has up to {most} items; raise it or lower "
                "batch_size"
            )
        for name, why in NOT_WITH_CANDIDATES.items():
            if getattr(self.compose, name):
                raise ValueError(f"candidates does not go with compose.{name}, {why}; leave one out")
        if self.strategy == "relabel":
            raise ValueError("candidates does not go with the strategy relabel, which weighs all items of "
                             "the pool against older ones, and needs no fewer; leave it out")  # fmt: skip
        return self
