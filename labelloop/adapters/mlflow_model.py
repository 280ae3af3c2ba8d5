"""The model that MLflow loads and serves: the campaign's learner behind pyfunc's interface.

MLflow copies this file next to the learner's folder and runs it when the model is loaded, so no pickle is
involved. Input: for text a table with a column ``text``; for texts with pictures a table with ``text``
(several columns joined by a line break) and ``image`` (the bytes of a PNG or JPEG file); for features an
array of shape (n, d); for images an array of shape (n, height, width) or (n, height, width, channels).
Output: a table with the likeliest class as ``label`` and one column ``probability_<class>`` a class.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class CampaignModel(PythonModel):
    """A trained learner and the names of its classes."""

    def load_context(self, context: Any) -> None:
        from labelloop.datasets.sight import Sight
        from labelloop.models import load_learner

        self._learner = load_learner(Path(context.artifacts["learner"]))
        self._sight = Sight.load(Path(context.artifacts["sight"])) if "sight" in context.artifacts else None
        self._classes: list[str] = list(context.model_config["classes"])
        self._input_kind: str = context.model_config["input_kind"]

    # It may be an array as well. This hint is one that MLflow neither checks against nor warns of.
    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Label rows of `model_input`; see the module for its shape and the result's columns."""
        if self._sight is not None:
            inputs = self._sight.of_files(list(model_input["text"]), list(model_input["image"]))
        elif self._input_kind == "text":
            texts = model_input["text"] if isinstance(model_input, pd.DataFrame) else model_input
            inputs = np.asarray(texts, dtype=object)
        else:
            inputs = np.asarray(model_input, dtype=np.uint8 if self._input_kind == "images" else np.float32)
        probabilities = self._learner.predict_proba(inputs)
        table = pd.DataFrame(probabilities.astype(np.float64),
                             columns=[f"probability_{name}" for name in self._classes])  # fmt: skip
        best = probabilities.argmax(axis=1)
        table.insert(0, "label", [self._classes[code] for code in best])
        return table


set_model(CampaignModel())
