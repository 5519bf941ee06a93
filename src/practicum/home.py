"""Where practicum keeps what it brings and makes: `$PRACTICUM_HOME`, else the user's cache."""

import os
from pathlib import Path

from practicum.errors import StoreError


def home(*parts: str) -> Path:
    """`$PRACTICUM_HOME/parts…`, its folder made. Raises StoreError where it cannot be written."""
    chosen = os.environ.get("PRACTICUM_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    root = Path(chosen) if chosen else Path(cache).expanduser() / "practicum"
    folder = root.joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StoreError(
            f"cannot write {folder} ({problem.strerror}); set PRACTICUM_HOME to a writable folder"
        ) from problem
    return folder
