"""Whole campaigns with noisy annotators for the same money: fixed votes an item, and second looks.

Twelve simulated annotators, right in 60 to 85 of 100 cases. Every way spends the same votes in every round,
so rows are budgets: accuracy of the round's model on a held-out test set, and share of the labels that are
right. A seed draws pool, test set and the annotators' answers for all ways alike. Intervals are 95%,
Student's t over the seeds, of the difference to `3 votes, majority` within a seed.

    python -m bench.second_looks [--data FOLDER] [--sets digits ag_news] [--seeds 5] [--workers 2]

`python -m bench second_looks` does it for digits alone, which need no data.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from bench.figures import Figure

WAYS: dict[str, dict[str, Any]] = {
    "3 votes, majority": {"overlap": 3, "method": "majority", "label_weights": "none"},
    "3 votes, auto": {"overlap": 3},
    "3 votes, auto, soft labels": {"overlap": 3, "label_weights": "soft"},
    "2 to 5 votes, auto": {"overlap": 2, "max_overlap": 5},
    "3 to 5 votes, auto": {"overlap": 3, "max_overlap": 5},
    "3 to 5 votes, auto, routed": {"overlap": 3, "max_overlap": 5, "routing": {"mode": "skill"}},
    "3 to 5 votes, auto, soft labels": {"overlap": 3, "max_overlap": 5, "label_weights": "soft"},
    "1 to 5 votes, auto and model": {"overlap": 1, "max_overlap": 5, "model_prior": "out_of_fold"},
}
BASE = "3 votes, majority"
ROUNDS, FIRST_VOTES, ROUND_VOTES = 8, 180, 120
POOL, TEST = 3000, 1000
CREW = [{"name": f"p{n:02d}", "accuracy": round(0.60 + 0.25 * n / 11, 3)} for n in range(12)]


def write_set(name: str, seed: int, folder: Path, data: Path | None) -> dict[str, Any]:
    """Write pool.csv and test.csv; return the campaign's `dataset` and `model` sections."""
    if name == "digits":
        from sklearn.datasets import load_digits

        found = load_digits()
        table = pd.DataFrame(found.data).add_prefix("x").assign(label=[f"d{c}" for c in found.target])
        dataset, model = {}, "logistic"
    elif data is not None:
        table = pd.read_csv(data / name / f"{name}.csv.gz")
        text = table["title"].fillna("") + ". " + table["description"].fillna("")
        table = pd.DataFrame({"text": text, "label": table["label"].astype(str)}).drop_duplicates("text")
        dataset, model = {"text_columns": ["text"]}, "tfidf_logistic"
    else:
        raise SystemExit(f"{name} needs --data")
    table = table.sample(frac=1, random_state=seed, ignore_index=True)
    test = min(TEST, len(table) // 3)
    table.iloc[:test].to_csv(folder / "test.csv", index=False)
    table.iloc[test : test + POOL].to_csv(folder / "pool.csv", index=False)
    about = {"kind": "table", "path": "pool.csv", "test_path": "test.csv", "label_column": "label"}
    return {"dataset": about | dataset | {"overlap": "drop"}, "model": {"name": model}}


def settings_of(way: dict[str, Any], seed: int, sections: dict[str, Any]) -> dict[str, Any]:
    """The campaign's params.yaml."""
    overlap = way["overlap"]
    annotation = {"tool": "simulated", "overlap": overlap, "test_overlap": 1, "cost_per_vote": 0.05,
                  "max_overlap": way.get("max_overlap"), "simulation": {"annotators": CREW}}  # fmt: skip
    own = ("target_confidence", "second_look_share", "routing")
    annotation |= {name: way[name] for name in own if name in way}
    weights = way.get("label_weights", "confidence")
    return sections | {
        "model": sections["model"] | {"label_weights": weights},
        "campaign": {"name": "looks", "seed": seed},
        "acquisition": {"strategy": way.get("strategy", "margin"), "control_share": 0.05,
                        "first_batch_size": FIRST_VOTES // overlap, "batch_size": ROUND_VOTES // overlap},
        "annotation": annotation,
        "fusion": {"method": way.get("method", "auto"), "model_prior": way.get("model_prior", "none")},
        "evaluation": {"bootstrap": 20},
        "stopping": {"max_rounds": ROUNDS},
        "tracking": {"enabled": False},
        "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
    }  # fmt: skip


def run_campaign(name: str, way: str, seed: int, data: Path | None) -> list[dict[str, Any]]:
    """One campaign; a row a round."""
    from labelloop import datasets, driving, files, tables
    from labelloop.workspace import Workspace

    with tempfile.TemporaryDirectory(prefix="labelloop-looks-") as made:
        folder = Path(made)
        params = settings_of(WAYS[way], seed, write_set(name, seed, folder, data))
        (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        workspace = Workspace.at(folder)
        driving.run(workspace, plain=True, poll_seconds=0.0, told=lambda line: None)
        prepared = datasets.open_prepared(workspace.data)
        rows = []
        for number, done in enumerate(workspace.rounds()):
            labels, metrics = tables.LABELS.read(done.labels), files.read_json(done.metrics)
            true = prepared.known[prepared.pool.rows_of(labels["item"].tolist())]
            batch = tables.BATCH.read(done.batch)
            rows.append(
                {"set": name, "way": way, "seed": seed, "round": number, "cost": metrics["cost"],
                 "accuracy": 100 * metrics["accuracy"],
                 "right": 100 * float((labels["label"] == true).mean()),
                 "labels": len(labels), "votes": metrics["votes"],
                 "looks": int(batch.loc[batch["arm"] == "relabel", "overlap"].sum())}
            )  # fmt: skip
        return rows


def run_all(
    names: list[str], seeds: int, data: Path | None, workers: int, ways: list[str], out: Path | None = None
) -> pd.DataFrame:
    """Every way on every set with every seed; what is done is written to `out` as it comes."""
    jobs = [(name, way, seed, data) for name in names for seed in range(seeds) for way in ways]
    rows: list[dict[str, Any]] = []
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        for one in as_completed([pool.submit(run_campaign, *job) for job in jobs]):
            rows += one.result()
            if out:
                pd.DataFrame(rows).to_csv(out, index=False)
    return pd.DataFrame(rows).sort_values(["set", "seed", "way", "round"], ignore_index=True)


def differences(found: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean of each way, and of its difference to `BASE` with half a 95% interval, by set and round."""
    wide = found.pivot_table(index=["set", "round", "seed"], columns="way", values=measure)
    less = wide.sub(wide[BASE], axis=0).stack().rename("less").reset_index()
    grouped = less.groupby(["set", "round", "way"])["less"]
    table = found.groupby(["set", "round", "way"]).agg(
        value=(measure, "mean"), votes=("votes", "mean"), labels=("labels", "mean"), looks=("looks", "mean")
    )
    n = grouped.size()
    half = grouped.std() / np.sqrt(n) * n.map(_student)
    return table.assign(less=grouped.mean(), half=half).reset_index()


def measure(folder: Path) -> list[Figure]:
    """Digits, five seeds; `folder` is not needed."""
    found = run_all(["digits"], 5, None, 2, list(WAYS))
    figures = []
    for what, words in (("accuracy", "accuracy of the model"), ("right", "right labels")):
        last = differences(found, what).query("round == @ROUNDS - 1").set_index("way")
        note = ", ".join(f"{way} {row.value:.1f}" for way, row in last.iterrows())
        gain = last.loc["3 to 5 votes, auto", "less"]
        figures.append(Figure(f"{words}: second looks over 3 votes and majority, digits", gain, "points",
                              at_least=0.0, note=note))  # fmt: skip
    return figures


def _student(n: int) -> float:
    """Quantile .975 of Student's t with n - 1 degrees of freedom."""
    from scipy.stats import t

    return float(t.ppf(0.975, n - 1)) if n > 1 else math.inf


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--data", type=Path)
    words.add_argument("--sets", nargs="+", default=["digits"])
    words.add_argument("--seeds", type=int, default=5)
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--ways", nargs="+", default=list(WAYS))
    words.add_argument("--out", type=Path, help="CSV with a row a round of every campaign")
    given = words.parse_args()
    found = run_all(given.sets, given.seeds, given.data, given.workers, given.ways, given.out)
    for what in ("accuracy", "right"):
        table = differences(found, what)
        print(f"\n{what}, %: mean (difference to {BASE}, 95% interval)")
        for (name, _), rows in table.groupby(["set", "round"]):
            cells = [f"{r.way} {r.value:.1f} ({r.less:+.1f} ± {r.half:.1f}; {r.labels:.0f} labels)" for r in
                     rows.itertuples()]  # fmt: skip
            print(f"{name}, {rows['votes'].iloc[0]:.0f} votes: " + "; ".join(cells), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
