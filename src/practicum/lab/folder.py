"""The folder of the run that is going on: where a page puts checkpoints, samples and pictures."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)


def run_folder() -> Path:
    """The folder of this run, kept with its numbers; it survives an interruption for `--resume`.

    Outside a study, as when a test calls a page's `run`, a fresh temporary folder.
    """
    return _folder.get() or Path(tempfile.mkdtemp(prefix="practicum-run-"))


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Within the block `run_folder` is `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)
