"""Texts that must stay as they are, in `tests/golden/`; `NSMODEL_GOLDEN=write` writes them anew."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "golden"


def same(name: str, text: str) -> None:
    """Compare a text with its golden file."""
    path = FOLDER / name
    if os.environ.get("NSMODEL_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} differs; NSMODEL_GOLDEN=write writes it anew"
