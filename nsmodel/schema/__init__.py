"""JSON schemas of all machine output, one file for each command, shipped as data.

They are made from the types of :mod:`nsmodel.report.output`: `python -m nsmodel.schema` writes them anew.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec


def generated() -> dict[str, bytes]:
    """File name and text of every schema."""
    from nsmodel.report.output import OUTPUTS

    out = {}
    for name, kind in OUTPUTS.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"nsmodel {name}"}
        schema |= msgspec.json.schema(kind)
        out[f"{name}.json"] = json.dumps(schema, indent=1, sort_keys=True).encode() + b"\n"
    return out


def schema(name: str) -> dict[str, Any]:
    """The schema of a command's output, or of `trace`, as shipped. Raises FileNotFoundError for an unknown name."""
    return dict(json.loads(resources.files(__name__).joinpath(f"{name}.json").read_text()))


def write(folder: Path) -> None:
    """Write all schemas into a folder."""
    for name, text in generated().items():
        (folder / name).write_bytes(text)
