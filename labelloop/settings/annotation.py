"""People, tools and what answers cost."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from labelloop.settings.routing import Routing
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
        "than new items; once the pool or budget.labels is used up, rounds ask for second looks alone. "
        "Empty: every item gets `overlap` answers and no second look.",
    )  # fmt: skip
    target_confidence: float = Field(
        0.95, gt=0, lt=1, description="Confidence from which a label needs no second look; below it with "
        "max_overlap answers, an item goes to the review list. Used with max_overlap only. Without gold "
        "(10 items with votes) confidence is not calibrated: more labels than 1 - target may be wrong.",
    )  # fmt: skip
    second_look_share: float = Field(
        0.5, gt=0, le=1, description="Most of a round's votes that go to second looks; the rest asks about "
        "new items. Used with max_overlap only, and not by the strategy relabel.",
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
    routing: Routing = Field(Routing(), description="Who is asked about which item; see annotation.routing.")
    simulation: Simulation = Field(Simulation(), description="Used by the simulated tool only.")

    @model_validator(mode="after")
    def _routable(self) -> Annotation:
        people, experts = self.names, self.routing.experts
        unknown = sorted(set(self.routing.people) - set(people))
        if unknown and people:
            raise ValueError(f"routing.people names {unknown[0]!r}, who is none of the {len(people)} "
                             f"annotators: {', '.join(people[:20])}")  # fmt: skip
        if not self.routing.on:
            if self.routing.people or self.routing.quota:
                raise ValueError("routing has quotas or people, but routing.mode is none, so nobody is asked "
                                 "in particular; set routing.mode to skill")  # fmt: skip
            return self
        if self.tool == "label_studio":
            raise ValueError("routing.mode is skill, but Label Studio's open edition deals tasks to whoever "
                             "comes and cannot send one to a person; set routing.mode to none, or tool to "
                             "files")  # fmt: skip
        if not people:
            raise ValueError("routing.mode is skill, but nobody is known by name; list everybody who may "
                             "answer in annotators")  # fmt: skip
        if experts and self.max_overlap is None:
            raise ValueError(f"{', '.join(sorted(experts))} of tier expert are asked about what stays unsure "
                             "with max_overlap answers, and there is no max_overlap; set it")  # fmt: skip
        priced = sorted(name for name, one in self.routing.people.items() if one.cost_per_vote is not None)
        if self.tool == "simulated" and priced:
            raise ValueError(f"routing.people.{priced[0]} has a cost_per_vote, but simulated annotators have "
                             "prices of their own; set cost_per_vote in simulation.annotators")  # fmt: skip
        return self

    @model_validator(mode="after")
    def _enough_people(self) -> Annotation:
        people = len(set(self.names) - self.routing.experts)
        if self.names and not people:
            raise ValueError("routing.people makes an expert of every annotator, so nobody would be asked "
                             "about new items; name annotators who are none")  # fmt: skip
        wishes = {"overlap": self.overlap, "test_overlap": self.test_overlap, "max_overlap": self.max_overlap}
        for name, wanted in wishes.items():
            if people and wanted is not None and wanted > people:
                usual = " who are no experts" if self.routing.experts else ""
                raise ValueError(f"{name} is {wanted}, but there are only {people} annotators{usual}; lower "
                                 "it or name more annotators")  # fmt: skip
        if self.max_overlap is not None and self.max_overlap <= self.overlap:
            raise ValueError(f"max_overlap is {self.max_overlap}, but every item is asked of {self.overlap} "
                             "(overlap) to begin with; raise max_overlap or lower overlap")  # fmt: skip
        if self.quorum < 1 and self.deadline_hours is None:
            raise ValueError(f"quorum is {self.quorum}, but without deadline_hours no round ever closes "
                             "early; set a deadline or remove quorum")  # fmt: skip
        return self

    def price_of(self, name: str) -> float:
        """Money for an answer of this annotator, where an item has no price of its own."""
        if self.tool == "simulated":
            own = [one.cost_per_vote for one in self.simulation.annotators if one.name == name]
        else:
            own = [one.cost_per_vote for known, one in self.routing.people.items() if known == name]
        return self.cost_per_vote if not own or own[0] is None else own[0]

    @property
    def names(self) -> list[str]:
        """Everybody whom the settings name."""
        if self.tool == "simulated":
            return [person.name for person in self.simulation.annotators]
        return self.annotators
