"""The model's predictions as Label Studio's, checked here because the server stores whatever it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from labelloop.adapters.tools.base import Prediction, Project, Task
from labelloop.adapters.tools.label_studio_config import CONTROL
from labelloop.errors import ToolError


def predictions_of(
    tasks: Iterable[tuple[str, Task]], project: Project, config: str
) -> dict[str, list[dict[str, Any]]]:
    """What each task carries besides its data, by opaque key; only of tasks that have a prediction.

    Args:
        tasks: opaque keys and tasks.
        config: the project's labeling configuration as the server has it.

    Raises:
        ToolError: a prediction does not fit the configuration; says of which item, and why.
    """
    wanted = [(key, task.item, task.prediction) for key, task in tasks if task.prediction is not None]
    if not wanted:
        return {}
    from label_studio_sdk.label_interface import LabelInterface

    try:
        interface = LabelInterface(config)
        shows = interface.get_control(CONTROL).to_name[0]
    except Exception as error:  # the SDK's errors about a configuration are of many kinds
        raise ToolError(f"the project's labeling interface cannot be read ({str(error)[:200]}), so nothing "
                        "can be checked against it; put it right on the project's Settings page, or set "
                        "annotation.prelabels: none") from None  # fmt: skip
    made = {}
    known: dict[str, list[str]] = {}  # what is wrong with a class
    for key, item, prediction in wanted:
        content = _content(prediction, project, shows)
        problems = [] if 0 <= prediction.score <= 1 else [f"score {prediction.score} is not in [0, 1]"]
        if not problems and prediction.value not in known:
            known[prediction.value] = list(interface.validate_prediction(content, return_errors=True) or [])
        problems = problems or known[prediction.value]
        if problems:
            raise ToolError(f"the model's prediction {prediction.value!r} for item {item!r} does not fit the "
                            f"project's labeling interface: {'; '.join(problems)[:300]}. Nothing "
                            "was sent. Put the interface right, or set annotation.prelabels: none"
                            )  # fmt: skip
        made[key] = [content]
    return made


def _content(prediction: Prediction, project: Project, shows: str) -> dict[str, Any]:
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
