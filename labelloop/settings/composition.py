"""How a batch is put together, beside the strategy that looks for items."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from labelloop.settings.section import Section

SUM_TOLERANCE = 1e-6


class Composition(Section):
    """What the strategy may pick and how its part of a batch is put together; columns are the dataset's.

    The control arm and the test set stay plain random samples of the whole pool.
    """

    subsample: int | None = Field(
        None, ge=1, description="Candidates drawn at random before the strategy looks; at least the batch."
    )
    filter: dict[str, Any] = Field(
        {}, description="Conditions on columns, all of which must hold: `column: value`, a list of values or "
        "`{min: 3, max: 9}` (either may be left out). An empty cell meets none.",
    )  # fmt: skip
    stratify_by: str | None = Field(
        None, description="Column whose values share the batch; the rest of a share that an exhausted value "
        "cannot fill goes to the others.",
    )  # fmt: skip
    shares: Literal["pool", "equal"] = Field(
        "pool", description="Shares of `stratify_by`: as in the pool (after `filter`), or all the same."
    )
    group_column: str | None = Field(
        None, description="Column that names a group (near-duplicates, one source); an empty cell is a group "
        "of its own.",
    )  # fmt: skip
    cap_per_group: int | None = Field(
        None, ge=1, description="Items of one group that may be asked in all; items asked before count."
    )
    mix: dict[str, float] = Field(
        {}, description="Strategies by share of the batch, such as `{margin: 0.7, rare_class: 0.3}`, instead "
        "of acquisition.strategy once there is a model; shares sum to 1.",
    )  # fmt: skip
    mix_options: dict[str, dict[str, Any]] = Field(
        {}, description="Keyword arguments of the strategies in `mix`, by name."
    )
    cost_column: str | None = Field(
        None, description="Column with what an answer about the item costs, as a multiple of the annotator's "
        "price. Strategies that score items one by one, and those that cover (max_herding, uherding, auto), "
        "then pick by gain over cost, and the batch stays within budget.money.",
    )  # fmt: skip

    @field_validator("filter")
    @classmethod
    def _conditions_can_be_read(cls, conditions: dict[str, Any]) -> dict[str, Any]:
        for column, condition in conditions.items():
            if isinstance(condition, dict):
                if not condition or set(condition) - {"min", "max"}:
                    raise ValueError(f"{column}: {condition} must have min, max or both, and nothing else")
                low, high = condition.get("min"), condition.get("max")
                if low is not None and high is not None and type(low) is type(high) and low > high:
                    raise ValueError(f"{column}: min {low!r} is above max {high!r}")
            elif condition is None or condition == []:
                raise ValueError(f"{column}: {condition!r} lets nothing in; give a value, a list, or a range")
        return conditions

    @field_validator("mix")
    @classmethod
    def _shares_sum_to_one(cls, mix: dict[str, float]) -> dict[str, float]:
        for name, share in mix.items():
            if not 0 < share <= 1:
                raise ValueError(f"the share of {name} is {share}; it must be above 0 and at most 1")
        if mix and abs(sum(mix.values()) - 1) > SUM_TOLERANCE:
            raise ValueError(f"the shares sum to {sum(mix.values()):.6g}; they must sum to 1")
        return mix

    @model_validator(mode="after")
    def _parts_belong_together(self) -> Composition:
        if (self.group_column is None) != (self.cap_per_group is None):
            raise ValueError("group_column and cap_per_group go together; set both or neither")
        stray = sorted(set(self.mix_options) - set(self.mix))
        if stray:
            raise ValueError(f"mix_options names {stray[0]!r}, which is not in mix")
        return self

    @property
    def is_set(self) -> bool:
        """Whether anything is asked for."""
        return self != Composition()
