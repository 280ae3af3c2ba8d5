"""A learner as a model folder of MLflow: its files, the code that loads it, signature and requirements."""

from __future__ import annotations

import contextlib
import importlib.metadata
from pathlib import Path
from typing import Any

import numpy as np

from labelloop.adapters.mlflow_record import LoggedModel
from labelloop.datasets.sight import Sight

_PACKAGES = ("mlflow", "labelloop", "numpy", "pandas", "scikit-learn", "torch", "safetensors")


def save_model(path: Path, model: LoggedModel, run_id: str, model_id: str) -> None:
    """Write `model` as a pyfunc model into the new folder `path`; no pickle is made."""
    import mlflow.pyfunc
    from mlflow.models import Model

    example, signature = _interface(model)
    folders = {"learner": model.folder} | ({} if model.sight is None else {"sight": model.sight})
    mlflow.pyfunc.save_model(
        path=str(path),
        # A path, not an object: MLflow copies the code instead of pickling it.
        python_model=str(Path(__file__).with_name("mlflow_model.py")),
        artifacts={name: str(folder.resolve()) for name, folder in folders.items()},
        model_config={"classes": list(model.classes), "input_kind": model.input_kind},
        signature=signature,
        input_example=example,
        # Without these MLflow loads the model in another process to see what it imports: 10 to 20 seconds.
        pip_requirements=_requirements(),
        mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
    )


def _interface(model: LoggedModel) -> tuple[Any, Any]:
    """An example of the input, and what goes in and comes out."""
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema, TensorSpec

    example: Any
    if model.sight is not None:
        pictures = Sight.load(model.sight).pictures_of(np.asarray(model.input_example))
        example = pd.DataFrame({"text": list(model.example_texts), "image": pictures})
        inputs = Schema([ColSpec(DataType.string, "text"), ColSpec(DataType.binary, "image")])
    elif model.input_kind == "text":
        example = pd.DataFrame({"text": [str(text) for text in model.input_example]})
        inputs = Schema([ColSpec(DataType.string, "text")])
    else:
        example = np.asarray(model.input_example)
        inputs = Schema([TensorSpec(example.dtype, (-1, *example.shape[1:]))])
    chances = [ColSpec(DataType.double, f"probability_{name}") for name in model.classes]
    return example, ModelSignature(inputs, Schema([ColSpec(DataType.string, "label"), *chances]))


def _requirements() -> list[str]:
    """Installed versions of what the model needs, without local parts such as +cpu that no index has."""
    versions = {}
    for package in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package).partition("+")[0]
    return [f"{package}=={version}" for package, version in versions.items()]
