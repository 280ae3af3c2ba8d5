"""What is told to MLflow about one round, and how settings become MLflow's flat parameters.

Imports nothing of MLflow, so that the code that makes a record stays quick and easy to test.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from labelloop import files
from labelloop.datasets.base import InputKind

LONGEST_VALUE = 6000
"""Characters of a parameter's value that MLflow keeps."""

_LONGEST_KEY = 250

NAMING = ("annotators", "people", "trusted", "by")
"""Settings that name people."""


@dataclass(frozen=True)
class LoggedModel:
    """A round's learner, as it goes to MLflow."""

    folder: Path
    """What `Learner.save` wrote."""
    classes: tuple[str, ...]
    input_kind: InputKind
    input_example: np.ndarray
    """A few rows of what the learner sees; see labelloop/models/base.py."""
    sight: Path | None = None
    """What makes such rows of a text and a picture; see labelloop/datasets/sight.py."""
    example_texts: tuple[str, ...] = ()
    """With `sight`: the texts that `input_example` is of."""


@dataclass(frozen=True)
class RoundRecord:
    """One round. Nothing in it names a person but `artifacts`, where `tracking.log_people` lets them."""

    round_id: str
    settings: Mapping[str, Any]
    """The settings the round was opened with, nested as in settings.yaml."""
    metrics: Mapping[str, float | None]
    """By name; a metric that is None or not finite is left out."""
    labels_used: int
    """Labels bought up to the end of the round: the x axis of the campaign's charts."""
    snapshot: str
    """The snapshot's path, relative to the campaign's folder."""
    digest: str
    """The snapshot's digest in DVC, at most 36 characters."""
    model: LoggedModel | None = None
    pictures: tuple[Path, ...] = ()
    """Logged with the round; the latest ones with the campaign as well."""
    artifacts: tuple[Path, ...] = ()
    """Further files of the round, such as its report."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Such as the git commit and tag of the snapshot."""

    @property
    def known_metrics(self) -> dict[str, float]:
        return {name: float(value) for name, value in self.metrics.items()
                if value is not None and math.isfinite(value)}  # fmt: skip

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the record says; equal for a repeated call."""
        content = asdict(self) | {"model": None, "metrics": self.known_metrics}
        content["model"] = None if self.model is None else files.digest(self.model.folder)
        for name in ("pictures", "artifacts"):
            content[name] = [[path.name, files.digest(path)] for path in getattr(self, name)]
        return files.digest_of(json.loads(json.dumps(content, default=str)))


def flat_parameters(settings: Mapping[str, Any]) -> dict[str, str]:
    """Nested settings as ``section.key`` and text; of people only how many there are.

    Lists and numbers are written as JSON. Keys and values keep to MLflow's lengths and characters.
    """
    return dict(_flatten(settings, ""))


def _flatten(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if key.rpartition(".")[2] in NAMING:
        yield f"{key}.count", str(len(value))
    elif isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        yield re.sub(r"[^\w\-. :/]", "_", key)[:_LONGEST_KEY], text[:LONGEST_VALUE]
