"""A model's folder changes all at once: files are written aside and then take their places.

The marker, the file without which a folder is no model (`config.json` or `description.json`), comes
last. A process killed at any moment leaves the old model, or the new one, or a folder that is
plainly unfinished, never a mixture that loads. Other files in the folder are left alone.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from practicum.errors import CheckpointError
from practicum.models.safetensors_folder import INDEX, WEIGHTS

MARKERS = ("config.json", "description.json")


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new empty folder; when the block ends well, its files become those of `folder`.

    Raises CheckpointError where `folder` cannot be written.
    """
    work = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        aside = work / folder.name  # `work` itself is closed to other users
        aside.mkdir()
        yield aside
        _publish(aside, folder)
    except OSError as problem:
        raise CheckpointError(f"cannot write {folder}: {problem.strerror or problem}") from problem
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _publish(aside: Path, folder: Path) -> None:
    if not folder.exists():
        aside.rename(folder)
        return
    new = {path.name for path in aside.iterdir()}
    changed = {name for name in new if not _same(aside / name, folder / name)}
    # Where only the one weight file differs, it is replaced in one move. Anything else passes
    # through a folder without a marker, which nobody takes for a model.
    if not changed <= {WEIGHTS}:
        for marker in MARKERS:
            (folder / marker).unlink(missing_ok=True)
    last = [*sorted(new & {INDEX}), *sorted(new & set(MARKERS))]
    for name in [*sorted(new - set(last)), *last]:
        os.replace(aside / name, folder / name)
    for old in [folder / INDEX, *folder.glob("model*.safetensors")]:
        if old.name not in new:
            old.unlink(missing_ok=True)


def _same(one: Path, other: Path) -> bool:
    """Whether two small files are equal; weights always count as different."""
    if one.suffix == ".safetensors" or not other.is_file():
        return False
    return one.read_bytes() == other.read_bytes()
