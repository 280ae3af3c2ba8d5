"""How far fused numbers are from the truth, by how strongly people's noise is drawn to that of all.

Simulated: items with true values spread by 10, three ratings each of people drawn at random, biases spread by
3; means of `DRAWS` draws. Real: the headlines of crowd_emotion_numeric, held against experts.

    LABELLOOP_DATA=FOLDER python -m bench ratings
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.figures import Figure
from labelloop.fusion.ratings import Ratings, fuse_ratings

DRAWS = 10
PRIORS = (5, 20, 50, 200)
CROWDS = {
    "12 people, noise 2 to 12": (np.linspace(2, 12, 12), 300),
    "40 people, noise 2 to 12, 60 items": (np.linspace(2, 12, 40), 60),
    "12 people, noise 7": (np.full(12, 7.0), 300),
}
"""Each person's noise, and how many items there are."""


def measure(folder: Path) -> list[Figure]:
    """Mean absolute errors of plain means and of values; the default is the figure, the rest its note."""
    found = []
    for name, (noise, n_items) in CROWDS.items():
        found.append(_figure(name, [_simulated(seed, noise, n_items) for seed in range(DRAWS)]))
    data = Path(os.environ.get("LABELLOOP_DATA", "data")) / "crowd_emotion_numeric"
    if data.is_dir():
        found.append(_figure("crowd_emotion_numeric", [_headlines(data)]))
    return found


def _figure(name: str, draws: list[tuple[Ratings, np.ndarray]]) -> Figure:
    how: dict[str, dict[str, Any]] = {f"prior_votes {prior}": {"prior_votes": prior} for prior in PRIORS}
    errors = {"plain means": float(np.mean([_error(_means(ratings), truth) for ratings, truth in draws]))}
    for told, options in (how | {"robust": {"robust": True}}).items():
        fused = [(fuse_ratings(ratings, max_iter=5000, **options).value, truth) for ratings, truth in draws]
        errors[told] = float(np.mean([_error(value, truth) for value, truth in fused]))
    note = ", ".join(f"{told} {error:.2f}" for told, error in errors.items())
    return Figure(f"ratings: {name}", errors["prior_votes 20"], "mean absolute error", note=note)


def _simulated(seed: int, noise: np.ndarray, n_items: int) -> tuple[Ratings, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth, bias = rng.normal(50, 10, n_items), rng.normal(0, 3, len(noise))
    item = np.repeat(np.arange(n_items), 3)
    who = np.concatenate([rng.choice(len(noise), 3, replace=False) for _ in range(n_items)])
    said = truth[item] + bias[who] + noise[who] * rng.normal(size=len(item))
    return Ratings(item, who, said), truth


def _headlines(data: Path) -> tuple[Ratings, np.ndarray]:
    table, experts = pd.read_csv(data / "labels.csv"), pd.read_csv(data / "truth.csv")
    item, items = pd.factorize(table["item"], sort=True)
    who, _ = pd.factorize(table["worker"], sort=True)
    truth = experts.set_index("item")["truth"].reindex(items).to_numpy()
    return Ratings(item, who, table["label"].to_numpy(float)), truth


def _means(ratings: Ratings) -> np.ndarray:
    return np.bincount(ratings.item, ratings.value) / np.bincount(ratings.item)


def _error(values: np.ndarray, truth: np.ndarray) -> float:
    return float(np.nanmean(np.abs(values - truth)))
