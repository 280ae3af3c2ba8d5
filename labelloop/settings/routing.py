"""Who is asked what: at random, or by skill, with quotas and a tier of experts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from labelloop.settings.section import Section


class Person(Section):
    """One annotator, where they are not like the others."""

    tier: Literal["usual", "expert"] = Field(
        "usual", description="expert: asked only about what the others leave unsure with `max_overlap` "
        "answers, or split on, and about gold.",
    )  # fmt: skip
    quota: int | None = Field(
        None, ge=1, description="Answers this annotator is asked for in a round at most. Default: "
        "annotation.routing.quota.",
    )  # fmt: skip
    cost_per_vote: float | None = Field(
        None, ge=0, description="Money for one answer. Default: annotation.cost_per_vote. Simulated "
        "annotators have their price in annotation.simulation.annotators.",
    )  # fmt: skip


class Routing(Section):
    """Who is asked about which item; for tools that can send a question to one person: simulated, files."""

    mode: Literal["none", "skill"] = Field(
        "none", description="none: whoever is free answers. skill: each question is for one annotator, who "
        "is likely to know the class that the item may be of and has had little to do. Gold is always dealt "
        "at random. Others' answers still count.",
    )  # fmt: skip
    explore: float = Field(
        0.1, gt=0, le=1, description="Share of the answers for which somebody is drawn at random, so that "
        "everybody's skill stays known.",
    )  # fmt: skip
    load_weight: float = Field(
        0.1, ge=0, description="What load weighs against skill: somebody better by so much is asked for one "
        "even share of all answers more than the others. 0: load does not matter.",
    )  # fmt: skip
    quota: int | None = Field(
        None, ge=1, description="Answers each annotator is asked for in a round at most; a round asks no "
        "more than all quotas together allow. Empty: no limit.",
    )  # fmt: skip
    people: dict[str, Person] = Field(
        {}, description="What differs for single annotators, by name; see annotation.routing.people."
    )

    @property
    def on(self) -> bool:
        """Whether questions are for single annotators."""
        return self.mode != "none"

    @property
    def experts(self) -> frozenset[str]:
        """Names of the upper tier."""
        return frozenset(name for name, one in self.people.items() if one.tier == "expert")

    def quota_of(self, name: str) -> int | None:
        """Answers that somebody is asked for in a round at most; None without a limit."""
        own = self.people.get(name, Person()).quota
        return self.quota if own is None else own
