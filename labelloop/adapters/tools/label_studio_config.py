"""A campaign's question as Label Studio's labeling configuration, and its payloads as task data."""

from __future__ import annotations

import base64
import functools
import mimetypes
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.etree import ElementTree

from labelloop.adapters.tools.base import Project
from labelloop.errors import ToolError

CONTROL = "label"
"""Name of the control that people answer with."""

KEY = "labelloop_key"
"""Field of a task's data that carries the opaque key."""

_DEFAULT_COLUMNS = {"text": ("text",), "images": ("image",), "features": ("features",)}

_TAGS = {"text": "Text", "image": "Image", "table": "Table"}

MANY_CLASSES = 20
"""From here on a list to choose from is clearer than radio buttons."""


@functools.lru_cache(maxsize=16)
def fields_of(project: Project) -> Mapping[str, tuple[str, str]]:
    """Field and kind (text, image or table) of each column that is shown, by the column's name.

    A field's name is plain whatever the column is called, because the configuration refers to it as $name.
    """
    columns = project.payload_columns or _DEFAULT_COLUMNS[project.input_kind]
    fields: dict[str, tuple[str, str]] = {}
    taken = {KEY, CONTROL}
    for column in columns:
        kind = "text"
        if column == "image" and project.input_kind != "text":
            kind = "image"
        elif column == "features" and project.input_kind == "features":
            kind = "table"
        plain = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_") or "column"
        name, number = plain, 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        fields[column] = (name, kind)
    return fields


def label_config(project: Project) -> str:
    """The labeling configuration: what is shown, the question, and what may be answered.

    Raises:
        ToolError: this kind of label, or a class of this name, cannot be shown.
    """
    if project.label_type not in CONTROLS:
        raise ToolError(f"Label Studio is not yet asked for labels of type '{project.label_type}'; known: "
                        f"{', '.join(CONTROLS)}")  # fmt: skip
    view = ElementTree.Element("View")
    fields = fields_of(project)
    first = next(iter(fields.values()))[0]
    # A picture fills the window: what is asked would be out of sight below it.
    pictures = any(kind == "image" for _, kind in fields.values())
    if pictures:
        _ask(view, project, first)
    for column, (name, kind) in sorted(fields.items(), key=lambda field: field[1][1] != "image"):
        if len(fields) > 1:
            ElementTree.SubElement(view, "Header", value=_plain(column), size="5")
        ElementTree.SubElement(view, _TAGS[kind], name=name, value=f"${name}")
    if not pictures:
        _ask(view, project, first)
    return ElementTree.tostring(view, encoding="unicode")


def _ask(view: ElementTree.Element, project: Project, to_name: str) -> None:
    ElementTree.SubElement(view, "Header", value=_plain(project.question))
    CONTROLS[project.label_type](view, project, to_name)


def _choices(view: ElementTree.Element, project: Project, to_name: str) -> None:
    layout = {"layout": "select"} if len(project.classes) > MANY_CLASSES else {"showInline": "true"}
    control = ElementTree.SubElement(
        view, "Choices", {"name": CONTROL, "toName": to_name, "choice": "single", "required": "true"} | layout
    )
    # By default the first class has key 1, which for digits would be the key of 0.
    are_keys = all(re.fullmatch("[a-z0-9]", name) for name in project.classes)
    for name in project.classes:
        if name.startswith("$"):
            raise ToolError(f"class {name!r} starts with '$', which Label Studio takes for a column; rename "
                            "it in labels.classes")  # fmt: skip
        hotkey = {"hotkey": name} if are_keys else {}
        ElementTree.SubElement(control, "Choice", {"value": name} | hotkey)


CONTROLS: dict[str, Callable[[ElementTree.Element, Project, str], None]] = {"choice": _choices}
"""How each kind of label is asked for."""


def updated_config(there: str, project: Project, written: str | None) -> str | None:
    """What the project's configuration must become; None where it may stay as it is.

    A configuration that somebody has edited stays, if it still asks for the same label and shows the same
    fields: people add hints and hotkeys. One that is as we wrote it follows the schema.

    Args:
        there: the server's configuration.
        written: what we wrote last, if that is known.

    Raises:
        ToolError: answers would lose their meaning, or tasks could not be shown; says how to go on.
    """
    wanted = label_config(project)
    if _same(there, wanted):
        return None
    where = "the project's labeling interface (Settings on its page)"
    try:
        root = ElementTree.fromstring(there)
    except ElementTree.ParseError:
        root = ElementTree.Element("View")
    control = next((e for e in root.iter("Choices") if e.get("name") == CONTROL), None)
    if control is None:
        raise ToolError(f"{where} has no <Choices name=\"{CONTROL}\"> any more, which carries the answers; "
                        f"paste this: {wanted}")  # fmt: skip
    shown = [choice.get("value") or "" for choice in control.iter("Choice")]
    gone = [name for name in shown if name not in project.classes]
    if gone:
        raise ToolError(f"{where} offers the classes {shown}, but labels.classes has {gone} no more; answers "
                        "that were given would lose their meaning. Put them back into labels.classes, or "
                        "start a new campaign")  # fmt: skip
    if written is not None and _same(there, written):
        return wanted
    missing = [name for name in project.classes if name not in shown]
    fields = {name for name, _ in fields_of(project).values()}
    used = {match for e in root.iter() for value in e.attrib.values() for match in _variables(value)}
    if missing or control.get("choice", "single").startswith("multiple") or not used <= {*fields, KEY}:
        problem = f"lacks the classes {missing}" if missing else "was edited so that tasks do not fit"
        raise ToolError(f"{where} {problem}; put that right there, or paste this: {wanted}")
    return None


def _variables(value: str) -> list[str]:
    return re.findall(r"^\$([A-Za-z0-9_]+)", value)


def _same(one: str, other: str) -> bool:
    try:
        return ElementTree.canonicalize(one, strip_text=True) == ElementTree.canonicalize(
            other, strip_text=True
        )
    except ElementTree.ParseError:
        return False


def _plain(text: str) -> str:
    """Text that is shown as it is: a leading '$' would name a field."""
    return " ".join(text.split()).replace("$", "＄", 1) if text.lstrip().startswith("$") else text


def task_data(project: Project, payload: Mapping[str, object], key: str) -> dict[str, object]:
    """What a task carries: the fields that are shown, and the opaque key.

    Raises:
        ToolError: a column is missing, or an image cannot be read.
    """
    data: dict[str, object] = {}
    for column, (name, kind) in fields_of(project).items():
        if column not in payload:
            raise ToolError(f"task data has no column {column!r}, which the project shows; it has "
                            f"{list(payload)}")  # fmt: skip
        value = payload[column]
        if kind == "image":
            data[name] = _image(str(value))
        elif kind == "table" and isinstance(value, list):
            digits = len(str(len(value)))  # the page sorts rows by their names
            data[name] = {f"x{n:0{digits}}": number for n, number in enumerate(value, start=1)}
        else:
            data[name] = "" if value is None else str(value)
    return {**data, KEY: key}


def _image(value: str) -> str:
    """An image that any annotator's browser can show: its content, for a file on this disk."""
    if value.startswith(("data:", "http://", "https://")):
        return value
    try:
        content = Path(value).read_bytes()
    except OSError as error:
        raise ToolError(f"image {value} cannot be read: {error.strerror}; put it back") from None
    kind = mimetypes.guess_type(value)[0] or "image/png"
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
