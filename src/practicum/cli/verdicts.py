"""The last verdict of an entry from plain files, so that listing needs no database.

`practicum run` keeps each verdict of the store as a file too; a checkout brings those of its
`results/` folder. The latest counts, a user's own or the one that came with the code, and a whole
preset before `smoke`, which only shows that a page runs.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from practicum.errors import StoreError
from practicum.home import home
from practicum.lab.export import export_verdict, read_export
from practicum.lab.provenance import code_fingerprint
from practicum.lab.reached import ROOT
from practicum.lab.rows import Rows
from practicum.lab.verdict import Verdict
from practicum.papers.catalog import FOLDER, Entry, has_page, page_path

SHIPPED = FOLDER.parents[2] / "results"
CODES = "codes.json"  # in the home
STATES = ("no page", "unread", "holds", "fails", "open", "invalid", "stale")


def keep_verdict(verdict: Verdict, rows: Rows) -> None:
    """Write the verdict where `last_verdict` looks, in place of the one of the same preset."""
    export_verdict(verdict, rows, home("verdicts", verdict.origin.preset))


def last_export(slug: str) -> tuple[Verdict, Rows] | None:
    """The verdict that stands for the entry, with its rows; None where there is none."""
    shipped = _read(SHIPPED / f"{slug}.json")
    own = [export for path in _own(slug) if (export := _read(path)) is not None]
    found = [*([shipped] if shipped else []), *own]
    found.sort(key=lambda export: export[0].origin.created)
    whole = [export for export in found if not is_smoke(export[0])]
    return next(reversed(whole or found), None)


def last_verdict(slug: str) -> Verdict | None:
    """The verdict that stands for the entry; None where there is none."""
    export = last_export(slug)
    return None if export is None else export[0]


def shipped_pictures(slug: str) -> dict[str, Path]:
    """The pictures beside the entry's verdict that came with the code, by name."""
    found = sorted(SHIPPED.glob(f"{slug}-*.png"))
    return {path.stem.removeprefix(f"{slug}-"): path for path in found}


def state_of(entry: Entry) -> str:
    """What has become of an entry: one of `STATES`."""
    if not has_page(entry.slug):
        return "no page"
    verdict = last_verdict(entry.slug)
    if verdict is None or is_smoke(verdict):
        return "unread"
    return "stale" if changed_since(verdict) else verdict.state


def is_smoke(verdict: Verdict) -> bool:
    """Whether it comes of the preset that only shows that a page runs."""
    return verdict.origin.preset == "smoke"


def changed_since(verdict: Verdict) -> bool:
    """Whether the page, or code that it reaches, changed since the verdict."""
    return verdict.origin.code != _code(verdict.origin.slug)


def _code(slug: str) -> str:
    """The fingerprint of the page's code.

    It takes a fifth of a second, so it is kept until any file of the library changes.
    """
    page = page_path(slug)
    library = _signature(*ROOT.rglob("*.py"), *page.parent.glob("*.py"))
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


def _read(path: Path) -> tuple[Verdict, Rows] | None:
    """What the file holds; None where there is none, or one that another version wrote."""
    try:
        return read_export(path)
    except StoreError:
        return None
