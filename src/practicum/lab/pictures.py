"""The pictures of a study, drawn from its rows and kept as PNG files."""

import os
from pathlib import Path

from practicum import events
from practicum.errors import StoreError
from practicum.lab.paper import Paper, Picture
from practicum.lab.rows import Rows
from practicum.lab.verdict import Verdict


def draw(paper: Paper, rows: Rows, verdict: Verdict, folder: Path) -> dict[str, Path]:
    """Write the picture of the claims and those of the page; their files by name.

    Where runs are missing, only the claims are drawn: a page's own pictures may rely on every arm.
    """
    from practicum.lab.plots import claims  # matplotlib takes most of a second

    pictures: dict[str, Picture] = {"claims": claims(verdict)}
    if rows.failures:
        arms = ", ".join(sorted({run.arm for run in rows.failures}))
        events.emit(events.Note(text=f"only the claims are drawn: no numbers from {arms}"))
    else:
        pictures.update({_name(plot): plot(rows) for plot in paper.plots})
    return {name: save_picture(it, folder / f"{name}.png") for name, it in pictures.items()}


def save_picture(picture: Picture, path: Path) -> Path:
    """Write `picture` as a PNG file, whole or not at all."""
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.png")
    try:
        # Without the name of the drawing program, equal rows give equal files.
        picture.savefig(unfinished, dpi=150, metadata={"Software": None})
        unfinished.replace(path)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {problem.strerror}") from problem
    return path


def _name(plot: object) -> str:
    return getattr(plot, "__name__", "")
