"""The last verdict of an entry from plain files, so that listing needs no database.

`practicum run` keeps each verdict of the store as a file too; a checkout brings those of its
`results/` folder. The latest counts, a user's own or the one that came with the code, and a whole
preset before `smoke`, which only shows that a page runs.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from practicum.errors import StoreError
from practicum.home import home
from practicum.lab.export import export_verdict, read_export, read_verdict
from practicum.lab.provenance import code_fingerprint
from practicum.lab.reached import ROOT
from practicum.lab.rows import Rows
from practicum.lab.verdict import Verdict
from practicum.papers.catalog import FOLDER, Entry, has_page, page_path

T = TypeVar("T")

SHIPPED = FOLDER.parents[2] / "results"
CODES = "codes.json"  # in the home
STATES = ("no page", "unread", "holds", "fails", "open", "invalid", "stale")


def keep_verdict(verdict: Verdict, rows: Rows) -> None:
    """Write the verdict where `last_verdict` looks, in place of the one of the same preset."""
    export_verdict(verdict, rows, home("verdicts", verdict.origin.preset))


def last_export(slug: str) -> tuple[Verdict, Rows] | None:
    """The verdict that stands for the entry, with its rows; None where there is none."""
    return _last(slug, read_export, lambda export: export[0])


def last_verdict(slug: str) -> Verdict | None:
    """The verdict that stands for the entry; None where there is none."""
    return _last(slug, read_verdict, lambda verdict: verdict)


def _last(slug: str, read: Callable[[Path], T], verdict_of: Callable[[T], Verdict]) -> T | None:
    """The latest of what came with the code and what was judged here, smoke only for want of it."""
    files = (SHIPPED / f"{slug}.json", *_own(slug))
    found = [export for path in files if (export := _read(path, read)) is not None]
    found.sort(key=lambda export: verdict_of(export).origin.created)
    whole = [export for export in found if not is_smoke(verdict_of(export))]
    return next(reversed(whole or found), None)


def shipped_pictures(slug: str) -> dict[str, Path]:
    """The pictures beside the entry's verdict that came with the code, by name."""
    found = sorted(SHIPPED.glob(f"{slug}-*.png"))
    return {path.stem.removeprefix(f"{slug}-"): path for path in found}


def state_of(entry: Entry, codes: "Codes | None" = None) -> str:
    """What has become of an entry: one of `STATES`. Many are asked sooner with the same `codes`."""
    if not has_page(entry.slug):
        return "no page"
    verdict = last_verdict(entry.slug)
    if verdict is None or is_smoke(verdict):
        return "unread"
    return "stale" if changed_since(verdict, codes) else verdict.state


def is_smoke(verdict: Verdict) -> bool:
    """Whether it comes of the preset that only shows that a page runs."""
    return verdict.origin.preset == "smoke"


def changed_since(verdict: Verdict, codes: "Codes | None" = None) -> bool:
    """Whether the page, or code that it reaches, changed since the verdict."""
    return verdict.origin.code != (codes or Codes()).of(verdict.origin.slug)


class Codes:
    """The fingerprints of the pages' code as the library's files are now.

    One takes a fifth of a second, so they are kept until any file changes.
    """

    def __init__(self) -> None:
        self._library: dict[Path, str] = {}  # its signature, by the folder of the pages

    def of(self, slug: str) -> str:
        """The fingerprint of the code of one page."""
        page = page_path(slug)
        if page.parent not in self._library:
            files = (*ROOT.rglob("*.py"), *page.parent.glob("*.py"))
            self._library[page.parent] = _signature(*files)
        library = self._library[page.parent]
        kept = _kept_codes()
        codes = kept["codes"] if kept.get("library") == library else {}
        if slug not in codes:
            codes[slug] = code_fingerprint(f"practicum.papers.{page.stem}")
            with suppress(OSError, StoreError):  # listing works without a home, only slower
                place = home() / CODES
                aside = place.with_name(f".{place.name}.{os.getpid()}")
                aside.write_text(json.dumps({"library": library, "codes": codes}), encoding="utf-8")
                aside.replace(place)
        return codes[slug]


def _kept_codes() -> dict[str, Any]:
    with suppress(OSError, StoreError, ValueError):
        return json.loads((home() / CODES).read_text(encoding="utf-8"))
    return {}


def _signature(*files: Path) -> str:
    """Equal while no file is added, removed or written."""
    stats = [(str(file), file.stat()) for file in sorted(files)]
    lines = [f"{name} {stat.st_mtime_ns} {stat.st_size}" for name, stat in stats]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _own(slug: str) -> list[Path]:
    try:
        return sorted((home() / "verdicts").glob(f"*/{slug}.json"))
    except StoreError:  # a home that cannot be made holds no verdicts
        return []


def _read(path: Path, read: Callable[[Path], T]) -> T | None:
    """What the file holds; None where there is none, or one that another version wrote."""
    try:
        return read(path)
    except StoreError:
        return None
