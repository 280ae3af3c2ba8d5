"""Labeling functions: one row of a table in, a class or None out."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelloop.errors import DataError, SettingsError

Rule = Callable[[Mapping[str, Any]], "str | None"]


@dataclass(frozen=True)
class LabelingFunction:
    """A rule with the name its votes carry."""

    name: str
    rule: Rule

    def __call__(self, row: Mapping[str, Any]) -> str | None:
        """The class of a row, or None to abstain.

        Raises:
            DataError: the rule gave something else.
        """
        label = self.rule(row)
        if label is not None and (not isinstance(label, str) or not label.strip()):
            raise DataError(f"labeling function {self.name!r} gave {label!r}; it must give the name of a "
                            "class, or None to abstain")  # fmt: skip
        return label


def labeling_function(
    rule: Rule | None = None, *, name: str | None = None
) -> LabelingFunction | Callable[[Rule], LabelingFunction]:
    """Make a rule a labeling function: `@labeling_function` or `@labeling_function(name=...)`.

    Args:
        rule: takes a row as a mapping from column to text, gives a class or None.
        name: of the annotator its votes come from; the rule's own name otherwise.
    """
    if rule is None:
        return lambda function: LabelingFunction(name or function.__name__, function)
    return LabelingFunction(name or rule.__name__, rule)


def functions_of(path: Path) -> list[LabelingFunction]:
    """The labeling functions of a Python file, in its order.

    Raises:
        SettingsError: no such file, it cannot be run, has none, or two of the same name.
    """
    if not path.is_file():
        raise SettingsError(f"{path} is not there; give a Python file with functions that are decorated "
                            "with @labeling_function")  # fmt: skip
    spec = importlib.util.spec_from_file_location(f"labeling_functions_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"{path} is no Python file; its name must end with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise SettingsError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    found = [value for value in vars(module).values() if isinstance(value, LabelingFunction)]
    if not found:
        raise SettingsError(f"{path} has no labeling function; decorate one with @labeling_function from "
                            "labelloop.weak")  # fmt: skip
    names = [function.name for function in found]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SettingsError(f"{path} has two labeling functions named {repeated[0]!r}; their votes could "
                            "not be told apart")  # fmt: skip
    return found
