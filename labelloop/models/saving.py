"""A learner as a folder: its own files, and learner.json that says which learner they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from labelloop import files
from labelloop.errors import DamagedFileError, SettingsError
from labelloop.models.base import Learner
from labelloop.models.pool_learner import EARLIER, VERDICT, PoolLearner
from labelloop.models.registry import learner_class, made_with, remember, resolve_model_name
from labelloop.models.storage import read_settings

LEARNER = "learner.json"


def save_learner(learner: Learner, name: str, folder: Path) -> None:
    """Write a learner, atomically: afterwards `folder` holds all of it, or what it held before.

    Args:
        learner: made by `make_learner` or read by `load_learner`.
        name: the name it was made by; `auto` is written as what it stands for.
        folder: is made, or replaced.
    """
    made = made_with(learner)
    description = {
        "name": resolve_model_name(name, made["input_kind"]),
        "n_classes": learner.n_classes,
        "input_kind": made["input_kind"],
        "options": made["options"],
        "seed": made["seed"],
        "pool": made["pool"],
        # A user's own learner need not say whether it is fitted; null then means "not known".
        "fitted": getattr(learner, "fitted", None),
    }
    with files.atomic_path(folder) as temporary:
        temporary.mkdir()
        learner.save(temporary)
        files.write_json(temporary / LEARNER, description)


def load_learner(folder: Path) -> Learner:
    """Read a learner that `save_learner` wrote; it predicts, embeds and can be fitted again.

    Raises:
        SettingsError: its class is not there any more.
        DamagedFileError: a file is missing or damaged, or the files belong to different learners.
    """
    path = folder / LEARNER
    described = read_settings(path, ("name", "n_classes", "input_kind", "options", "seed", "fitted"))
    try:
        name = resolve_model_name(described["name"], described["input_kind"])
        found = learner_class(name)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    pool = _pool_of(described)
    learner = found.load(folder) if pool == "none" else PoolLearner.load_round(folder, found)
    if learner.n_classes != described["n_classes"]:
        raise DamagedFileError(
            f"{path} says {described['n_classes']} classes, but the model beside it has {learner.n_classes}; "
            "the files belong to different models"
        )
    remember(learner, described["input_kind"], described["seed"], described["options"], pool)
    return cast(Learner, learner)


def same_learner(one: Path, other: Path) -> bool:
    """Whether two learners that `save_learner` wrote differ in nothing but what they were trained on."""
    return _made(one) == _made(other)


def _made(folder: Path) -> tuple[Any, ...]:
    described = read_settings(folder / LEARNER, ("name", "options", "seed"))
    made = (described["name"], described["options"], described["seed"])
    pool = _pool_of(described)
    if pool == "none":
        return made
    gated = read_settings(folder / VERDICT, ("pool",))
    return (*made, pool, gated.get("options", {}), gated.get("views"))


def _pool_of(described: dict[str, Any]) -> str:
    # Models of earlier versions do not say; they are plain.
    pool = described.get("pool", "none")
    return EARLIER.get(pool, pool)
