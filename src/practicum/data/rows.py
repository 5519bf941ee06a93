"""The text in a row of a table, or an error that names the row."""

from collections.abc import Mapping
from typing import Any

from practicum.errors import DataError


def row_text(row: Mapping[str, Any], field: str, place: str) -> str:
    """`row[field]` with line ends "\\n". Raises DataError, naming `place`, where it is no text."""
    if field not in row:
        known = ", ".join(list(row)[:12]) or "nothing"
        raise DataError(f"{place} has no '{field}'; it has {known}")
    text = row[field]
    if not isinstance(text, str):
        kind = "empty" if text is None else f"a {type(text).__name__}"
        raise DataError(f"{place}: '{field}' is {kind}; expected text")
    try:
        text.encode()
    except UnicodeEncodeError as problem:
        raise DataError(f"{place}: '{field}' has half a surrogate pair, no text") from problem
    return text.replace("\r\n", "\n")
