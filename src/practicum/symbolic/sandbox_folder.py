"""Emptying a folder that a hostile program filled: however deep, whatever the modes."""

import os
import secrets
from contextlib import suppress


def empty(folder: int) -> None:
    """Remove everything in the open directory `folder`; links are removed, never followed.

    What lies in a directory is moved up before the directory goes, so that no path grows long and
    no stack deep. Nobody else may be writing there. Raises OSError for what cannot be removed.
    """
    with suppress(OSError):
        os.fchmod(folder, 0o700)
    while entries := _entries(folder):
        for name, is_directory in entries:
            if is_directory:
                _dissolve(name, folder)
            else:
                os.unlink(name, dir_fd=folder)


def remove(path: str) -> None:
    """Remove the folder at `path` with all that is in it, as `empty` does."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        empty(folder)
    finally:
        os.close(folder)
    os.rmdir(path)


def _entries(folder: int) -> list[tuple[str, bool]]:
    """The names in a folder, and whether each is a directory."""
    with os.scandir(folder) as entries:
        return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]


def _dissolve(name: str, folder: int) -> None:
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=folder)
    inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        for each, is_directory in _entries(inner):
            if is_directory:
                with suppress(OSError):  # a directory that cannot be written cannot be moved
                    os.chmod(each, 0o700, dir_fd=inner)
            os.rename(each, secrets.token_hex(16), src_dir_fd=inner, dst_dir_fd=folder)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=folder)
