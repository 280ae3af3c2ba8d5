"""params.yaml as typed settings: what the user wants next.

The same models check the file, make the parameter form in the Prefect UI and generate the configuration
reference (docs/configuration.md), so a setting is described once. Nothing here is secret: addresses and
tokens come from the environment (labelloop/environment.py).
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from labelloop.errors import SettingsError
from labelloop.section import Section
from labelloop.simulation import Simulation


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
        None,
        description="File or folder with the pool; relative to the campaign's folder. Tables and "
        "arrays also by URL (s3://, gs://, abfs://, https:// ...); keys come from the environment.",
    )
    test_path: str | None = Field(
        None, description="File or folder with a labeled test set. Without it (and without split_column) a "
        "random sample of the pool is labeled as the test set.",
    )  # fmt: skip
    id_column: str | None = Field(
        None, description="Column with a unique id an item. Without it ids are made of file name and row."
    )
    text_columns: list[str] = Field(
        [], description="Text columns of a table, joined by a line break for the model."
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
        (32, 32), description="Height and width in pixels that images are resized to for the model."
    )
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
        return self


class Model(Section):
    """The learner that is trained, that picks, and that is shipped."""

    name: str = Field(
        "auto", description="auto (by the kind of input), logistic, tfidf_logistic, mlp, convnet, or your "
        "own as 'package.module:Class'.",
    )  # fmt: skip
    options: dict[str, Any] = Field({}, description="Keyword arguments of the learner, such as epochs or c.")
    pool: Literal["none", "graph", "self_training", "auto"] = Field(
        "none", description="What the learner makes of the unlabeled pool. graph: predictions are smoothed "
        "over nearest neighbours. self_training: items it is sure of count as labeled inside the fit. auto: "
        "either. Each only where cross-validation on the labels says that it helps; the report says why.",
    )  # fmt: skip
    committee: int = Field(
        0, ge=0, description="Further models, trained on bootstrap samples of the labels, for strategies "
        "that ask where models disagree (bald, vote_entropy and others); 5 is usual.",
    )  # fmt: skip


class Acquisition(Section):
    """Which items are asked about next."""

    strategy: str = Field(
        "auto", description="auto (coverage first, then doubt, by evidence), random, least_confident, "
        "margin, entropy, bald, power_margin, power_bald, vote_entropy, consensus_entropy, mean_kl, k_means, "
        "k_center, typiclust, max_herding, dropquery, badge, uherding, density_weighted, cluster_margin, "
        "ranked_batch, error_based, rare_class, balanced, or your own function as "
        "'package.module:function'.",
    )  # fmt: skip
    options: dict[str, Any] = Field({}, description="Keyword arguments of the strategy.")
    cold_start: str = Field(
        "typiclust", description="Strategy of the first round, when there is no model yet."
    )
    batch_size: int = Field(40, ge=1, description="New items a round, control arm included.")
    first_batch_size: int | None = Field(
        None, ge=0, description="New items in round r000. Default: batch_size, or none when known labels "
        "(dataset.known_labels: seed) already cover every class.",
    )  # fmt: skip
    control_share: float = Field(
        0.1, ge=0, le=1, description="Share of the labels that is a plain random sample of the pool: what "
        "savings are measured on.",
    )  # fmt: skip
    shard_size: int = Field(16384, ge=256, description="Items scored at a time.")


class Annotation(Section):
    """Where people label, how many are asked, and what an answer costs."""

    tool: Literal["simulated", "files", "label_studio"] = Field(
        "simulated", description="simulated: made-up annotators who know the hidden labels. files: batches "
        "as CSV and JSON lines for labeling by hand. label_studio: a Label Studio server; its address and "
        "token come from LABEL_STUDIO_URL and LABEL_STUDIO_API_KEY.",
    )  # fmt: skip
    overlap: int = Field(3, ge=1, description="Different annotators asked about each item.")
    test_overlap: int = Field(5, ge=1, description="Different annotators asked about each test item.")
    cost_per_vote: float = Field(0.05, ge=0, description="Money for one answer.")
    currency: str = Field("USD", description="What money is counted in.")
    annotators: list[str] = Field([], description="Names whose answers are accepted. Empty: everybody's.")
    payload_columns: list[str] = Field(
        [], description="Columns shown to annotators. Empty: the text columns, the image, or the features."
    )
    prelabels: Literal["none", "hidden", "shown"] = Field(
        "hidden", description="What becomes of the model's predictions for the items asked. hidden: sent to "
        "the tool, where they order the queue, but not shown to annotators. shown: preselected, which is "
        "faster and biases answers towards the model. none: not sent. Control, gold and test items never "
        "carry one.",
    )  # fmt: skip
    skips_to_review: int = Field(
        2, ge=1, description="Different annotators who must skip an item before it is not asked any further "
        "and goes to the review list. Until then, what one skips is asked of another.",
    )  # fmt: skip
    approval: bool = Field(
        False, description="Wait for a person's approval before a batch is pushed: `labelloop approve`, or a "
        "form in the Prefect UI.",
    )  # fmt: skip
    deadline_hours: float | None = Field(
        None, gt=0, description="Hours after the push at which a round may close before every answer is in."
    )
    quorum: float = Field(
        1.0, gt=0, le=1, description="Share of a round's answers needed to close it at the deadline. Later "
        "answers count in the next snapshot.",
    )  # fmt: skip
    simulation: Simulation = Field(Simulation(), description="Used by the simulated tool only.")

    @model_validator(mode="after")
    def _enough_people(self) -> Annotation:
        people = len(self.simulation.annotators) if self.tool == "simulated" else len(self.annotators)
        for name, wanted in (("overlap", self.overlap), ("test_overlap", self.test_overlap)):
            if people and wanted > people:
                raise ValueError(f"{name} is {wanted}, but there are only {people} annotators; lower it or "
                                 "name more annotators")  # fmt: skip
        if self.quorum < 1 and self.deadline_hours is None:
            raise ValueError(f"quorum is {self.quorum}, but without deadline_hours no round ever closes "
                             "early; set a deadline or remove quorum")  # fmt: skip
        return self


class Fusion(Section):
    """How an item's votes become its label."""

    method: str = Field(
        "auto",
        description="auto: chosen by evidence, with the reason in the report. majority: smoothed share of "
        "the votes, ties flagged. one_coin, dawid_skene, map_dawid_skene, pooled_dawid_skene: skill learned "
        "with the labels.",
    )
    options: dict[str, Any] = Field(
        {}, description="Keyword arguments of the method, such as smoothing for majority."
    )
    model_prior: Literal["none", "out_of_fold"] = Field(
        "none", description="out_of_fold: the campaign's learner, trained on other items' labels, is one "
        "more witness where it makes the votes clearly likelier; never about control, gold and "
        "test items. none: people alone.",
    )  # fmt: skip
    folds: int = Field(5, ge=2, le=20, description="Parts that the learner is trained without, in turn.")

    @model_validator(mode="after")
    def _model_is_heard(self) -> Fusion:
        if self.model_prior != "none" and self.method == "majority":
            raise ValueError("model_prior is out_of_fold, but majority counts votes only; set method to auto")
        return self


class Evaluation(Section):
    """How the model is judged."""

    test_size: int = Field(
        300, ge=2, description="Items in the test set when none is given: a random sample, labeled like the "
        "rest with annotation.test_overlap votes, never selected, never trained on.",
    )  # fmt: skip
    calibration_bins: int = Field(15, ge=2, description="Bins of the expected calibration error.")
    interval: float = Field(0.95, gt=0.5, lt=1, description="Coverage of the intervals that are reported.")
    bootstrap: int = Field(200, ge=20, description="Resamples behind the interval of the savings.")


class Stopping(Section):
    """When the campaign ends; whatever comes first. Budgets are in their own section."""

    max_rounds: int | None = Field(8, ge=1, description="Rounds at most, r000 included.")
    target_accuracy: float | None = Field(
        None, gt=0, le=1, description="Stop once the test accuracy is reached."
    )
    patience: int = Field(1, ge=1, description="Rounds in a row that must reach the target.")


class Budget(Section):
    """What may be spent at most. The last batch is cut to fit."""

    labels: int | None = Field(None, ge=1, description="Labeled items, the test set not counted.")
    money: float | None = Field(None, gt=0, description="Money for answers, the test set's included.")
    hours: float | None = Field(None, gt=0, description="Hours from the first push to the last answer.")


class Tracking(Section):
    """MLflow. The server's address is MLFLOW_TRACKING_URI; without it, mlflow.db in the campaign's folder."""

    enabled: bool = Field(True, description="Log every round to MLflow.")
    experiment: str | None = Field(None, description="Experiment name. Default: the campaign's name.")
    log_model: bool = Field(True, description="Log every round's model too, with its signature.")


class Versioning(Section):
    """DVC and git."""

    enabled: bool = Field(True, description="Put every snapshot into DVC's cache and dvc.lock.")
    git_commit: bool = Field(True, description="Commit the campaign's files after every round.")
    git_tag: bool = Field(True, description="Tag every snapshot 'labels/<campaign>/<round>'.")
    remote: str | None = Field(None, description="DVC remote that gets every snapshot, by its name.")


class CampaignSettings(Section):
    """All of params.yaml."""

    campaign: Campaign = Campaign()
    dataset: Dataset = Dataset()
    labels: Labels = Labels()
    model: Model = Model()
    acquisition: Acquisition = Acquisition()
    annotation: Annotation = Annotation()
    fusion: Fusion = Fusion()
    evaluation: Evaluation = Evaluation()
    stopping: Stopping = Stopping()
    budget: Budget = Budget()
    tracking: Tracking = Tracking()
    versioning: Versioning = Versioning()

    @model_validator(mode="after")
    def _it_ends(self) -> CampaignSettings:
        stopping, budget = self.stopping, self.budget
        limits = (stopping.max_rounds, stopping.target_accuracy, budget.labels, budget.money, budget.hours)
        if all(limit is None for limit in limits) and self.annotation.tool == "simulated":
            raise ValueError("nothing ever stops this simulated campaign before the pool is used up; set one "
                             "of stopping.max_rounds, stopping.target_accuracy, budget.labels")  # fmt: skip
        if budget.labels is not None and self.acquisition.first_batch_size is not None \
                and self.acquisition.first_batch_size > budget.labels:  # fmt: skip
            raise ValueError(f"acquisition.first_batch_size {self.acquisition.first_batch_size} is more than "
                             f"budget.labels {budget.labels}")  # fmt: skip
        return self


def load_settings(path: Path) -> CampaignSettings:
    """Read and check params.yaml.

    Raises:
        SettingsError: one line a mistake, each with the key, the value and the nearest real key.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path} is not there; `labelloop init {path.parent}` makes a campaign") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(content, dict | None):
        raise SettingsError(f"{path} must hold sections such as 'dataset:', not {type(content).__name__}")
    return parse_settings(content or {}, source=str(path))


def parse_settings(content: dict[str, Any], source: str = "params") -> CampaignSettings:
    """Check settings that are already a mapping; see `load_settings`."""
    try:
        return CampaignSettings.model_validate(content)
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise SettingsError("\n".join([f"{source} has {len(lines)} mistake(s):", *lines])) from None


def _explain(detail: Any) -> str:
    where = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        known = _known_keys(detail["loc"][:-1])
        nearest = difflib.get_close_matches(str(detail["loc"][-1]), known, n=1, cutoff=0.5)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"known keys: {', '.join(known)}"
        return f"  {where}: unknown key; {hint}"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "value_error":
        return f"  {where or 'settings'}: {message}"
    return f"  {where}: {message} (it is {detail['input']!r})"


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    model: Any = CampaignSettings
    for part in location:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        arguments = getattr(annotation, "__args__", ())
        model = next((a for a in (annotation, *arguments) if hasattr(a, "model_fields")), model)
    return list(model.model_fields)
