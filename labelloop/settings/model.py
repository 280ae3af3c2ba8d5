"""The learner."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from labelloop.settings.pool import PoolOptions
from labelloop.settings.section import Section


class Model(Section):
    """The learner that is trained, that picks, and that is shipped."""

    name: str = Field(
        "auto", description="auto (by the kind of input), logistic, tfidf_logistic, mlp, convnet, or your "
        "own as 'package.module:Class'.",
    )  # fmt: skip
    options: dict[str, Any] = Field({}, description="Keyword arguments of the learner, such as epochs or c.")
    pool: Literal["auto", "none", "graph", "self_training", "co_training", "either"] = Field(
        "auto", description="What the learner makes of the unlabeled pool. graph: predictions are smoothed "
        "over nearest neighbours. self_training: items it is sure of count as labeled inside the fit. "
        "co_training: two learners on two groups of columns label such items for each other. either: graph "
        "or self_training. Each only where cross-validation on the labels says that it helps; the report "
        "says why. auto: graph or none, by the learner and the pool's size (docs/selection.md).",
    )  # fmt: skip
    pool_options: PoolOptions = Field(PoolOptions(), description="How far `pool` goes.")
    views: list[list[int | str]] = Field(
        [], description="For co_training: two groups of the columns that the model sees, by name (tables) or "
        "number from 0. Empty: two random halves; of images with a text, `text` and `picture`.",
    )  # fmt: skip
    label_weights: Literal["none", "confidence", "soft"] = Field(
        "confidence", description="How much labels count in training. confidence: each label counts as much "
        "as fusion is sure of it. soft: an item is shown as every class that its votes leave open, weighed "
        "by how likely each is. none: all the same. Where votes are few and often wrong soft is best by far "
        "(docs/annotators.md); pool is none then.",
    )  # fmt: skip
    committee: int = Field(
        0, ge=0, description="Further models for strategies that ask where models disagree (bald, "
        "vote_entropy and others); 5 is usual.",
    )  # fmt: skip
    committee_of: Literal["bootstrap", "learners", "snapshots", "dropout"] = Field(
        "bootstrap", description="What the further models are. bootstrap: the learner, trained on labels "
        "drawn with replacement. learners: different learners. snapshots: one network at several ends of "
        "its training. dropout: the trained network without a random part of its units, for hardly any "
        "time. The last two are for mlp, convnet and your own learners with such methods.",
    )  # fmt: skip
    committee_learners: list[str] = Field(
        [], description="For learners: their names, as in model.name, with default options. Empty: all "
        "built-in ones for this kind of input.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _soft_without_the_pool(self) -> Model:
        if self.label_weights == "soft" and self.pool not in ("none", "auto"):
            raise ValueError(f"label_weights is soft and pool is {self.pool}; what the pool is good for is "
                             "judged on one label an item, so set label_weights to confidence, or pool to "
                             "none")  # fmt: skip
        return self
