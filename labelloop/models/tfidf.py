"""Texts as TF-IDF rows and as points of a latent semantic space, learned from the pool without labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labelloop import files
from labelloop.errors import DataError
from labelloop.models.reservoir import Reservoir
from labelloop.models.seeding import derive_seed
from labelloop.models.storage import read_arrays, write_arrays
from labelloop.models.vocabulary import TermCounter, Vocabulary
from labelloop.one_thread import one_thread

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SAMPLE_TEXTS = 20_000
"""Texts of the pool that the latent space is fitted on."""

# What the pool taught is in files of its own: they are the same in every round, so a store that goes by
# content keeps them once.
_VOCABULARY = "vocabulary.json"
_SPACE = "text_space.safetensors"

_TOKEN = r"(?u)\b\w+\b"


def _vectorizer(ngrams: int, vocabulary: list[str] | None = None) -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(
        ngram_range=(1, ngrams), token_pattern=_TOKEN, vocabulary=vocabulary, dtype=np.float32
    )


@dataclass(frozen=True)
class TextSpace:
    """What was learned from the pool's texts."""

    vocabulary: Vocabulary
    directions: np.ndarray
    """Shape (n_terms, size), float32: right singular vectors of the pool's TF-IDF matrix."""
    ngrams: int

    @cached_property
    def _counter(self) -> Any:
        return _vectorizer(self.ngrams, self.vocabulary.terms)

    def rows(self, texts: np.ndarray) -> csr_matrix:
        """Sparse TF-IDF rows, shape (n, n_terms), float32: (1 + ln tf) * idf, at unit length."""
        return _weigh(self._counter.transform(texts), self.vocabulary.idf)

    def embed(self, texts: np.ndarray) -> np.ndarray:
        """Shape (n, size), float32, rows of unit length; zeros for a text without a known term.

        Source: Deerwester et al. (1990), Indexing by latent semantic analysis.
        """
        points = np.asarray(self.rows(texts) @ self.directions, dtype=np.float32)
        length = np.linalg.norm(points, axis=1, keepdims=True)
        return np.divide(points, length, out=np.zeros_like(points), where=length > 0)


def learn_text_space(
    shards: Iterable[np.ndarray], *, ngrams: int, min_df: int, max_features: int, size: int, seed: int
) -> TextSpace:
    """Learn vocabulary, weights of terms and latent space in one pass over the pool.

    Args:
        shards: object arrays of str.
        size: dimensions of the latent space; fewer where the pool is too small for that many.

    Raises:
        DataError: there is no text, or no word in any.
    """
    counter = TermCounter(_vectorizer(ngrams).build_analyzer())
    sample = Reservoir(SAMPLE_TEXTS, derive_seed(seed, "tfidf/sample"))
    for shard in shards:
        counter.add(shard)
        sample.offer(shard)
    if counter.texts == 0:
        raise DataError("there is no text to learn a vocabulary from; the pool is empty")
    vocabulary = counter.vocabulary(min_df, max_features)
    counts = _vectorizer(ngrams, vocabulary.terms).transform(sample.sample())
    directions = _singular_directions(_weigh(counts, vocabulary.idf), size, derive_seed(seed, "tfidf/svd"))
    return TextSpace(vocabulary, directions, ngrams)


def save_text_space(space: TextSpace, folder: Path) -> None:
    """Write vocabulary.json and text_space.safetensors."""
    files.write_json(folder / _VOCABULARY, space.vocabulary.terms)
    write_arrays(folder / _SPACE, {"idf": space.vocabulary.idf, "directions": space.directions})


def load_text_space(folder: Path, ngrams: int) -> TextSpace:
    """Read what `save_text_space` wrote.

    Raises:
        DamagedFileError: a file is missing or damaged.
    """
    arrays = read_arrays(folder / _SPACE, ("idf", "directions"))
    return TextSpace(
        Vocabulary(files.read_json(folder / _VOCABULARY), arrays["idf"]), arrays["directions"], ngrams
    )


def has_text_space(folder: Path) -> bool:
    """Whether `save_text_space` wrote there."""
    return (folder / _VOCABULARY).exists()


def _weigh(counts: csr_matrix, idf: np.ndarray) -> csr_matrix:
    rows = counts.tocsr()
    rows.sort_indices()
    rows.data = ((1 + np.log(rows.data)) * idf[rows.indices]).astype(np.float32)
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    # A row without a term has no entries either, so its length of 0 divides nothing.
    rows.data /= np.repeat(length, np.diff(rows.indptr)).astype(np.float32)
    return rows


def _singular_directions(rows: csr_matrix, size: int, seed: int) -> np.ndarray:
    from sklearn.utils.extmath import randomized_svd

    possible = min(size, *rows.shape)
    # One thread, for the same last bit whatever the number of cores.
    with one_thread():
        directions = randomized_svd(rows, n_components=possible, random_state=seed)[2]
    return np.ascontiguousarray(directions.T, dtype=np.float32)
