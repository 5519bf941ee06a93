"""A tokenizer's file, replaced at once: nobody sees half of it, and the old one stays till then."""

import os
import secrets
from pathlib import Path

from practicum.errors import TokenizerError


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`. Raises TokenizerError where that is impossible."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            partial.write_bytes(data)
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as problem:
        raise TokenizerError(f"cannot write {path}: {problem.strerror}") from problem
