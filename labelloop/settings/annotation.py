"""People, tools and what answers cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from labelloop.settings.section import Section
from labelloop.settings.simulation import Simulation


class Annotation(Section):
    """Where people label, how many are asked, and what an answer costs."""

    tool: Literal["simulated", "files", "label_studio"] = Field(
        "simulated", description="simulated: made-up annotators who know the hidden labels. files: batches "
        "as CSV and JSON lines for labeling by hand. label_studio: a Label Studio server; its address and "
        "token come from LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY.",
    )  # fmt: skip
    overlap: int = Field(3, ge=1, description="Different annotators asked about each item.")
    max_overlap: int | None = Field(
        None, ge=2, description="Different annotators an item may be asked of in all. Each round then spends "
        "votes on second looks at older items whose label is unsure, where that tells more for the money "
        "than new items. Empty: every item gets `overlap` answers and no second look.",
    )  # fmt: skip
    target_confidence: float = Field(
        0.95, gt=0, lt=1, description="Confidence from which a label needs no second look; below it with "
        "max_overlap answers, an item goes to the review list. Used with max_overlap only. Without gold "
        "(10 items with votes) confidence is not calibrated: more labels than 1 - target may be wrong.",
    )  # fmt: skip
    second_look_share: float = Field(
        0.5, gt=0, le=1, description="Most of a round's votes that go to second looks; the rest asks about "
        "new items. Used with max_overlap only.",
    )  # fmt: skip
    test_overlap: int = Field(5, ge=1, description="Different annotators asked about each test item.")
    cost_per_vote: float = Field(0.05, ge=0, description="Money for one answer.")
    currency: str = Field("USD", description="What money is counted in.")
    annotators: list[str] = Field([], description="Names whose answers are accepted. Empty: everybody's.")
    payload_columns: list[str] = Field(
        [], description="Columns shown to annotators. Empty: the text columns, the image, or the features."
    )
    prelabels: Literal["none", "hidden", "shown"] = Field(
        "hidden", description="What becomes of the model's predictions for the items asked. hidden: sent to "
        "the tool, where they order the queue, but not shown to annotators. shown: preselected, which is "
        "faster and biases answers towards the model. none: not sent. Control, gold and test items never "
        "carry one.",
    )  # fmt: skip
    skips_to_review: int = Field(
        2, ge=1, description="Different annotators who must skip an item before it is not asked any further "
        "and goes to the review list. Until then, what one skips is asked of another.",
    )  # fmt: skip
    approval: bool = Field(
        False, description="Wait for a person's approval before a batch is pushed: `labelloop approve`, or a "
        "form in the Prefect UI.",
    )  # fmt: skip
    deadline_hours: float | None = Field(
        None, gt=0, description="Hours after the push at which a round may close before every answer is in."
    )
    quorum: float = Field(
        1.0, gt=0, le=1, description="Share of a round's answers needed to close it at the deadline. Later "
        "answers count in the next snapshot.",
    )  # fmt: skip
    simulation: Simulation = Field(Simulation(), description="Used by the simulated tool only.")

    @model_validator(mode="after")
    def _enough_people(self) -> Annotation:
        people = len(self.simulation.annotators) if self.tool == "simulated" else len(self.annotators)
        wishes = {"overlap": self.overlap, "test_overlap": self.test_overlap, "max_overlap": self.max_overlap}
        for name, wanted in wishes.items():
            if people and wanted is not None and wanted > people:
                raise ValueError(f"{name} is {wanted}, but there are only {people} annotators; lower it or "
                                 "name more annotators")  # fmt: skip
        if self.max_overlap is not None and self.max_overlap <= self.overlap:
            raise ValueError(f"max_overlap is {self.max_overlap}, but every item is asked of {self.overlap} "
                             "(overlap) to begin with; raise max_overlap or lower overlap")  # fmt: skip
        if self.quorum < 1 and self.deadline_hours is None:
            raise ValueError(f"quorum is {self.quorum}, but without deadline_hours no round ever closes "
                             "early; set a deadline or remove quorum")  # fmt: skip
        return self
