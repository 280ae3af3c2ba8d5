"""Small made-up data of the shape that each example of params.yaml expects."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

TOPICS = {
    "sport": ["goal", "match", "team", "coach", "league", "player", "win", "season"],
    "money": ["bank", "stock", "price", "market", "trade", "profit", "loan", "tax"],
    "space": ["orbit", "rocket", "moon", "star", "launch", "planet", "probe", "comet"],
}
SPAM = {
    "spam": ["win", "prize", "free", "cash", "claim", "offer", "urgent", "click"],
    "ham": ["lunch", "meeting", "home", "tomorrow", "thanks", "call", "book", "dinner"],
}


def sentence(words: list[str], rng: np.random.Generator) -> str:
    return " ".join(rng.choice(words, 6))


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def labeled_texts(words: dict[str, list[str]], count: int) -> list[dict[str, object]]:
    """`count` distinct texts, classes in turn."""
    rng = np.random.default_rng(1)
    names = list(words)
    return [
        {"text": f"{sentence(words[names[n % len(names)]], rng)} {n}", "label": names[n % len(names)]}
        for n in range(count)
    ]


def text(folder: Path) -> None:
    write_table(folder / "texts.csv", labeled_texts(TOPICS, 500))


def by_hand(folder: Path) -> None:
    """Texts without a label; who knows it is `truth`."""
    write_table(folder / "texts.csv", [{"text": row["text"]} for row in labeled_texts(SPAM, 400)])


def label_studio(folder: Path) -> None:
    by_hand(folder)


def truth(shown: str) -> str:
    return "spam" if shown.split(maxsplit=1)[0] in SPAM["spam"] else "ham"


def features(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Three overlapping clouds in four dimensions."""
    rng = np.random.default_rng(2)
    labels = np.arange(count) % 3
    return (rng.normal(size=(count, 4)) + 1.2 * np.eye(4)[labels]).astype(np.float32), labels


def table(folder: Path) -> None:
    values, labels = features(900)
    rows = [
        {**dict(zip("abcd", map(float, row), strict=True)), "label": f"cloud {label}"}
        for row, label in zip(values, labels, strict=True)
    ]
    write_table(folder / "rows.csv", rows)


def arrays(folder: Path) -> None:
    values, labels = features(900)
    np.savez(folder / "arrays.npz", x_train=values[:700], y_train=labels[:700], x_test=values[700:],
             y_test=labels[700:])  # fmt: skip


def images(folder: Path, count: int = 300) -> None:
    """Pictures with a bright left or right half, and one file that is none."""
    rng = np.random.default_rng(3)
    for n in range(count):
        name = ("left", "right")[n % 2]
        (folder / "images" / name).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 120, (12, 12, 3), dtype=np.uint8)
        pixels[:, slice(0, 6) if name == "left" else slice(6, 12)] += 100
        Image.fromarray(pixels).save(folder / "images" / name / f"{n:03d}.{('png', 'jpg')[n % 3 == 0]}")
    (folder / "images" / "left" / "broken.png").write_bytes(b"\x89PNG, but no more")


def digits(folder: Path) -> None:
    """Built in."""


def tasks(folder: Path, round_id: str) -> list[dict[str, object]]:
    """What the files tool asks in a round, copies one by one."""
    path = folder / "labeling" / round_id / "tasks.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
