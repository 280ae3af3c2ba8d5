"""Learning curves of small campaigns on real sets, replayed: what `bench.forecast` judges forecasts on.

A campaign here asks the same number of items every round and is judged on one test set of a few hundred
items, as a user's is. Texts are TF-IDF vectors reduced by singular values, so nothing has to be downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from bench import label_sets
from bench.label_replay import Replay
from bench.label_sets import Labeled, Split

TEXT_WIDTH = 100
ROUNDS = 16
TEST_ITEMS = 400
STRATEGIES = ("random", "margin", "uherding")


def _text(table: pd.DataFrame, text: pd.Series, label: str) -> Labeled:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    first = ~text.duplicated().to_numpy()
    text, labels = text[first], table[label][first]
    kept = np.random.default_rng(0).permutation(len(text))[:9000]
    words = TfidfVectorizer(sublinear_tf=True, min_df=2).fit_transform(text.iloc[kept])
    reduced = TruncatedSVD(TEXT_WIDTH, random_state=0).fit_transform(words)
    norms = np.linalg.norm(reduced, axis=1, keepdims=True)
    codes = np.unique(labels.iloc[kept].astype(str), return_inverse=True)[1].astype(np.int64)
    return Labeled((reduced / np.maximum(norms, 1e-9)).astype(np.float32), codes)


def _ag_news(data: Path, _cache: Path) -> Labeled:
    table = pd.read_csv(data / "ag_news" / "ag_news.csv.gz")
    return _text(table, table["title"].fillna("") + ". " + table["description"].fillna(""), "label")


def _sms_spam(data: Path, _cache: Path) -> Labeled:
    table = pd.read_csv(data / "sms_spam" / "sms_spam.csv.gz")
    return _text(table, table["text"], "label")


SETS: dict[str, tuple[Callable[[Path, Path], Labeled], int]] = {
    "digits": (label_sets.SETS["digits"], 25),
    "fashion_mnist": (label_sets.SETS["fashion_mnist"], 40),
    "letter": (label_sets.SETS["letter"], 100),
    "ag_news": (_ag_news, 40),
    "sms_spam": (_sms_spam, 25),
}
"""How a set is read, and the items of a batch."""


def curve(name: str, seed: int, strategy: str, data: Path) -> list[tuple[int, float]]:
    """Labels and accuracy after each round of one campaign."""
    read, batch = SETS[name]
    parts = label_sets.split(read(data, data), seed)
    pool = parts.pool[:4000], parts.pool_codes[:4000]
    small = Split(*pool, parts.test[:TEST_ITEMS], parts.test_codes[:TEST_ITEMS], parts.classes)
    sizes = [max(batch, parts.classes) + batch * number for number in range(ROUNDS)]
    return Replay(small, "", seed).run_sizes(strategy, sizes)
