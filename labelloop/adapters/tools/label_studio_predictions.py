"""The model's predictions as Label Studio's, checked here because the server stores whatever it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labelloop.adapters.tools.base import Prediction, Project, Task
from labelloop.adapters.tools.label_studio_config import CONTROL
from labelloop.errors import ToolError

Content = dict[str, Any]
"""A prediction as a task carries it."""


def check_predictions(
    tasks: Iterable[Task], project: Project, config: str
) -> Callable[[Prediction], Content]:
    """Make sure that every prediction fits before anything is sent; return what writes one for the server.

    Args:
        config: the project's labeling configuration as the server has it.

    Raises:
        ToolError: a prediction does not fit the configuration; says of which item, and why.
    """
    from label_studio_sdk.label_interface import LabelInterface

    try:
        interface = LabelInterface(config)
        shows = interface.get_control(CONTROL).to_name[0]
    except Exception as error:  # the SDK's errors about a configuration are of many kinds
        raise ToolError(f"the project's labeling interface cannot be read ({str(error)[:200]}), so nothing "
                        "can be checked against it; put it right on the project's Settings page, or set "
                        "annotation.prelabels: none") from None  # fmt: skip

    def content(prediction: Prediction) -> Content:
        return _content(prediction, project, shows)

    known: dict[str, list[str]] = {}  # what is wrong with a class
    for task in tasks:
        prediction = task.prediction
        if prediction is None:
            continue
        problems = [] if 0 <= prediction.score <= 1 else [f"score {prediction.score} is not in [0, 1]"]
        if not problems and prediction.value not in known:
            found = interface.validate_prediction(content(prediction), return_errors=True)
            known[prediction.value] = list(found or [])
        problems = problems or known[prediction.value]
        if problems:
            raise ToolError(f"the model's prediction {prediction.value!r} for item {task.item!r} does not "
                            f"fit the project's labeling interface: {'; '.join(problems)[:300]}. Nothing "
                            "was sent. Put the interface right, or set annotation.prelabels: none"
                            )  # fmt: skip
    return content


def _content(prediction: Prediction, project: Project, shows: str) -> Content:
    region = {"from_name": CONTROL, "to_name": shows, **RESULTS[project.label_type](prediction.value)}
    return {
        "model_version": prediction.model_version,
        "score": float(prediction.score),
        "result": [region],
    }


def _choice(value: str) -> dict[str, Any]:
    return {"type": "choices", "value": {"choices": [value]}}


RESULTS: dict[str, Callable[[str], dict[str, Any]]] = {"choice": _choice}
"""What a predicted value looks like, by the kind of label."""
