"""What every part of params.yaml is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of params.yaml; unknown keys are refused, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
