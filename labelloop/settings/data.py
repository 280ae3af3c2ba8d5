"""What is labeled: the campaign's name, its pool and its classes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from labelloop.settings.section import Section


class Campaign(Section):
    """What the campaign is called and what makes it repeatable."""

    name: str = Field(
        "digits", description="Name of the campaign; part of every task key, git tag and MLflow run.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
    )  # fmt: skip
    seed: int = Field(0, ge=0, lt=2**63, description="Same inputs and same seed give the same bytes.")


class Dataset(Section):
    """Where the pool comes from and which columns mean what."""

    kind: Literal["digits", "table", "images", "arrays"] = Field(
        "digits",
        description="digits: scikit-learn's 8x8 images. table: CSV, Parquet or JSON lines. "
        "images: a folder of PNG or JPEG files, or a table of paths. arrays: .npy or .npz.",
    )
    path: str | None = Field(
        None, description="File or folder with the pool; relative to the campaign's folder. Tables and "
        "arrays also by URL (s3://, gs://, abfs://, https:// ...); keys come from the environment.",
    )  # fmt: skip
    test_path: str | None = Field(
        None, description="File or folder with a labeled test set. Without it (and without split_column) a "
        "random sample of the pool is labeled as the test set.",
    )  # fmt: skip
    id_column: str | None = Field(
        None, description="Column with a unique id an item. Without it ids are made of file name and row."
    )
    text_columns: list[str] = Field(
        [],
        description="Text columns of a table, joined by a line break for the model. In a table of images "
        "the model sees the text as well as the picture (on a grid of 8 x 8): co_training's two views.",
    )
    numeric_columns: list[str] = Field(
        [], description="Numeric columns of a table that the model sees. Empty, with no text_columns: every "
        "numeric column but id and label.",
    )  # fmt: skip
    label_column: str | None = Field(
        None, description="Column with the label, where known. For an image folder: 'folder' takes the "
        "name of the file's folder.",
    )  # fmt: skip
    path_column: str = Field("path", description="Column with the image's path, in a table of images.")
    split_column: str | None = Field(
        None, description="Column that says which rows are pool and which are test."
    )
    pool_values: list[str] = Field(["pool", "train"], description="Values of split_column that mean pool.")
    test_values: list[str] = Field(["test"], description="Values of split_column that mean test.")
    labels_path: str | None = Field(
        None, description="Labels of the pool for a .npy of features (.npy), in the same order."
    )
    test_labels_path: str | None = Field(
        None, description="Labels of the test set for a .npy test set (.npy), in the same order."
    )
    features_key: str = Field("x_train", description="Array of the pool's features in a .npz.")
    labels_key: str = Field("y_train", description="Array of the pool's labels in a .npz; may be absent.")
    test_features_key: str = Field("x_test", description="Array of the test set's features in a .npz.")
    test_labels_key: str = Field("y_test", description="Array of the test set's labels in a .npz.")
    image_size: tuple[int, int] = Field(
        (32, 32), description="Height and width in pixels that images are resized to for the model; at most "
        "8 x 8 with text_columns.",
    )  # fmt: skip
    image_mode: Literal["L", "RGB"] = Field("RGB", description="Grey (L) or colour (RGB).")
    unreadable: Literal["refuse", "skip"] = Field(
        "refuse", description="What to do with an image that cannot be read."
    )
    duplicates: Literal["fold", "keep", "refuse"] = Field(
        "fold",
        description="Pool items with the very same content: ask once (fold), ask each (keep), or stop.",
    )
    overlap: Literal["refuse", "drop"] = Field(
        "refuse",
        description="Pool items whose content is also in a given test set: stop, or drop from the pool.",
    )
    known_labels: Literal["hidden", "seed"] = Field(
        "hidden", description="Labels that come with the pool. hidden: only simulated annotators and "
        "backtests see them. seed: they are training labels from the start, and their items are not asked.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _needs_a_path(self) -> Dataset:
        if self.kind != "digits" and not self.path:
            raise ValueError(f"kind '{self.kind}' needs a path; set dataset.path to a file or folder")
        if self.kind == "digits" and self.path:
            raise ValueError(f"kind 'digits' is built in, but path is '{self.path}'; set dataset.kind to "
                             "table, images or arrays, or remove path")  # fmt: skip
        if self.split_column and self.test_path:
            raise ValueError("split_column and test_path both say where the test set is; keep one")
        return self


class Labels(Section):
    """What people are asked, and what they may answer."""

    type: Literal["choice"] = Field("choice", description="Kind of label. choice: exactly one class an item.")
    classes: list[str] = Field(
        [], description="Class names, in the order tools show them. Empty: the labels found in the data."
    )
    ordered: bool = Field(
        False, description="Whether the classes have an order, from the first in `classes` to the last, such "
        "as grades. An item's label is then the middle of its posterior, which is off by the fewest steps, "
        "and agreement and the model's errors are told in steps too.",
    )  # fmt: skip
    question: str = Field("Which class is it?", description="The question that annotators see.")

    @model_validator(mode="after")
    def _classes_are_distinct(self) -> Labels:
        repeated = sorted({name for name in self.classes if self.classes.count(name) > 1})
        if repeated:
            raise ValueError(f"classes repeats {repeated}; name each class once")
        if len(self.classes) == 1:
            raise ValueError(f"classes has only {self.classes}; a choice needs at least two")
        if any(not name.strip() for name in self.classes):
            raise ValueError("classes has an empty name")
        if self.ordered and not self.classes:
            raise ValueError("ordered is true, but classes is empty, so nobody knows the order; list the "
                             "classes from the lowest to the highest")  # fmt: skip
        return self
