"""How a model is judged and when a campaign ends."""

from __future__ import annotations

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
    bootstrap: int = Field(200, ge=20, description="Resamples behind the interval of the savings.")


class Stopping(Section):
    """When the campaign ends; whatever comes first. Budgets are in their own section."""

    max_rounds: int | None = Field(8, ge=1, description="Rounds at most, r000 included.")
    target_accuracy: float | None = Field(
        None, gt=0, le=1, description="Stop once the test accuracy is reached."
    )
    patience: int = Field(1, ge=1, description="Rounds in a row that must reach the target.")


class Budget(Section):
    """What may be spent at most. The last batch is cut to fit."""

    labels: int | None = Field(None, ge=1, description="Labeled items, the test set not counted.")
    money: float | None = Field(None, gt=0, description="Money for answers, the test set's included.")
    hours: float | None = Field(None, gt=0, description="Hours from the first push to the last answer.")
