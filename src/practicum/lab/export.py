"""A verdict as a file, `results/<slug>.json`, with the numbers it was computed from."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from practicum.config import from_json, to_json
from practicum.errors import ConfigError, StoreError
from practicum.lab.rows import Rows
from practicum.lab.verdict import Verdict, verdict_from_json


def export_verdict(verdict: Verdict, rows: Rows, folder: Path) -> Path:
    """Write `folder/<slug>.json`, whole or not at all. Curves stay in the store.

    Judging the rows in the file again gives the verdict in the file.
    """
    bare = replace(rows, runs=tuple(replace(run, curves={}) for run in rows.runs))
    data = {"verdict": verdict.to_json(), "rows": to_json(bare)}
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    path = folder / f"{verdict.origin.slug}.json"
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}.json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(path)
    except OSError as problem:
        unfinished.unlink(missing_ok=True)
        raise StoreError(f"cannot write {path}: {problem.strerror}") from problem
    return path


def read_export(path: Path) -> tuple[Verdict, Rows]:
    """What `export_verdict` wrote. Raises StoreError when the file is missing or something else."""
    with _read(path) as data:
        return verdict_from_json(data["verdict"]), from_json(Rows, data["rows"])


def read_verdict(path: Path) -> Verdict:
    """The verdict alone, sooner. Raises StoreError as `read_export`."""
    with _read(path) as data:
        return verdict_from_json(data["verdict"])


@contextmanager
def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The file's data; what goes wrong while it is read, or within the block, names the file."""
    try:
        yield json.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise StoreError(f"cannot read {path}: {problem.strerror}") from problem
    except (ValueError, KeyError, TypeError, ConfigError) as problem:
        raise StoreError(f"{path} is no exported verdict: {problem}") from problem
