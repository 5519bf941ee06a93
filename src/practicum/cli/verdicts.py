"""The last verdict of an entry from plain files, so that listing needs no database.

`practicum run` keeps each verdict of the store as a file too; a checkout brings those of its
`results/` folder. A user's own verdict counts before the one that came with the code, and a whole
preset before `smoke`, which only shows that a page runs.
"""

from pathlib import Path

from practicum.errors import StoreError
from practicum.home import home
from practicum.lab.export import export_verdict, read_export
from practicum.lab.rows import Rows
from practicum.lab.verdict import Verdict, is_stale
from practicum.papers.catalog import FOLDER, Entry, has_page, page_path

SHIPPED = FOLDER.parents[2] / "results"
STATES = ("no page", "unread", "holds", "fails", "open", "invalid", "stale")


def keep_verdict(verdict: Verdict, rows: Rows) -> None:
    """Write the verdict where `last_verdict` looks, in place of the one of the same preset."""
    export_verdict(verdict, rows, home("verdicts", verdict.origin.preset))


def last_export(slug: str) -> tuple[Verdict, Rows] | None:
    """The verdict that stands for the entry, with its rows; None where there is none."""
    shipped = _read(SHIPPED / f"{slug}.json")
    own = [export for path in _own(slug) if (export := _read(path)) is not None]
    own.sort(key=lambda export: export[0].origin.created)
    found = [*([shipped] if shipped else []), *own]
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
    """Whether the page, or a file it imports, changed since the verdict."""
    return is_stale(verdict, page_module(verdict.origin.slug))


def page_module(slug: str) -> str:
    """The module of the entry's page."""
    return f"practicum.papers.{page_path(slug).stem}"


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
