"""Reads a file of text that a user names."""

from pathlib import Path

from practicum.errors import DataError


def read_text(file: str) -> str:
    """What stands in it. Raises DataError where it cannot be read or is not UTF-8."""
    try:
        return Path(file).expanduser().read_bytes().decode()
    except OSError as problem:
        raise DataError(f"cannot read {file}: {problem.strerror}") from problem
    except UnicodeDecodeError as problem:
        raise DataError(
            f"{file} is not UTF-8 (byte {problem.start} is 0x{problem.object[problem.start]:02x}); "
            "convert it: iconv"
        ) from problem
