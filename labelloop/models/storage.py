"""A learner's files: settings as JSON, arrays as safetensors. Nothing here can run code on loading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from labelloop import files
from labelloop.errors import DamagedFileError

SETTINGS = "settings.json"

_Kind = TypeVar("_Kind")


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write arrays as safetensors, in the order of their names: equal arrays give equal bytes."""
    from safetensors.numpy import save

    files.write_bytes(path, save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}))


def read_arrays(path: Path, names: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote.

    Raises:
        DamagedFileError: it is missing, is not safetensors any more, or lacks one of `names`.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: dict[str, np.ndarray] = load(path.read_bytes())
    except FileNotFoundError:
        raise DamagedFileError(f"{path} is missing; train the model again") from None
    except SafetensorError as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from None
    missing = [name for name in names if name not in arrays]
    if missing:
        raise DamagedFileError(f"{path} lacks the array {missing[0]!r}; it has {sorted(arrays)}")
    return arrays


def save_settings(learner: Any, folder: Path, **more: Any) -> None:
    """Write settings.json: what a built-in learner was made with (n_classes, seed, options), and `more`."""
    made = {"n_classes": learner.n_classes, "seed": learner.seed, "options": learner.options}
    files.write_json(folder / SETTINGS, made | more)


def made_again(kind: Callable[..., _Kind], folder: Path, *more: str) -> tuple[_Kind, dict[str, Any]]:
    """A learner made as the one that wrote settings.json was, untrained, and that file's content.

    Args:
        kind: its class.
        more: further keys that must be there.

    Raises:
        DamagedFileError: see `read_settings`.
    """
    settings = read_settings(folder / SETTINGS, ("n_classes", "seed", "options", *more))
    learner = kind(n_classes=settings["n_classes"], seed=settings["seed"], **settings["options"])
    return learner, settings


def read_settings(path: Path, names: tuple[str, ...]) -> dict[str, Any]:
    """Read a JSON object that has the keys `names`.

    Raises:
        DamagedFileError: it is missing, is no JSON object, or lacks a key.
    """
    try:
        content = files.read_json(path)
    except FileNotFoundError:
        raise DamagedFileError(f"{path} is missing; this folder does not hold a saved model") from None
    missing = [name for name in names if not isinstance(content, dict) or name not in content]
    if missing:
        raise DamagedFileError(f"{path} is damaged: it lacks the key {missing[0]!r}")
    return dict(content)
