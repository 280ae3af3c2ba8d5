"""The audit's arm of a batch: labels accepted from the model that people are asked about all the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from labelloop import tables
from labelloop.certification.drawing import draw
from labelloop.datasets.base import Prepared
from labelloop.stages.runner import Round
from labelloop.stages.strategy_arm import arm

MOST = 0.5
"""Share of a batch's items that audits take at most."""


def audit_rows(current: Round, prepared: Prepared, taken: np.ndarray, room: int) -> np.ndarray:
    """Rows of the pool to audit, in the order of their draw.

    Chosen before the strategy looks, so that what it would rather ask has no say in what is audited.

    Args:
        taken: rows that were asked about, or are about to be.
        room: new items that the round has left.
    """
    accepted = tables.ACCEPTED.read(current.previous.accepted)
    drawn = accepted[accepted["audit"]]
    if not len(drawn):
        return np.array([], dtype=np.int64)
    chances = [draw(name, item) for name, item in zip(drawn["certificate"], drawn["item"], strict=True)]
    rows = prepared.pool.rows_of(drawn["item"].tolist())[np.argsort(chances, kind="stable")]
    rows = rows[~np.isin(rows, taken)].astype(np.int64)
    return rows[: int(MOST * room)]


def audit_arm(rows: np.ndarray) -> pd.DataFrame:
    """The rows as a part of the batch; the draw is the certificate's, so no chance is noted."""
    return arm("audit", rows, np.nan, np.nan)
