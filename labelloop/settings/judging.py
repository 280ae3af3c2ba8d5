"""How a model is judged and when a campaign ends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from labelloop.settings.section import Section


class Evaluation(Section):
    """How the model is judged."""

    test_size: int = Field(
        300, ge=2, description="Items in the test set when none is given: a random sample, labeled like the "
        "rest with annotation.test_overlap votes, never selected, never trained on.",
    )  # fmt: skip
    calibration_bins: int = Field(15, ge=2, description="Bins of the expected calibration error.")
    interval: float = Field(0.95, gt=0.5, lt=1, description="Coverage of the intervals that are reported.")
    bootstrap: int = Field(200, ge=20, description="Resamples behind the interval of the plateau's slope.")
    stop_set: int = Field(
        1000, ge=0, description="Items of the pool, drawn at random once, whose predictions are kept every "
        "round: what stopping.kappa, stopping.changed and stopping.uncertainty look at. Nobody is asked "
        "about them on that account. 0: none.",
    )  # fmt: skip
    forecast_target: float | None = Field(
        None, gt=0, le=1, description="Accuracy to forecast labels, money and days for. Default: "
        "stopping.target_accuracy; without either the accuracy to come is forecast.",
    )  # fmt: skip
    forecast_interval: float = Field(0.8, gt=0.5, lt=1, description="Coverage of forecast intervals.")
    automation_cost: float = Field(
        0.0, ge=0, description="Money that setting this campaign up cost, over what labeling by hand would "
        "have: taken off the savings.",
    )  # fmt: skip
    monitoring_cost: float = Field(
        0.0, ge=0, description="Money for computing and looking after the campaign, a round: taken off the "
        "savings.",
    )  # fmt: skip


class Stopping(Section):
    """When the campaign ends. Rounds, budgets and the end of the pool always end it, whatever comes first.

    The other rules look at evidence: `combine` says whether any of those that are set ends it, or only all
    of them together. docs/stopping.md tells what each is worth.
    """

    max_rounds: int | None = Field(8, ge=1, description="Rounds at most, r000 included.")
    target_accuracy: float | None = Field(
        None, gt=0, le=1, description="Stop once the test accuracy is reached."
    )
    patience: int = Field(1, ge=1, description="Rounds in a row in which a rule on evidence must hold.")
    combine: Literal["any", "all"] = Field(
        "any", description="any: one of the rules on evidence is enough. all: every one set must hold."
    )
    min_rounds: int = Field(
        4, ge=1, description="Finished rounds before which no rule on evidence ends the campaign, the target "
        "left out.",
    )  # fmt: skip
    kappa: float | None = Field(
        None, gt=0, le=1, description="Stabilizing predictions: stop once neighbouring models' predictions "
        "of the stop set agree with this mean Cohen's kappa. Usual: 0.99.",
    )  # fmt: skip
    kappa_rounds: int = Field(
        3, ge=1, le=15, description="Pairs of neighbouring rounds that stopping.kappa averages."
    )
    changed: float | None = Field(
        None, ge=0, lt=1, description="Classification change: stop once at most this share of the stop set's "
        "predictions changed in each of the last stopping.changed_rounds rounds. Strictest: 0.",
    )  # fmt: skip
    changed_rounds: int = Field(2, ge=1, le=15, description="Rounds that stopping.changed looks at.")
    uncertainty: float | None = Field(
        None, gt=0, lt=1, description="Overall uncertainty: stop once the model's mean doubt of the stop set "
        "(1 less the likeliest class's probability) is below this. It believes the model.",
    )  # fmt: skip
    plateau: float | None = Field(
        None, gt=0, lt=1, description="Plateau: stop once 100 more labels surely bring less accuracy than "
        "this, by the upper end of the slope's interval. 0.01 is one point.",
    )  # fmt: skip
    plateau_rounds: int = Field(5, ge=3, description="Last rounds that the slope is taken over.")
    plateau_arm: Literal["campaign", "control"] = Field(
        "campaign", description="Whose slope: of the campaign's own model, or of the learner trained on the "
        "control arm's random labels alone.",
    )  # fmt: skip
    value_per_point: float | None = Field(
        None, gt=0, description="Money that one percentage point of accuracy is worth to you: stop once the "
        "next batch costs more than what it is expected to bring.",
    )  # fmt: skip


class Budget(Section):
    """What may be spent at most. The last batch is cut to fit."""

    labels: int | None = Field(None, ge=1, description="Labeled items, the test set not counted.")
    money: float | None = Field(None, gt=0, description="Money for answers, the test set's included.")
    hours: float | None = Field(None, gt=0, description="Hours from the first push to the last answer.")
