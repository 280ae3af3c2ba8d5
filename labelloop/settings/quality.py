"""Gold among the questions, and what becomes of annotators who answer badly."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from labelloop.settings.section import Section

Flag = Literal["spam", "copying", "drift", "too fast"]


class Gold(Section):
    """Items whose true label is known, asked among the others without anybody knowing which they are."""

    path: str | None = Field(
        None, description="Table with columns item and label: true labels of items of the pool, which are "
        "kept for this and never trained on; relative to the campaign's folder. Read anew when a round "
        "opens, so items may be added.",
    )  # fmt: skip
    known: int = Field(
        0, ge=0, description="So many items of the pool whose label came with the data, drawn at random, "
        "are gold; instead of path.",
    )  # fmt: skip
    share: float = Field(
        0.1, gt=0, le=0.5, description="Share of the items asked that is gold, test set not counted; they "
        "are asked on top of acquisition.batch_size. Each is asked about once, while there are any.",
    )  # fmt: skip
    overlap: int | None = Field(
        None, ge=1, description="Different annotators asked about each gold item. Default: "
        "annotation.overlap; more gives more answers of each annotator that can be judged. Fewer are asked "
        "where there are fewer people.",
    )  # fmt: skip

    @property
    def on(self) -> bool:
        """Whether there is any gold."""
        return self.path is not None or self.known > 0

    @property
    def per_item(self) -> float:
        """Gold items asked for each other item."""
        return self.share / (1 - self.share) if self.on else 0.0

    @model_validator(mode="after")
    def _one_source(self) -> Gold:
        if self.path is not None and self.known:
            raise ValueError(f"path is '{self.path}' and known is {self.known}; keep one of them")
        return self


class Pause(Section):
    """When an annotator is asked no further. Nothing is set: nobody is paused."""

    gold_below: float | None = Field(
        None, gt=0, lt=1, description="Paused when the upper end of the 95% interval of the accuracy on gold "
        "is below this.",
    )  # fmt: skip
    least_gold: int = Field(20, ge=5, description="Answers about gold before gold_below is looked at.")
    flags: list[Flag] = Field(
        [], description="Paused when flagged so: spam, copying (all of the pair), drift, too fast; "
        "docs/annotators.md says when each is raised.",
    )  # fmt: skip

    @property
    def on(self) -> bool:
        """Whether anybody can be paused."""
        return self.gold_below is not None or bool(self.flags)


class Quality(Section):
    """What follows from how well people answer."""

    pause: Pause = Field(Pause(), description="Rules by which annotators are paused; see quality.pause.")
    trusted: list[str] = Field(
        [], description="Annotators who are never paused; to name one who is paused ends the pause with the "
        "next round.",
    )  # fmt: skip
    drop_votes: bool = Field(
        False, description="Leave out all votes of paused annotators when labels are made. Otherwise what "
        "they said before counts, weighed like everybody's by what it is worth.",
    )  # fmt: skip
    slice_by: list[str] = Field(
        [], description="Columns of the data's table by whose values agreement is reported as well, such as "
        "the source of an item; at most 50 values each.",
    )  # fmt: skip
    reask_share: float = Field(
        0.0, ge=0, le=0.2, description="Questions of a round, beyond the others and as a share of them, "
        "that ask somebody again what they have answered: how often people agree with themselves. The first "
        "answer stays what counts. For tools that can send a question to one person: simulated, files.",
    )  # fmt: skip
    reask_after: int = Field(
        2, ge=1, description="Nobody is asked the same again before so many rounds later."
    )
