"""Whole campaigns with noisy annotators for the same money: fixed votes an item, and second looks.

Twelve simulated annotators, right in 60 to 85 of 100 cases. Every way spends the same votes in every round,
so rows are budgets: accuracy of the round's model on a held-out test set, and share of the labels that are
right. A seed draws pool, test set and the annotators' answers for all ways alike. Intervals are 95%,
Student's t over the seeds, of the difference to `3 votes, majority` within a seed.

    python -m bench.second_looks [--data FOLDER] [--sets digits ag_news] [--seeds 0-19] [--workers 2]

Results are appended to a file of JSON lines, one a campaign; a run that was stopped goes on from there.
`python -m bench second_looks` does it for digits alone, which need no data.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest import mock

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
    "3 to 5 votes, relabel": {"overlap": 3, "max_overlap": 5, "strategy": "relabel"},
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
    return {"dataset": about | dataset | {"overlap": "drop"}, "model": {"name": model, "pool": "none"}}


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
        with _unseen():
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


@contextmanager
def _unseen() -> Iterator[None]:
    """Without the campaign's pictures and its twin, which take half of the time and change no label."""
    with (
        mock.patch("labelloop.stages.track.publish", lambda current: None),
        mock.patch("labelloop.stages.finish.draw_curve", lambda *_: None),
        mock.patch("labelloop.stages.twin.random_twin", lambda current: pd.DataFrame()),
    ):
        yield


def run_job(name: str, way: str, seed: int, data: Path | None, results: Path) -> None:
    """One campaign; appends a line to `results`."""
    line = {"set": name, "way": way, "seed": seed, "rows": run_campaign(name, way, seed, data)}
    # One write a line: several workers append to the file.
    with results.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def run_missing(
    names: list[str], ways: list[str], seeds: range, data: Path | None, workers: int, results: Path
) -> None:
    """Every way on every set with every seed that `results` does not have yet, seed by seed."""
    results.parent.mkdir(parents=True, exist_ok=True)
    done = set(read_results(results).groupby(["set", "way", "seed"]).groups)
    jobs = [(name, way, seed) for seed in seeds for name in names for way in ways]
    missing = [job for job in jobs if job not in done]
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        futures = {pool.submit(run_job, *job, data, results): job for job in missing}
        for number, one in enumerate(as_completed(futures), start=1):
            one.result()
            print(f"{number} of {len(missing)}: {futures[one]}", file=sys.stderr, flush=True)


def read_results(path: Path) -> pd.DataFrame:
    """A row a round of every campaign."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = [row for line in lines for row in json.loads(line)["rows"]]
    columns = ["set", "way", "seed", "round", "accuracy", "right", "labels", "votes", "looks"]
    return pd.DataFrame(rows, columns=None if rows else columns)


def differences(found: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean of each way, and of its difference to `BASE` with half a 95% interval, by set and round."""
    wide = found.pivot_table(index=["set", "round", "seed"], columns="way", values=measure)
    less = wide.sub(wide[BASE], axis=0).stack().rename("less").reset_index()
    grouped = less.groupby(["set", "round", "way"])["less"]
    table = found.groupby(["set", "round", "way"]).agg(
        value=(measure, "mean"), votes=("votes", "mean"), labels=("labels", "mean"), looks=("looks", "mean"),
        seeds=("seed", "nunique"),
    )  # fmt: skip
    n = grouped.count()
    half = grouped.std() / np.sqrt(n) * n.map(_student)
    return table.assign(less=grouped.mean(), half=half).reset_index()


def measure(folder: Path) -> list[Figure]:
    """Digits, five seeds."""
    results = folder / "second_looks.jsonl"
    run_missing(["digits"], list(WAYS), range(5), None, 2, results)
    found = read_results(results)
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


def table_of(found: pd.DataFrame, name: str, what: str) -> str:
    """A markdown table: a row a way, a column a budget, differences to `BASE` with half a 95% interval."""
    rows = differences(found[found["set"] == name], what)
    votes = rows[rows["way"] == BASE].sort_values("round")["votes"]
    lines = ["| votes so far | seeds | " + " | ".join(f"{one:,.0f}" for one in votes) + " |",
             "|---" * (len(votes) + 2) + "|"]  # fmt: skip
    for way in [BASE, *(way for way in WAYS if way in set(rows["way"]) and way != BASE)]:
        own = rows[rows["way"] == way].sort_values("round")
        cells = [f"{row.value:.1f}" if way == BASE else f"{row.less:+.1f} ± {row.half:.1f}"
                 for row in own.itertuples()]  # fmt: skip
        lines.append(f"| {way} | {own['seeds'].min()} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--data", type=Path)
    words.add_argument("--sets", nargs="+", default=["digits"])
    words.add_argument("--seeds", default="0-4", help="first and last, such as 0-19")
    words.add_argument("--workers", type=int, default=2)
    words.add_argument("--ways", nargs="+", default=list(WAYS))
    words.add_argument("--results", type=Path, default=Path("bench/results/second_looks.jsonl"))
    words.add_argument("--table-only", action="store_true", help="run nothing; print what there is")
    given = words.parse_args()
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if not given.table_only:
        run_missing(given.sets, given.ways, seeds, given.data, given.workers, given.results)
    found = read_results(given.results)
    found = found[found["seed"].isin(seeds) & found["way"].isin(given.ways)]
    for name in given.sets:
        for what, title in (("accuracy", "accuracy of the model, %"), ("right", "labels that are right, %")):
            print(f"\n{name}, {title}\n\n{table_of(found, name, what)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
