"""A reviewer sees what annotators see: text, numbers in short, and pictures by path and on a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
from PIL import Image

from labelloop import datasets
from labelloop.campaign import Dataset, Labels
from labelloop.datasets import Prepared
from labelloop.reviewing.queue_page import queue_page
from labelloop.stages.shown_items import Shown, shown_items


def prepared(root: Path, **dataset: Any) -> Prepared:
    out = root / "data"
    out.mkdir()
    datasets.prepare(Dataset(**dataset), Labels(classes=["a", "b"]), test_size=2, seed=0, root=root, out=out)
    return datasets.open_prepared(out)


def test_a_picture_is_named_by_its_path_and_shown_beside_the_table(tmp_path: Path) -> None:
    """Relative to the campaign in the table, the same wherever that lies; in the page to its own folder."""
    root = tmp_path.resolve() / "c"
    (root / "pool" / "odd #1").mkdir(parents=True)
    for number in range(6):
        Image.new("RGB", (8, 8), (40 * number, 0, 0)).save(root / "pool" / "odd #1" / f"{number}.png")
    found = prepared(root, kind="images", path="pool", image_size=(8, 8))
    shown = shown_items(found, ["odd #1/3.png"], (), root)["odd #1/3.png"]
    assert shown.text == "pool/odd #1/3.png"
    for folder in (root, tmp_path / "elsewhere"):
        folder.mkdir(exist_ok=True)
        page = queue_page([("odd #1/3.png", shown)], folder, "queue.csv")
        (source,) = re.findall(r'src="([^"]+)"', page)
        assert (folder / unquote(source)).resolve() == root / "pool" / "odd #1" / "3.png"
        assert "img-src data: file:" in page and "queue.csv" in page


def test_pixels_are_within_the_page(tmp_path: Path) -> None:
    pixels = np.arange(6 * 64, dtype=np.uint8).reshape(6, 8, 8)
    np.savez(tmp_path / "x.npz", x_train=pixels, y_train=np.array(["a", "b"] * 3))
    found = prepared(tmp_path, kind="arrays", path="x.npz")
    item = str(found.pool.ids[0])
    shown = shown_items(found, [item], (), tmp_path)[item]
    assert shown.text == "" and shown.picture.startswith("data:image/png;base64,")
    assert f'src="{shown.picture}"' in queue_page([(item, shown)], tmp_path, "queue.csv")


def test_of_a_row_of_numbers_the_first_are_shown(tmp_path: Path) -> None:
    numbers = np.arange(6 * 20, dtype=np.float32).reshape(6, 20) / 3
    np.savez(tmp_path / "x.npz", x_train=numbers, y_train=np.array(["a", "b"] * 3))
    found = prepared(tmp_path, kind="arrays", path="x.npz")
    item = str(found.pool.ids[0])
    shown = shown_items(found, [item], (), tmp_path)[item]
    assert shown.text.startswith("0 0.3333 0.6667 1 ") and shown.text.endswith(" 3.667 … (20 numbers)")
    assert shown.picture == ""


def test_columns_of_a_table_are_told_with_their_names_unless_they_are_text(tmp_path: Path) -> None:
    rows = "".join(f"i{n},word {n},{n}.5,{n},true,{'ab'[n % 2]}\n" for n in range(6))
    (tmp_path / "rows.csv").write_text("id,text,age,visits,paid,label\n" + rows)
    found = prepared(tmp_path, kind="table", path="rows.csv", id_column="id", label_column="label",
                     text_columns=["text"])  # fmt: skip
    shown = shown_items(found, ["i3"], ("text", "age", "visits"), tmp_path)["i3"]
    assert shown == Shown("word 3 | age 3.5 | visits 3")


def test_a_page_runs_nothing_that_an_item_brings(tmp_path: Path) -> None:
    hostile = '"><script>alert(1)</script>'
    page = queue_page([(hostile, Shown(hostile, f"/{hostile}"))], tmp_path, hostile)
    assert "<script" not in page
