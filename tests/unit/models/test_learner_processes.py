"""The same inputs and seed give the same bytes in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from labelloop import files

FIT = """
import sys
from pathlib import Path
import numpy as np
from labelloop.models import make_learner, save_learner

random = np.random.default_rng(0)
targets = random.integers(0, 3, 90)
features = (random.normal(size=(90, 30)) + targets[:, None]).astype(np.float32)
images = random.integers(0, 256, size=(90, 12, 12)).astype(np.uint8)
words = [" ".join(random.choice([f"w{n}{t}" for n in range(20)], 6)) for t in targets]
quick = {"epochs": 3, "min_steps": 10, "device": "cpu"}
for name, kind, rows, options in (
    ("logistic", "features", features, {}),
    ("tfidf_logistic", "text", np.array(words, dtype=object), {}),
    ("mlp", "features", features, quick),
    ("convnet", "images", images, quick),
):
    learner = make_learner(name, n_classes=3, seed=7, options=options, input_kind=kind)
    learner.observe([rows[:40], rows[40:]])
    learner.fit(rows, targets)
    save_learner(learner, name, Path(sys.argv[1]) / name)
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """All learners saved by two processes that differ in hash seed and number of threads."""
    made = []
    for hash_seed, threads in (("1", "1"), ("2", "2")):
        folder = tmp_path_factory.mktemp("learners")
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads,
                       "OPENBLAS_NUM_THREADS": threads}  # fmt: skip
        subprocess.run([sys.executable, "-c", FIT, str(folder)], env=environment, check=True)
        made.append(folder)
    return made[0], made[1]


@pytest.mark.parametrize("name", ["logistic", "tfidf_logistic", "mlp", "convnet"])
def test_two_processes_save_the_same_bytes(folders: tuple[Path, Path], name: str) -> None:
    one, other = (folder / name for folder in folders)
    assert len(list(one.iterdir())) >= 3
    assert files.digest(one) == files.digest(other)
