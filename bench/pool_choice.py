"""What `model.pool: auto` rests on: `python -m bench.pool_choice [texts networks samples cost] --data DIR`.

The plain learner against the one that may take the graph, on the same labels: texts by TF-IDF, networks, and
how many items of a large pool the graph is made of. Labels are random rows, or those that the strategy `auto`
picks with each of the two, in batches of half the labels there are. The pool is 4,000 rows at most, for
`samples` all there are; 2,000 are the test set. Told is the mean over the seeds, with one standard error of
the paired difference, and how often the gate took the graph. `cost`: processor time on made-up rows.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.label_sets import POOL, SETS, TEST, Labeled

LABELS = (30, 100, 300, 1000)
PARTS = ("texts", "networks", "samples", "cost")
SAMPLES = (1000, 2000, 5000, 10_000)
Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Pool, its codes, test set, its codes."""


def texts(name: str, data: Path) -> Labeled:
    """A set of `label_sets` as texts."""
    table = pd.read_csv(data / name / f"{name}.csv.gz")
    tested = None
    if name == "ag_news":
        written = table["title"].fillna("") + ". " + table["description"].fillna("")
        tested, label = (table["split"] == "test").to_numpy(), "label"
    elif name == "sms_spam":
        table = table[~table["text"].duplicated()]
        written, label = table["text"], "label"
    else:
        table = table[table["split"].isin(["train", "test"])]
        written, tested, label = table["text"], (table["split"] == "test").to_numpy(), "domain"
    codes = np.unique(table[label].to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64)
    return Labeled(written.to_numpy(dtype=object), codes, tested)


def pictures(name: str, data: Path) -> Labeled:
    """Digits or fashion_mnist as images, uint8."""
    if name == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        return Labeled((found.images * 15.9).astype(np.uint8), found.target.astype(np.int64))
    file = np.load(data / name / f"{name}.npz", allow_pickle=False)
    codes = np.concatenate([file["y_train"], file["y_test"]]).astype(np.int64)
    tested = np.arange(len(codes)) >= len(file["y_train"])
    return Labeled(np.concatenate([file["x_train"], file["x_test"]]), codes, tested)


def drawn(data: Labeled, seed: int, most: int | None) -> Rows:
    """Pool and test set of a seed, in a random order."""
    random = np.random.default_rng(seed)
    if data.given_test is None:
        order = random.permutation(len(data.codes))
        held = min(TEST, len(order) // 4)
        test, pool = order[:held], order[held:]
    else:
        test = random.permutation(np.flatnonzero(data.given_test))
        pool = random.permutation(np.flatnonzero(~data.given_test))
    pool, test = pool[:most], test[:TEST]
    return data.features[pool], data.codes[pool], data.features[test], data.codes[test]


def learners(rows: Rows, kind: str, name: str, seed: int, sample: int) -> tuple[Any, Any]:
    """The plain learner and the one with the graph, which have seen the pool."""
    from labelloop.models import make_learner, show_pool, without_pool
    from labelloop.settings.pool import PoolOptions

    pool, codes = rows[:2]
    graph: Any = make_learner(name, n_classes=int(codes.max()) + 1, seed=seed, options={}, input_kind=kind,
                              pool="graph", pool_options=PoolOptions(sample=sample))  # fmt: skip
    graph.observe([pool])
    show_pool(graph, lambda wanted: pool[wanted], np.arange(len(pool)))
    return without_pool(graph), graph


def accuracies(learner: Any, rows: Rows, labels: Sequence[int], picked: bool) -> Iterator[tuple[float, bool]]:
    """Accuracy at so many labels, and whether the graph was taken."""
    pool, codes, test, truth = rows
    seen = np.empty(0, dtype=np.int64)
    fitted = None
    for wanted in labels:
        while len(seen) < wanted:
            seen = _more(learner, fitted, rows, seen, wanted) if picked else np.arange(wanted)
            fitted = copy.deepcopy(learner).fit(pool[seen], codes[seen])
        assert fitted is not None
        taken = getattr(fitted, "verdict", None)
        right = float((fitted.predict_proba(test).argmax(axis=1) == truth).mean())
        yield right, taken is not None and taken.chosen == "graph"


def _more(learner: Any, fitted: Any, rows: Rows, seen: np.ndarray, wanted: int) -> np.ndarray:
    from labelloop.acquisition import Context, make_strategy, select_rows

    pool, codes = rows[:2]
    size = min(wanted - len(seen), max(10, len(seen) // 2) if len(seen) else 30)
    context = Context(
        candidates=np.setdiff1d(np.arange(len(pool)), seen),
        labeled=seen,
        probabilities=fitted.predict_proba(pool) if fitted is not None else None,
        embeddings=np.asarray(learner.embed(pool)),
        seed=1000 * learner.seed + len(seen),
        labels=codes[seen],
        ids=np.array([f"row-{number}" for number in range(len(pool))]),
    )
    picks = select_rows(make_strategy("auto", {}), context, size)
    return np.sort(np.concatenate([seen, np.asarray(picks.rows)]))


def compare(
    data: Labeled, title: str, kind: str, name: str, *,
    seeds: int, labels: Sequence[int] = LABELS, picked: bool = False, samples: Sequence[int] = (10_000,),
    most: int | None = POOL,
) -> None:  # fmt: skip
    """Print a line a number of labels."""
    plain, gained, taken = [], [], []
    for seed in range(seeds):
        rows = drawn(data, seed, most)
        fits = [learners(rows, kind, name, seed, sample) for sample in samples]
        base = [right for right, _ in accuracies(fits[0][0], rows, labels, picked)]
        with_graph = [list(accuracies(graph, rows, labels, picked)) for _, graph in fits]
        plain.append(base)
        gained.append([[found[at][0] - base[at] for found in with_graph] for at in range(len(labels))])
        taken.append([[found[at][1] for found in with_graph] for at in range(len(labels))])
    points, often = 100 * np.array(gained), np.array(taken).sum(axis=0)
    error = points.std(axis=0, ddof=1) / np.sqrt(seeds)
    for at, count in enumerate(labels):
        cells = [f"{points[:, at, part].mean():+.1f} +- {error[at, part]:.1f} ({often[at, part]} of {seeds})"
                 for part in range(len(samples))]  # fmt: skip
        asked = "`auto`" if picked else "random"
        print(f"| {title} | {name} | {asked} | {count} | {np.mean(plain, axis=0)[at]:.1%} | "
              f"{' | '.join(cells)} |", flush=True)  # fmt: skip


def cost(items: int = 20_000, labels: int = 500) -> None:
    """Print processor seconds of a fit and of predictions, by width and by sample."""
    for width in (16, 64, 128):
        random = np.random.default_rng(0)
        clouds, of = random.standard_normal((200, width)), random.integers(0, 200, 2 * items)
        rows = (clouds[of] + 0.7 * random.standard_normal((2 * items, width))).astype(np.float32)
        parts = (rows, of % 10, rows[:0], of[:0])
        for sample in SAMPLES:
            graph = learners(parts, "features", "logistic", 0, sample)[1]
            begun = time.process_time()
            graph.fit(rows[:labels], of[:labels] % 10)
            fitted = time.process_time()
            graph.predict_proba(rows[items:])
            each = (time.process_time() - fitted) / items
            print(f"| {width} | {sample:,} | {fitted - begun:.2f} s | {each * 1e6:.0f} us |", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Print the parts that are asked for."""
    from threadpoolctl import threadpool_limits

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", default=PARTS, help=", ".join(PARTS))
    parser.add_argument("--data", type=Path, required=True, help="folder with the data sets")
    parser.add_argument("--cache", type=Path, default=Path("bench/results/embeddings"))
    chosen = parser.parse_args(arguments)
    with threadpool_limits(limits=1):
        if "texts" in chosen.parts:
            for picked, seeds in ((False, 6), (True, 5)):
                for name, file in (("ag_news", "ag_news"), ("sms_spam", "sms_spam"), ("domains", "clinc150")):
                    compare(texts(file, chosen.data), name, "text", "tfidf_logistic",
                            seeds=seeds, picked=picked)  # fmt: skip
        if "networks" in chosen.parts:
            for name in ("letter", "ag_news"):
                compare(SETS[name](chosen.data, chosen.cache), name, "features", "mlp", seeds=3)
            for name, labels in (("digits", LABELS[:3]), ("fashion_mnist", LABELS)):
                compare(pictures(name, chosen.data), name, "images", "convnet", seeds=3, labels=labels)
        if "samples" in chosen.parts:
            for name in ("clinc_domain", "fashion_mnist", "letter", "ag_news"):
                compare(
                    SETS[name](chosen.data, chosen.cache),
                    name,
                    "features",
                    "logistic",
                    seeds=5,
                    samples=SAMPLES,
                    most=None,
                )
        if "cost" in chosen.parts:
            cost()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
