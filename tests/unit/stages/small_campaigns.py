"""What small campaigns of tests have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

UNRECORDED: dict[str, dict[str, Any]] = {
    "tracking": {"enabled": False},
    "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
}
"""Settings of a campaign that is in neither MLflow, DVC nor git."""


def clouds(rows: int, apart: float, columns: str = "abcd") -> pd.DataFrame:
    """A table of three classes: Gaussian clouds, their centres so far apart in each column; and `label`."""
    random = np.random.default_rng(0)
    codes = random.integers(3, size=rows)
    points = random.normal(apart * codes[:, None], 1.0, (rows, len(columns)))
    return pd.DataFrame(points, columns=list(columns)).assign(label=[f"class-{code}" for code in codes])
