"""Logistic regression on standardised features: the learner to beat with few labels."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np

from labelloop.models.multinomial import CLASS_WEIGHTS, fit_multinomial
from labelloop.models.options import check_choice, check_number
from labelloop.models.probabilities import (
    block_rows_of,
    probabilities_of,
    require_fitted,
    workers_for,
)
from labelloop.models.standardisation import (
    FoldedProduct,
    Standardisation,
    as_features,
    check_finite,
    require_standardisation,
    standardisation_of,
)
from labelloop.models.storage import made_again, read_arrays, save_settings, write_arrays
from labelloop.models.training_rows import training_rows

_ARRAYS = "logistic.safetensors"


class Logistic:
    """Multinomial logistic regression on features, or on images as flat pixels in [0, 1].

    Args:
        n_classes: number of classes.
        seed: part of every learner; the fit is convex and draws nothing.
        c: weight of the log loss against the squared norm of the weights; smaller is smoother.
        max_iter: iterations of L-BFGS at most.
        class_weight: `balanced` gives all classes the same total weight; `none` takes rows as they are.

    The embedding is the standardised features.
    """

    by_slices = True

    def __init__(
        self,
        *,
        n_classes: int,
        seed: int,
        c: float = 1.0,
        max_iter: int = 1000,
        class_weight: str | None = None,
    ) -> None:
        check_number("c", c, above=0)
        check_number("max_iter", max_iter, least=1, whole=True)
        check_choice("class_weight", class_weight, CLASS_WEIGHTS)
        self.n_classes = n_classes
        self.seed = seed
        self.options: dict[str, Any] = {"c": c, "max_iter": max_iter, "class_weight": class_weight}
        self._observed = False
        self._standardisation: Standardisation | None = None
        self._present: np.ndarray | None = None
        self._weights = np.zeros((0, 0))
        self._intercept = np.zeros(0)
        self._product: FoldedProduct | None = None
        """Weights with the standardisation inside, made when first asked for."""

    @property
    def fitted(self) -> bool:
        """Whether it has been trained."""
        return self._present is not None

    def observe(self, shards: Iterable[np.ndarray]) -> None:
        """Learn each feature's mean and spread from the pool."""
        self._standardisation, self._product = standardisation_of(shards), None
        self._observed = True

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Train from scratch; without a pool observed, the scale comes from the training rows."""
        rows = training_rows(inputs, targets, sample_weight, self.n_classes)
        features = as_features(rows.inputs)
        check_finite(features)
        if self._standardisation is None or not self._observed:
            self._standardisation = standardisation_of([features])
        standardised = self._standardisation.apply(features).astype(np.float64)
        self._weights, self._intercept = fit_multinomial(
            standardised, rows.targets, rows.weight, len(rows.present), **self.options
        )
        self._present, self._product = rows.present, None
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32; one product a block, standardisation folded into the weights."""
        present = require_fitted(self._present)
        product = self._product
        if product is None:
            standardisation = require_standardisation(self._standardisation)
            product = self._product = standardisation.fold(self._weights, self._intercept)

        def score(rows: np.ndarray, out: np.ndarray) -> None:
            product.into(as_features(rows), out)

        return probabilities_of(
            inputs,
            lambda: score,
            present,
            self.n_classes,
            intercept=product.intercept,
            block_rows=block_rows_of(product.weights.shape[0]),
            workers=workers_for(self._weights.size),
        )

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, d), float32: standardised features."""
        return require_standardisation(self._standardisation).apply(as_features(inputs))

    def embedding_columns(self) -> Standardisation | None:
        """What `embed` does to each column."""
        return self._standardisation

    def save(self, folder: Path) -> None:
        """Write settings.json and logistic.safetensors."""
        save_settings(self, folder, observed=self._observed)
        arrays: dict[str, np.ndarray] = {}
        if self._standardisation is not None:
            arrays |= {"mean": self._standardisation.mean, "scale": self._standardisation.scale}
        if self._present is not None:
            arrays |= {"present": self._present, "weights": self._weights, "intercept": self._intercept}
        write_arrays(folder / _ARRAYS, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        learner, settings = made_again(cls, folder, "observed")
        arrays = read_arrays(folder / _ARRAYS)
        learner._observed = settings["observed"]
        if "mean" in arrays:
            learner._standardisation = Standardisation(arrays["mean"], arrays["scale"])
        if "present" in arrays:
            learner._present = arrays["present"]
            learner._weights, learner._intercept = arrays["weights"], arrays["intercept"]
        return learner
