"""Fusion methods of other packages, called as their own documentation says; each is left out where it is not
installed.

`PEERS` maps a name to a function of votes that gives a label an item (-1 for none) and how sure it is (None
where the method does not say). GLAD, MACE and snorkel's label model run through labelloop's adapters.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from labelloop.fusion import make_fuser
from labelloop.fusion.base import Votes

Answer = tuple[np.ndarray, np.ndarray | None]


def crowdkit_model(name: str) -> Any:
    """An instance of a class of crowd-kit with its own settings, seeded where it draws."""
    from crowdkit import aggregation  # type: ignore[import-not-found]
    from sklearn.base import BaseEstimator

    made = getattr(aggregation, name)
    if name in ("Wawa", "ZeroBasedSkill"):
        # Their checks need what scikit-learn from 1.6 on finds only in its own base class.
        made = type(name, (made, BaseEstimator), {})
    return made(random_state=0) if name in ("KOS", "MMSR") else made()


def _crowdkit(name: str, votes: Votes) -> Answer:
    table = pd.DataFrame({"task": votes.item, "worker": votes.annotator, "label": votes.label})
    model = crowdkit_model(name)
    label = np.full(len(votes.items), -1)
    found = model.fit_predict(table)
    label[found.index.to_numpy()] = found.to_numpy()
    probabilities = getattr(model, "probas_", None)
    if probabilities is None:
        return label, None
    return label, probabilities.max(axis=1).reindex(np.arange(len(label))).fillna(0.0).to_numpy()


def _adapted(name: str, votes: Votes) -> Answer:
    fusion = make_fuser(name)(votes)
    return fusion.label, fusion.posterior.max(axis=1)


def _cleanlab(votes: Votes) -> Answer:
    from cleanlab.multiannotator import get_majority_vote_label  # type: ignore[import-not-found]

    wide = np.full((len(votes.items), len(votes.annotators)), np.nan)
    wide[votes.item, votes.annotator] = votes.label
    voted = ~np.isnan(wide).all(axis=1)
    label = np.full(len(votes.items), -1)
    used, codes = np.unique(votes.label, return_inverse=True)
    wide[votes.item, votes.annotator] = codes
    people = ~np.isnan(wide).all(axis=0)
    label[voted] = used[get_majority_vote_label(wide[voted][:, people], verbose=False)]
    return label, None


_CROWDKIT = ("MajorityVote", "Wawa", "ZeroBasedSkill", "DawidSkene", "OneCoinDawidSkene", "MMSR", "KOS")
_PACKAGES: dict[str, dict[str, Callable[[Votes], Answer]]] = {
    "crowdkit": {
        f"crowd-kit {name}": partial(_crowdkit, name)
        for name in _CROWDKIT
    }
    | {"crowd-kit GLAD": partial(_adapted, "crowdkit_glad"),
       "crowd-kit MACE": partial(_adapted, "crowdkit_mace")},
    "cleanlab": {"cleanlab consensus": _cleanlab},
    "snorkel": {"snorkel LabelModel": partial(_adapted, "snorkel_label_model")},
}  # fmt: skip

PEERS = {
    name: call
    for package, calls in _PACKAGES.items()
    if importlib.util.find_spec(package)
    for name, call in calls.items()
}
MISSING = [package for package in _PACKAGES if not importlib.util.find_spec(package)]
