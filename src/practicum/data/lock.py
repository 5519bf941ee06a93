"""A lock between processes, held by the operating system and so released by any death."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from practicum import events
from practicum.errors import AssetError

if os.name == "nt":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(path: Path, purpose: str) -> Iterator[None]:
    """Within the block no other process or thread holds the lock file `path`.

    Waits as long as another does, saying so once. The file itself stays: removing it would let a
    third process lock a new file of the same name beside a second one.

    Raises AssetError where the file cannot be made.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as problem:
        raise AssetError(
            f"cannot write {path.parent} ({problem.strerror}); "
            "set PRACTICUM_HOME to a writable folder"
        ) from problem
    try:
        _wait(descriptor, purpose)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, purpose: str) -> None:
    said = False
    while True:
        try:
            return _try_lock(descriptor)
        except (BlockingIOError, PermissionError):  # Windows says EACCES where Unix says EAGAIN
            if not said:
                events.emit(events.Note(text=f"waiting for another process: {purpose}"))
                said = True
            time.sleep(0.1)
        except OSError as problem:
            raise AssetError(
                f"the file system of PRACTICUM_HOME cannot lock files ({problem.strerror}); "
                "set PRACTICUM_HOME to a folder on a local disk"
            ) from problem
