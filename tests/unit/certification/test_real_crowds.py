"""Certificates on real crowds' labels: seldom wrong. `bench/certification.py` prints the whole table."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labelloop.certification.threshold_tests import find_threshold
from labelloop.fusion import make_fuser
from labelloop.fusion.coding import code_votes

DATA = os.environ.get("LABELLOOP_DATA", "")
SETS = ("possent", "product", "temp", "music")
RUNS = 60


@pytest.mark.parametrize("name", SETS)
def test_certificates_on_a_real_crowd_are_seldom_wrong(name: str) -> None:
    """Target 10%, delta 10%, sixty draws of gold: wrong in at most delta and two standard errors."""
    folder = Path(DATA) / f"crowd_{name}"
    if not DATA or not folder.is_dir():
        pytest.skip(f"LABELLOOP_DATA ({DATA or 'not set'}) names no folder that has crowd_{name}")
    table = pd.read_csv(folder / "labels.csv", dtype=str).rename(columns={"worker": "annotator"})
    truth = pd.read_csv(folder / "truth.csv", dtype=str).set_index("item")["truth"]
    votes = code_votes(table, sorted({*table["label"], *truth}))
    fusion = make_fuser("auto")(votes)
    known = truth.reindex(votes.items).notna().to_numpy()
    said = np.asarray(votes.classes, dtype=object)[fusion.label]
    correct = (said == truth.reindex(votes.items).to_numpy())[known]
    confidence = fusion.posterior.max(axis=1)[known]
    rng = np.random.default_rng(0)
    wrong, certified = 0, 0
    for _ in range(RUNS):
        gold = rng.permutation(len(correct)) < min(300, len(correct) // 2)
        found = find_threshold(confidence, confidence[gold], correct[gold], target=0.1, delta=0.1).chosen
        if found is not None:
            certified += 1
            wrong += (~correct[(confidence >= found.threshold) & ~gold]).mean() > 0.1
    assert wrong / RUNS <= 0.1 + 2 * np.sqrt(0.09 / RUNS)
    assert certified >= RUNS / 2
