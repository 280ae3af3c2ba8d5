"""A table with a text and a picture an item: what a learner and people see of it, and co-training on both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from labelloop import datasets
from labelloop.adapters.mlflow_record import LoggedModel
from labelloop.campaign import parse_settings
from labelloop.datasets.sight import FOLDER, Sight
from labelloop.errors import DataError, SettingsError
from labelloop.models import save_learner, show_pool
from labelloop.models.views import resolve_views
from labelloop.stages.prepare import new_learner, views_of

WORDS = {
    "bird": ["wing", "feather", "nest", "beak", "song", "flock", "perch", "egg"],
    "fish": ["fin", "scale", "reef", "gill", "shoal", "hook", "tide", "pond"],
}
COLOURS = {"bird": (135, 120, 105), "fish": (105, 120, 135)}
COMMON = ["the", "a", "seen", "near", "today", "small", "large", "one", "again", "there"]


def write(folder: Path, rows: int = 300) -> pd.DataFrame:
    """Notes with a photograph: a few words and a tint tell the class, each not always and not by itself."""
    random = np.random.default_rng(0)
    (folder / "photographs").mkdir(parents=True)
    lines = []
    for number in range(rows):
        label = ("bird", "fish")[int(random.integers(2))]
        words = [str(word) for word in random.choice(COMMON, 6)]
        words += [str(word) for word in random.choice(WORDS[label], 2)]
        light = random.normal(COLOURS[label], 14)
        pixels = random.normal(light, 45, size=(20, 24, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "photographs" / f"{number}.png")
        lines.append({"file": f"photographs/{number}.png", "note": " ".join(random.permutation(words)),
                      "place": f"p{number % 7}", "kind": label})  # fmt: skip
    table = pd.DataFrame(lines)
    table.to_csv(folder / "notes.csv", index=False)
    return table


DATASET: dict[str, Any] = {"kind": "images", "path": "notes.csv", "path_column": "file",
                           "text_columns": ["note"], "label_column": "kind"}  # fmt: skip


def test_a_learner_sees_both_and_people_are_shown_both(root: Path, run: Callable[..., Any]) -> None:
    table = write(root, rows=40)
    made = run(test_size=10, **DATASET)
    pool, names = made.prepared.pool, made.prepared.feature_names
    inputs = pool.inputs(slice(None))
    assert made.summary["input_kind"] == "features" and inputs.shape == (len(pool), len(names))
    words = sum(name.startswith("text ") for name in names)
    assert len(names) - words == 8 * 8 * 3 and 0 < words <= 128
    assert np.linalg.norm(inputs[:, :words], axis=1) == pytest.approx(1, abs=1e-5)
    assert inputs[:, words:].min() >= 0 and inputs[:, words:].max() <= 1
    shown = pool.payload(np.array([3]))[0]
    assert list(shown) == ["note", "image"]
    assert shown["note"] == table["note"][3] and Path(str(shown["image"])) == root / table["file"][3]
    assert pool.values("place", "compose")[3] == table["place"][3]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_what_was_seen_can_be_seen_again(root: Path, run: Callable[..., Any], mode: str) -> None:
    """Of files that were never in the pool too: the sight that is kept makes the pool's own rows of them."""
    table = write(root, rows=30)
    made = run(image_mode=mode, **DATASET)
    sight, inputs = Sight.load(made.out / FOLDER), made.prepared.pool.inputs(slice(None))
    texts = table["note"].tolist()
    again = sight.of_files(texts, [(root / file).read_bytes() for file in table["file"]])
    assert again.tobytes() == inputs.tobytes() and sight.names == made.prepared.feature_names
    assert sight.of_files(texts, sight.pictures_of(inputs)).tobytes() == inputs.tobytes()
    with pytest.raises(DataError, match="an image cannot be read"):
        sight.of_files(["a note"], [b"no picture"])


def test_the_model_that_mlflow_has_takes_texts_and_pictures(
    root: Path, run: Callable[..., Any], tmp_path: Path
) -> None:
    import mlflow

    from labelloop.adapters.mlflow_package import save_model

    table = write(root, rows=30)
    prepared = run(**DATASET).prepared
    inputs = prepared.pool.inputs(slice(None))
    learner = new_learner(parse_settings({"model": {"pool": "none"}}), prepared)
    learner.fit(inputs, np.arange(30) % 2)
    save_learner(learner, "logistic", tmp_path / "learner")
    model = LoggedModel(
        tmp_path / "learner",
        prepared.classes,
        "features",
        inputs[:2],
        sight=root / "data" / FOLDER,
        example_texts=tuple(table["note"][:2]),
    )
    save_model(tmp_path / "model", model, "run", "m-1")
    saved = str(tmp_path / "model")
    loaded, expected = mlflow.pyfunc.load_model(saved), learner.predict_proba(inputs)
    shown = pd.DataFrame({"text": table["note"], "image": [(root / f).read_bytes() for f in table["file"]]})
    for rows in (shown, mlflow.models.Model.load(saved).load_input_example(saved)):
        said = loaded.predict(rows).iloc[:, 1:].to_numpy()
        np.testing.assert_allclose(said, expected[: len(rows)], atol=1e-7)


def test_an_item_is_a_copy_only_where_text_and_picture_are(root: Path, run: Callable[..., Any]) -> None:
    table = write(root, rows=30)
    same_text = table.iloc[0].to_dict() | {"file": table["file"][1]}
    same_both = table.iloc[0].to_dict()
    pd.concat([table, pd.DataFrame([same_text, same_both])]).to_csv(root / "notes.csv", index=False)
    made = run(test_size=2, **DATASET)
    assert made.summary["folded_duplicates"] == 1
    assert len(made.prepared.pool) == 31


def test_a_given_test_set_is_seen_in_the_space_of_the_pool(root: Path, run: Callable[..., Any]) -> None:
    """Its words teach nothing, and its rows are what the same items of the pool would be."""
    table = write(root, rows=60)
    split = np.where(np.arange(60) < 40, "train", "test")
    table.assign(split=split).to_csv(root / "notes.csv", index=False)
    given = run(split_column="split", out="given", **DATASET)
    table[:40].to_csv(root / "notes.csv", index=False)
    alone = run(test_size=2, out="alone", **DATASET)
    assert (
        given.prepared.pool.inputs(slice(None)).tobytes() == alone.prepared.pool.inputs(slice(None)).tobytes()
    )
    test = given.prepared.test
    assert test.inputs(slice(None)).shape == (20, given.prepared.pool.inputs([0]).shape[1])
    assert test.payload(np.array([0]))[0]["note"] == table["note"][40]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"text_columns": ["noet"]}, "no column 'noet'.*'note'"),
        ({"text_columns": ["kind"]}, "no column 'kind' that a model may see"),
        ({"path": "photographs", "label_column": None}, "no column 'note' that a model may see"),
    ],
)
def test_a_text_that_is_not_there_is_told(
    root: Path, run: Callable[..., Any], changed: dict[str, Any], said: str
) -> None:
    write(root, rows=20)
    with pytest.raises(DataError, match=said):
        run(classes=("bird", "fish"), **{**DATASET, **changed})


def test_views_are_the_text_and_the_picture_unless_others_are_named() -> None:
    names = ["text 0", "text 1", "picture 0", "picture 1", "picture 2"]
    assert resolve_views([], names, 5, 0) == ((0, 1), (2, 3, 4))
    assert resolve_views([["picture"], ["text 1", 0]], names, 5, 0) == ((2, 3, 4), (0, 1))
    with pytest.raises(SettingsError, match="both groups"):
        resolve_views([["picture"], ["text", "picture 1"]], names, 5, 0)
    with pytest.raises(SettingsError, match="'sound'"):
        resolve_views([["picture"], ["sound"]], names, 5, 0)


def test_text_and_picture_teach_each_other(root: Path, run: Callable[..., Any]) -> None:
    """With forty labels the gate often takes co-training, which then is right more often on items never seen.

    Folds hang on the last bits of the points, so a single draw of labels may be judged either way.
    """
    write(root, rows=900)
    prepared = run(test_size=300, **DATASET).prepared
    rows = np.flatnonzero(~prepared.splits)
    code = {name: number for number, name in enumerate(prepared.classes)}
    codes = np.array([code[label] for label in prepared.known])
    wrong: dict[str, list[float]] = {"none": [], "co_training": []}
    taken: list[bool] = []
    for seed in range(10):
        few = np.random.default_rng(seed).choice(rows, 40, replace=False)
        for pool, found in wrong.items():
            settings = parse_settings({"model": {"pool": pool}, "campaign": {"seed": seed}})
            learner = new_learner(settings, prepared)
            show_pool(learner, prepared.pool.inputs, rows)
            learner.fit(prepared.pool.inputs(few), codes[few])
            tested = np.flatnonzero(prepared.splits)
            said = learner.predict_proba(prepared.pool.inputs(tested)).argmax(axis=1)
            found.append(float((said != codes[tested]).mean()))
        taken.append(learner.verdict.chosen == "co_training")
    plain, both = (np.array(wrong[pool]) for pool in ("none", "co_training"))
    assert np.sum(taken) >= 3
    assert both[taken].mean() < plain[taken].mean()
    assert (both == plain)[~np.array(taken)].all()


def test_a_campaign_on_both(root: Path, labelloop: Callable[..., Any]) -> None:
    """From params.yaml to a model whose views are the text and the picture."""
    assert labelloop("init", root).code == 0
    table = write(root, rows=120)
    settings = {
        "campaign": {"name": "notes"},
        "dataset": DATASET,
        "model": {"pool": "co_training"},
        "acquisition": {"batch_size": 16},
        "annotation": {"overlap": 1, "test_overlap": 1},
        "evaluation": {"test_size": 30, "bootstrap": 20},
        "stopping": {"max_rounds": 2},
        "versioning": {"enabled": False, "git_commit": False, "git_tag": False},
    }
    (root / "params.yaml").write_text(yaml.safe_dump(settings))
    said = labelloop("run", "--plain", root)
    assert said.code == 0, said.error
    prepared = datasets.open_prepared(root / "data")
    verdict = json.loads((root / "rounds/r001/model/pool.json").read_text())
    views = views_of(parse_settings(settings), prepared)
    assert verdict["pool"] == "co_training" and [tuple(view) for view in verdict["views"]] == list(
        views or ()
    )
    import mlflow

    for logged in (root / "mlartifacts" / "models").glob("*/artifacts"):
        example = mlflow.models.Model.load(str(logged)).load_input_example(str(logged))
        assert list(example["text"]) == table["note"][:3].tolist()
        assert len(mlflow.pyfunc.load_model(str(logged)).predict(example)) == 3
    assert len(list((root / "mlartifacts" / "models").glob("*/artifacts"))) == 2, "a model a round"
    kinds = [{prepared.feature_names[column].split()[0] for column in view} for view in verdict["views"]]
    assert kinds == [{"text"}, {"picture"}]
