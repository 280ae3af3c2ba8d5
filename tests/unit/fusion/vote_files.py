"""Files of votes for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CSV = "item,annotator,label\ni1,ann,1\ni1,bo,2\ni2,ann,1\n"


def written(folder: Path, content: str | bytes, name: str = "votes.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def crowd_files(folder: Path, n_items: int = 120) -> tuple[Path, Path]:
    """Votes of five people about items, and gold for the first thirty and one contradiction."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, n_items)
    rows = [
        f"i{item:03},w{who},{truth[item] if rng.random() < 0.5 + 0.1 * who else rng.integers(0, 3)}"
        for item in range(n_items) for who in range(5)
    ]  # fmt: skip
    gold = [f"i{item:03},{truth[item]}" for item in range(30)] + ["i050,0", "i050,1", "i051,unheard"]
    return (
        written(folder, "\n".join(["item,annotator,label", *rows]) + "\n"),
        written(folder, "\n".join(["item,label", *gold]) + "\n", "gold.csv"),
    )
