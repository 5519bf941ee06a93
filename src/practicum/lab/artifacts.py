"""Texts that a run leaves beside its numbers: pictures as SVG, sheets as LaTeX, tables."""

from pathlib import Path

from practicum import events
from practicum.lab.folder import run_folder


def keep(file: str, text: str) -> Path:
    """Write `text` to `file` in the run's folder, and tell of it by the file's name before its dot.

    Files with the ending svg are shown in reports.
    """
    path = run_folder() / file
    path.write_text(text, encoding="utf-8")
    events.emit(events.Artifact(name=path.stem, path=str(path)))
    return path
