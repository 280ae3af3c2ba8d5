"""Settings of the simulated annotators: who they are and how they answer."""

from __future__ import annotations

from pydantic import Field, model_validator

from labelloop.settings.section import Section


class SimulatedAnnotator(Section):
    """One made-up person: how good, how fast, how dear."""

    name: str = Field(description="Name of the annotator.", min_length=1)
    accuracy: float = Field(
        0.9, ge=0, le=1, description="Chance of the right answer; errors spread evenly over other classes."
    )
    confusion: dict[str, dict[str, float]] = Field(
        {}, description="Chances of each answer by true class, where they are not even: {cat: {dog: 0.3}}. "
        "What is left goes to the true class.",
    )  # fmt: skip
    seconds_per_item: float = Field(6.0, gt=0, description="Median time for one answer.")
    cost_per_vote: float | None = Field(
        None, ge=0, description="Money for one answer. Default: annotation.cost_per_vote."
    )
    skip_rate: float = Field(0.0, ge=0, lt=1, description="Chance to skip an item.")
    days_off: list[int] = Field(
        [], description="Weekdays without work, Monday is 0. Answers wait until the next working day."
    )

    @model_validator(mode="after")
    def _is_a_person(self) -> SimulatedAnnotator:
        for true, answers in self.confusion.items():
            if sum(answers.values()) > 1 + 1e-9 or min(answers.values(), default=0) < 0:
                raise ValueError(f"confusion of '{self.name}' for class '{true}' must be chances that sum to "
                                 f"at most 1, not {answers}")  # fmt: skip
        if set(self.days_off) >= set(range(7)) or not set(self.days_off) <= set(range(7)):
            raise ValueError(f"days_off of '{self.name}' is {self.days_off}; name weekdays 0 to 6, not all")
        return self


FIVE_ANNOTATORS = [
    SimulatedAnnotator(name="ada", accuracy=0.98, seconds_per_item=9.0, cost_per_vote=0.08),
    SimulatedAnnotator(name="ben", accuracy=0.95, seconds_per_item=7.0, cost_per_vote=0.06),
    SimulatedAnnotator(name="cy", accuracy=0.92, seconds_per_item=5.0, cost_per_vote=0.05, days_off=[5, 6]),
    SimulatedAnnotator(name="dee", accuracy=0.87, seconds_per_item=4.0, cost_per_vote=0.04),
    SimulatedAnnotator(name="eli", accuracy=0.75, seconds_per_item=3.0, cost_per_vote=0.03, skip_rate=0.02),
]


class Simulation(Section):
    """The crew of the simulated tool."""

    annotators: list[SimulatedAnnotator] = Field(
        FIVE_ANNOTATORS, description="The simulated people.", min_length=1
    )
    poll_hours: float = Field(
        1.0, gt=0, description="Simulated hours that pass between two looks at the tool."
    )

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Simulation:
        names = [annotator.name for annotator in self.annotators]
        if len(set(names)) < len(names):
            raise ValueError(f"annotators share a name: {sorted(names)}")
        return self
