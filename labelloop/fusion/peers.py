"""What the fusion methods of other packages share: loading them, handing votes over, taking posteriors back.

They are there to compare with. Each is imported only when it is used, and none is needed by labelloop.
"""

from __future__ import annotations

import importlib
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd

from labelloop.errors import DataError, SettingsError
from labelloop.fusion.base import Fusion, Votes
from labelloop.fusion.calibration import conclude


def peer(module: str, package: str, method: str) -> tuple[Any, str]:
    """A module of another package and the package's version.

    Raises:
        SettingsError: it is not installed, or something that it needs is not.
    """
    try:
        return importlib.import_module(module), metadata.version(package).replace("+", ".")
    except (ImportError, metadata.PackageNotFoundError) as error:
        raise SettingsError(
            f"fusion.method {method} needs the package {package} ({error}); install it with "
            f"`pip install -c constraints.txt -e '.[peers]'` or `pip install {package}`"
        ) from error


def whole_number(name: str, value: object, least: int) -> None:
    """Refuse an option that is no whole number from `least` on."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SettingsError(f"fusion.options.{name} is {value!r}; it must be a whole number from {least} on")


def crowdkit_table(votes: Votes) -> tuple[pd.DataFrame, np.ndarray]:
    """Votes as crowd-kit takes them, and the classes that its labels stand for.

    Rows are sorted by item and annotator; annotators and labels are numbered in the order in which they then
    first occur. So the order of rows does not matter, and sorted names and order of occurrence are the same
    order: crowd-kit 1.4's MACE uses the one for its parameters and the other for its expected counts.

    Returns:
        Columns task, worker and label, all int64; and shape (n_labels,), the class code of each label.
    """
    order = np.lexsort((votes.annotator, votes.item))
    worker, _ = pd.factorize(votes.annotator[order])
    label, codes = pd.factorize(votes.label[order])
    table = pd.DataFrame({"task": votes.item[order], "worker": worker, "label": label})
    return table.astype(np.int64), np.asarray(codes, dtype=np.int64)


def crowdkit_fusion(
    votes: Votes, model: Any, method: str, *, gold: np.ndarray | None, temperature: float | None
) -> Fusion:
    """Fit a model of crowd-kit and calibrate what it says.

    Classes that nobody chose have posterior 0; items without votes have an even one. Where all votes are
    for one class there is nothing to fit, and the class is certain.

    Args:
        model: has `fit_predict_proba(table)`.
        method: name and version for `Fusion.method`.
        gold: the model takes none: known items keep their class, and confidence is calibrated on them.

    Raises:
        DataError: the model gave something else than probabilities.
    """
    table, codes = crowdkit_table(votes)
    posterior = np.zeros((len(votes.items), len(votes.classes)))
    voted = np.bincount(votes.item, minlength=len(votes.items)) > 0
    posterior[~voted] = 1 / len(votes.classes)
    if len(codes) == 1:
        posterior[voted, codes[0]] = 1
    elif len(codes) > 1:
        found = model.fit_predict_proba(table).reindex(
            index=np.flatnonzero(voted), columns=np.arange(len(codes))
        )
        rows = found.to_numpy(dtype=np.float64)
        if not np.isfinite(rows).all() or (rows < 0).any() or not np.allclose(rows.sum(axis=1), 1, atol=1e-6):
            raise DataError(
                f"{method} gave no probabilities for {int((~np.isfinite(rows).all(axis=1)).sum())} of "
                f"{len(rows)} items; use another fusion.method"
            )
        posterior[np.ix_(np.flatnonzero(voted), codes)] = rows
    return conclude(
        votes, lambda *_: posterior, method, gold=gold, warm_start=None, blend_votes=False,
        temperature=temperature,
    )  # fmt: skip
