"""Logistic regression on TF-IDF: the learner for text."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np

from labelloop.errors import DataError
from labelloop.models.multinomial import CLASS_WEIGHTS, fit_multinomial
from labelloop.models.options import check_choice, check_number
from labelloop.models.probabilities import probabilities_of, require_fitted
from labelloop.models.storage import made_again, read_arrays, save_settings, write_arrays
from labelloop.models.tfidf import (
    TextSpace,
    has_text_space,
    learn_text_space,
    load_text_space,
    save_text_space,
)
from labelloop.models.training_rows import training_rows

_CLASSIFIER = "classifier.safetensors"

TERMS = {"ngrams": 2, "min_df": 2, "max_features": 50_000}
"""Which terms texts have, unless options say otherwise: see `TfidfLogistic`."""
DIRECTIONS = 128
"""Latent directions, unless options say otherwise."""
_FADE_ROWS = 500
"""Labeled rows at which the latent directions have lost half of their weight."""


class TfidfLogistic:
    """Multinomial logistic regression on TF-IDF of word n-grams and on latent semantic directions.

    Vocabulary, term weights and latent directions come from the whole pool, which is what helps when only
    a few texts are labeled: words that no labeled text holds still count by the company they keep. The
    directions are linear in the TF-IDF row, so they fold into one weight a term and cost nothing at
    prediction. Their weight fades as labels come in: `lsa_weight / (1 + labeled rows / 500)`.

    Args:
        n_classes: number of classes.
        seed: of the sample and the sketch that the latent directions are computed from.
        c: weight of the log loss against the squared norm of the weights; smaller is smoother.
        max_iter: iterations of L-BFGS at most.
        class_weight: `balanced` gives all classes the same total weight; `none` takes rows as they are.
        ngrams: longest sequence of words that is a term.
        min_df: texts of the pool a term must be in.
        max_features: terms at most; the most frequent stay.
        embedding_size: latent directions, and columns of the embedding.
        lsa_weight: how much the latent directions count beside the terms, with few labels; 0 is plain TF-IDF.
    """

    def __init__(
        self,
        *,
        n_classes: int,
        seed: int,
        c: float = 10.0,
        max_iter: int = 1000,
        class_weight: str | None = None,
        ngrams: int = TERMS["ngrams"],
        min_df: int = TERMS["min_df"],
        max_features: int = TERMS["max_features"],
        embedding_size: int = DIRECTIONS,
        lsa_weight: float = 4.0,
    ) -> None:
        check_number("c", c, above=0)
        check_choice("class_weight", class_weight, CLASS_WEIGHTS)
        check_number("lsa_weight", lsa_weight, least=0)
        whole = {"max_iter": max_iter, "ngrams": ngrams, "min_df": min_df,
                 "max_features": max_features, "embedding_size": embedding_size}  # fmt: skip
        for name, value in whole.items():
            check_number(name, value, least=1, whole=True)
        self.n_classes = n_classes
        self.seed = seed
        self.options: dict[str, Any] = {
            "c": c, "max_iter": max_iter, "class_weight": class_weight, "ngrams": ngrams, "min_df": min_df,
            "max_features": max_features, "embedding_size": embedding_size, "lsa_weight": lsa_weight,
        }  # fmt: skip
        self._observed = False
        self._space: TextSpace | None = None
        self._present: np.ndarray | None = None
        self._weights = np.zeros((0, 0), dtype=np.float32)
        self._intercept = np.zeros(0, dtype=np.float32)

    @property
    def fitted(self) -> bool:
        """Whether it has been trained."""
        return self._present is not None

    def observe(self, shards: Iterable[np.ndarray]) -> None:
        """Learn vocabulary, term weights and latent directions from the pool."""
        self._space = self._learn(shards)
        self._observed = True

    def fit(self, inputs: np.ndarray, targets: np.ndarray, sample_weight: np.ndarray | None = None) -> Self:
        """Train from scratch; without a pool observed, the vocabulary comes from the training rows."""
        from scipy.sparse import csr_matrix, hstack

        rows = training_rows(inputs, targets, sample_weight, self.n_classes)
        space = self._space if self._space is not None and self._observed else self._learn([rows.inputs])
        self._space = space
        tfidf = space.rows(rows.inputs)
        # A term of no labeled text would get weight 0 anyway; leaving it out is the same and much faster.
        used = np.unique(tfidf.indices)
        lsa_weight = self.options["lsa_weight"] / (1 + len(rows.targets) / _FADE_ROWS)
        latent = (tfidf @ space.directions) * np.float32(lsa_weight)
        weights, intercept = fit_multinomial(
            hstack([tfidf[:, used], csr_matrix(latent)]).tocsr().astype(np.float64),
            rows.targets,
            rows.weight,
            len(rows.present),
            c=self.options["c"],
            max_iter=self.options["max_iter"],
            class_weight=self.options["class_weight"],
        )
        of_terms, of_latent = weights[: len(used)], weights[len(used) :]
        self._weights = (space.directions @ (lsa_weight * of_latent)).astype(np.float32)
        self._weights[used] += of_terms.astype(np.float32)
        self._intercept = intercept.astype(np.float32)
        self._present = rows.present
        return self

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, n_classes), float32."""
        present = require_fitted(self._present)
        space = self._require_space()

        def score(rows: np.ndarray, out: np.ndarray) -> None:
            np.add(space.rows(rows) @ self._weights, self._intercept, out=out)

        return probabilities_of(inputs, lambda: score, present, self.n_classes)

    def embed(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, embedding_size), float32, rows of unit length."""
        return self._require_space().embed(inputs)

    def save(self, folder: Path) -> None:
        """Write settings.json, vocabulary.json and safetensors files."""
        save_settings(self, folder, observed=self._observed)
        if self._space is not None:
            save_text_space(self._space, folder)
        if self._present is not None:
            arrays = {"present": self._present, "weights": self._weights, "intercept": self._intercept}
            write_arrays(folder / _CLASSIFIER, arrays)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        learner, settings = made_again(cls, folder, "observed")
        learner._observed = settings["observed"]
        if has_text_space(folder):
            learner._space = load_text_space(folder, settings["options"]["ngrams"])
        if (folder / _CLASSIFIER).exists():
            arrays = read_arrays(folder / _CLASSIFIER, ("present", "weights", "intercept"))
            learner._present = arrays["present"]
            learner._weights, learner._intercept = arrays["weights"], arrays["intercept"]
        return learner

    def _learn(self, shards: Iterable[np.ndarray]) -> TextSpace:
        return learn_text_space(
            shards,
            ngrams=self.options["ngrams"],
            min_df=self.options["min_df"],
            max_features=self.options["max_features"],
            size=self.options["embedding_size"],
            seed=self.seed,
        )

    def _require_space(self) -> TextSpace:
        if self._space is None:
            raise DataError("this learner has seen no text yet; call observe or fit first")
        return self._space
