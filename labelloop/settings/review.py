"""Which labels reviewers are shown, and which they must have seen before these are vouched for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from labelloop.settings.section import Section

Why = Literal["unsure", "random", "overturned", "all"]


class Gate(Section):
    """One reading of labels; those that it stops need a verdict to go on."""

    name: str = Field(min_length=1, description="Name of the gate, such as `second reader`.")
    when: list[Why] = Field(
        min_length=1, description="Which labels it stops: unsure (below review.unsure_below, or a tie, and "
        "not reviewed before), random (`share` of all, drawn by item), overturned (a verdict before it said "
        "otherwise than what the reviewer was shown), all. Where the reviewers of the gate before are "
        "divided, it stops the label in any case.",
    )  # fmt: skip
    share: float | None = Field(None, gt=0, le=1, description="Share of the labels that `random` stops.")
    by: list[str] = Field([], description="Who may review here. Empty: everybody.")
    reviewers: int = Field(1, ge=1, description="Different people who must have reviewed a label here.")

    @model_validator(mode="after")
    def _can_be_passed(self) -> Gate:
        if ("random" in self.when) != (self.share is not None):
            raise ValueError(
                f"gate '{self.name}': `share` and `when: [random]` go together; set both or neither"
            )
        if self.by and len(set(self.by)) < self.reviewers:
            raise ValueError(f"gate '{self.name}' wants {self.reviewers} reviewers, but names "
                             f"{len(set(self.by))}; name more in `by`")  # fmt: skip
        return self


class Review(Section):
    """What is on each round's review list, and the gates that labels pass in order before they are vouched
    for. No gates: a review changes labels, and no label waits for one."""

    gates: list[Gate] = Field([], description="In their order; see review.gates.")
    unsure_below: float = Field(0.7, gt=0, le=1, description="Confidence below which a label is unsure.")
    list_unsure: int = Field(
        20, ge=0, description="Unsure labels on a round's review list, at most, the least sure first. What "
        "people gave up, and what stays unsure with every answer in, is listed beside.",
    )  # fmt: skip
    list_disagreeing: int = Field(
        20, ge=0, description="Labels on a round's review list, at most, that a model trained without them "
        "firmly takes for another class. The learner is trained fusion.folds times for that every round, on "
        "the round's labels; the witness of fusion.model_prior must not know them and is trained by itself, "
        "as often again. 0 saves it.",
    )  # fmt: skip
    list_random: int = Field(
        10, ge=0, description="Labels on a round's review list that are drawn at random from all that rest "
        "on votes: what reviewers say of these alone tells how many labels are wrong.",
    )  # fmt: skip
    cost_per_verdict: float | None = Field(
        None, gt=0, description="Money for one verdict. With the strategy relabel, and in rounds that only "
        "look again, an older item of which a verdict tells more for its money than another vote gets no "
        "second look; where it also tells more than what else is asked, it stands on the review queue. "
        "Empty: verdicts are not weighed.",
    )  # fmt: skip
    hold_from_training: bool = Field(
        False, description="Whether labels that wait at a gate are kept out of training until they have "
        "passed. Otherwise they are only kept out of `labelloop export`.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _gates_follow_each_other(self) -> Review:
        names = [gate.name for gate in self.gates]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two gates are called '{twice[0]}'; give each a name of its own")
        if self.gates and self.gates[0].when == ["overturned"]:
            raise ValueError(f"gate '{names[0]}' is the first, so no verdict comes before it that could be "
                             "overturned; put another gate before it")  # fmt: skip
        return self
