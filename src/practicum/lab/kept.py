"""What a run leaves beside its numbers: files of its folder, and whole arrays.

Files with the endings png, svg and gif are shown in reports. An array is kept as a curve of the
store, so that a picture can be drawn from the rows alone.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from practicum import events
from practicum.lab.folder import run_folder
from practicum.lab.paper import Picture
from practicum.lab.pictures import save_picture
from practicum.lab.rows import Rows


def keep_file(name: str, path: Path) -> Path:
    """Tell that the file at `path`, in the run's folder, is kept under this name."""
    events.emit(events.Artifact(name=name, path=str(path)))
    return path


def keep_text(file: str, text: str) -> Path:
    """Write `text` to `file` in the run's folder; its name is the file's before the dot."""
    path = run_folder() / file
    path.write_text(text, encoding="utf-8")
    return keep_file(path.stem, path)


def keep_picture(name: str, picture: Picture) -> Path:
    """Write `picture` to the run's folder as `name`.png."""
    return keep_file(name, save_picture(picture, run_folder() / f"{name}.png"))


def keep_array(name: str, values: Float[np.ndarray, "..."]) -> None:
    """Keep all values in their order, under this name."""
    for step, value in enumerate(values.reshape(-1).tolist()):
        events.emit(events.Metric(name=name, value=value, step=step))


def kept_array(rows: Rows, arm: str, name: str, *shape: int) -> Float[np.ndarray, "..."]:
    """What the first seed of `arm` kept under this name; `shape` where it was no list."""
    values = np.array([value for _, value in rows.curves(arm, name)[0]])
    return values.reshape(shape or -1)
