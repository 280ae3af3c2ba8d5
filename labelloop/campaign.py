"""params.yaml as typed settings: what the user wants next.

The same models check the file, make the parameter form in the Prefect UI and generate the configuration
reference (docs/configuration.md), so a setting is described once. Nothing here is secret: addresses and
tokens come from the environment (labelloop/environment.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError, model_validator

from labelloop.errors import SettingsError
from labelloop.hints import did_you_mean
from labelloop.settings.acceptance import Acceptance
from labelloop.settings.acquisition import Acquisition
from labelloop.settings.annotation import Annotation
from labelloop.settings.data import Campaign, Dataset, Labels
from labelloop.settings.fusion import Fusion
from labelloop.settings.judging import Budget, Evaluation, Stopping
from labelloop.settings.model import Model
from labelloop.settings.quality import Gold, Quality
from labelloop.settings.records import Tracking, Versioning
from labelloop.settings.review import Review
from labelloop.settings.section import Section

__all__ = [
    "Acceptance",
    "Acquisition",
    "Annotation",
    "Budget",
    "Campaign",
    "CampaignSettings",
    "Dataset",
    "Evaluation",
    "Fusion",
    "Gold",
    "Labels",
    "Model",
    "Quality",
    "Review",
    "Stopping",
    "Tracking",
    "Versioning",
    "load_settings",
    "parse_settings",
]


class CampaignSettings(Section):
    """All of params.yaml."""

    campaign: Campaign = Campaign()
    dataset: Dataset = Dataset()
    labels: Labels = Labels()
    model: Model = Model()
    acquisition: Acquisition = Acquisition()
    annotation: Annotation = Annotation()
    fusion: Fusion = Fusion()
    gold: Gold = Gold()
    quality: Quality = Quality()
    review: Review = Review()
    evaluation: Evaluation = Evaluation()
    accept: Acceptance = Acceptance()
    stopping: Stopping = Stopping()
    budget: Budget = Budget()
    tracking: Tracking = Tracking()
    versioning: Versioning = Versioning()

    @model_validator(mode="after")
    def _it_ends(self) -> CampaignSettings:
        stopping, budget = self.stopping, self.budget
        limits = (stopping.max_rounds, stopping.target_accuracy, budget.labels, budget.money, budget.hours)
        if all(limit is None for limit in limits) and self.annotation.tool == "simulated":
            raise ValueError("nothing ever stops this simulated campaign before the pool is used up; set one "
                             "of stopping.max_rounds, stopping.target_accuracy, budget.labels")  # fmt: skip
        if budget.labels is not None and self.acquisition.first_batch_size is not None \
                and self.acquisition.first_batch_size > budget.labels:  # fmt: skip
            raise ValueError(f"acquisition.first_batch_size {self.acquisition.first_batch_size} is more than "
                             f"budget.labels {budget.labels}")  # fmt: skip
        if self.quality.reask_share and self.annotation.tool == "label_studio":
            raise ValueError(f"quality.reask_share is {self.quality.reask_share}, but Label Studio's open "
                             "edition deals nobody a task twice and cannot send one to a person; set it to "
                             "0, or annotation.tool to files")  # fmt: skip
        if self.quality.reask_share and self.annotation.tool == "files" and not self.annotation.routing.on:
            raise ValueError(f"quality.reask_share is {self.quality.reask_share}, but without routing nobody "
                             "has a sheet of their own in which such a question would not stand out; set "
                             "annotation.routing.mode to skill")  # fmt: skip
        return self


def load_settings(path: Path) -> CampaignSettings:
    """Read and check params.yaml.

    Raises:
        SettingsError: one line a mistake, each with the key, the value and the nearest real key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} is not there; `labelloop init {path.parent}` makes a campaign") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict | None):
        raise SettingsError(f"{path} must hold sections such as 'dataset:', not {type(content).__name__}")
    return parse_settings(content or {}, source=str(path))


def parse_settings(content: dict[str, Any], source: str = "params") -> CampaignSettings:
    """Check settings that are already a mapping; see `load_settings`."""
    try:
        return CampaignSettings.model_validate(content)
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise SettingsError("\n".join([f"{source} has {len(lines)} mistake(s):", *lines])) from None


def _explain(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _known_keys(detail["loc"][:-1])
        hint = did_you_mean(detail["loc"][-1], known, otherwise=f"known keys: {', '.join(known)}")
        return f"  {where}: unknown key; {hint}"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"  {where or 'settings'}: {message}"
    return f"  {where}: {message} (it is {detail['input']!r})"


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: Any = CampaignSettings
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        arguments = getattr(annotation, "__args__", ())
        model = next((a for a in (annotation, *arguments) if hasattr(a, "model_fields")), model)
    return list(model.model_fields)


def differences(before: Any, now: Any, prefix: str = "") -> list[str]:
    """What differs in two sections of settings, JSON-like: a line a key, with both values."""
    if isinstance(before, dict) and isinstance(now, dict):
        keys = [*before, *(key for key in now if key not in before)]
        return [
            line
            for key in keys
            for line in differences(before.get(key), now.get(key), f"{prefix}.{key}" if prefix else str(key))
        ]
    return [] if before == now else [f"{prefix} changed from {before!r} to {now!r}"]
