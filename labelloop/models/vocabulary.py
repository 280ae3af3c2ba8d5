"""The terms of a pool of texts and in how many texts each occurs, counted in one bounded pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from labelloop.errors import DataError

MOST_TERMS = 1_000_000
"""Different terms counted at a time, which bounds the memory to roughly 150 MB."""

_CHECK_EVERY = 4096


@dataclass(frozen=True)
class Vocabulary:
    """Terms in alphabetical order, and what each is worth."""

    terms: list[str]
    idf: np.ndarray
    """Shape (n_terms,), float32: ln((1 + texts) / (1 + texts with the term)) + 1."""


class TermCounter:
    """Counts in how many texts each term occurs.

    When more than `most_terms` are held, the rarest are forgotten (lossy counting: Manku and Motwani, 2002,
    Approximate frequency counts over data streams). That happens after fixed numbers of texts, so neither
    the counts nor the vocabulary depend on how texts are cut into shards.
    """

    def __init__(self, analyse: Callable[[str], list[str]], most_terms: int = MOST_TERMS) -> None:
        self._analyse = analyse
        self._most_terms = most_terms
        self._counts: Counter[str] = Counter()
        self.texts = 0

    def add(self, texts: Iterable[str]) -> None:
        """Count the terms of `texts`."""
        for text in texts:
            self._counts.update(set(self._analyse(text)))
            self.texts += 1
            if self.texts % _CHECK_EVERY == 0 and len(self._counts) > self._most_terms:
                self._forget_rarest()

    def vocabulary(self, min_df: int, max_features: int) -> Vocabulary:
        """The most frequent terms; among equals the first in the alphabet.

        A pool too small to repeat a term `min_df` times keeps all of its terms.

        Raises:
            DataError: there is no term at all.
        """
        counts = {term: count for term, count in self._counts.items() if count >= min_df} or self._counts
        if not counts:
            raise DataError(f"none of the pool's {self.texts} texts holds a word; check dataset.text_columns")
        frequent = sorted(counts, key=lambda term: (-counts[term], term))[:max_features]
        terms = sorted(frequent)
        df = np.array([counts[term] for term in terms], dtype=np.float64)
        return Vocabulary(terms, (np.log((1 + self.texts) / (1 + df)) + 1).astype(np.float32))

    def _forget_rarest(self) -> None:
        threshold = 1
        while len(self._counts) > self._most_terms // 2:
            self._counts = Counter({t: count for t, count in self._counts.items() if count > threshold})
            threshold += 1
