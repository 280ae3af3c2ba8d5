"""How votes become labels."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from labelloop.settings.section import Section


class Fusion(Section):
    """How an item's votes become its label."""

    method: str = Field(
        "auto",
        description="auto: chosen by evidence, with the reason in the report. majority: smoothed share of "
        "the votes, ties flagged. one_coin, dawid_skene, map_dawid_skene, pooled_dawid_skene: skill learned "
        "with the labels. crowdkit_glad, crowdkit_mace, cleanlab_crowdlab, snorkel_label_model: those of "
        "other packages, to compare with (extra peers).",
    )
    options: dict[str, Any] = Field(
        {}, description="Keyword arguments of the method, such as smoothing for majority."
    )
    model_prior: Literal["none", "out_of_fold"] = Field(
        "none", description="out_of_fold: the campaign's learner, trained on other items' labels, is one "
        "more witness where it makes the votes clearly likelier, unless gold, reviewers or the control arm "
        "show that labels are worse with it; never about control, gold and test items. none: people alone.",
    )  # fmt: skip
    folds: int = Field(5, ge=2, le=20, description="Parts that the learner is trained without, in turn.")
