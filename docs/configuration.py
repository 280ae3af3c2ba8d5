"""Write docs/configuration.md from the settings' descriptions; with --check, say if it is current."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from labelloop.campaign import CampaignSettings
from labelloop.environment import Environment
from labelloop.settings.acceptance import FusedAcceptance
from labelloop.settings.composition import Composition
from labelloop.settings.pool import PoolOptions
from labelloop.settings.quality import Pause
from labelloop.settings.routing import Person, Routing
from labelloop.settings.simulation import SimulatedAnnotator, Simulation

PAGE = Path(__file__).with_name("configuration.md")
INTRODUCTION = """\
# Configuration

Everything that `params.yaml` may say. Written from the code by `make docs`; do not edit.

A setting that is left out has its default. An unknown key is refused, with the nearest real one named.
Editing `params.yaml` changes rounds to come; a round keeps what it was opened with (its `settings.yaml`).
Addresses and secrets are not here: they come from the environment, or from `.env` in the campaign's folder.
"""


def page() -> str:
    """The whole document."""
    parts = [INTRODUCTION]
    for name, field in CampaignSettings.model_fields.items():
        parts.append(_section(name, field.annotation))
    parts.append(_section("model.pool_options", PoolOptions))
    parts.append(_section("acquisition.compose", Composition))
    parts.append(_section("quality.pause", Pause))
    parts.append(_section("accept.fused", FusedAcceptance))
    parts.append(_section("annotation.routing", Routing))
    parts.append(_section("annotation.routing.people", Person))
    parts.append(_section("annotation.simulation", Simulation))
    parts.append(_section("annotation.simulation.annotators", SimulatedAnnotator))
    rows = [f"| `{name.upper()}` | {field.description} |" for name, field in Environment.model_fields.items()]
    parts.append("\n".join(["## Environment", "", "| variable | meaning |", "|---|---|", *rows]))
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _section(name: str, model: Any) -> str:
    lines = [
        f"## {name}",
        "",
        str(model.__doc__),
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    for key, field in model.model_fields.items():
        lines.append(f"| `{key}` | {_type(field.annotation)} | {_default(field)} | {field.description} |")
    return "\n".join(lines)


def _type(annotation: Any) -> str:
    text = (
        annotation.__name__
        if isinstance(annotation, type)
        else re.sub(r"labelloop[.\w]*\.(\w+)", r"\1", str(annotation))
    )
    if text.startswith("typing.Literal"):
        return text.removeprefix("typing.Literal").strip("[]").replace("'", "").replace(", ", " or ")
    for old, new in (
        ("labelloop.campaign.", ""),
        ("typing.", ""),
        ("NoneType", "null"),
        ("None", "null"),
        ("|", "or"),
    ):
        text = text.replace(old, new)
    return text


def _default(field: Any) -> str:
    if field.default is PydanticUndefined:
        return "(needed)"
    if isinstance(field.default, BaseModel):
        return "see below"
    if isinstance(field.default, list) and field.default and isinstance(field.default[0], BaseModel):
        return f"{len(field.default)} annotators"
    return f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        sys.exit(f"{PAGE} is out of date; run `make docs`")
