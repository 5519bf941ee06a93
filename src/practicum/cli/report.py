"""`practicum report`: what came out, as HTML files that need nothing beside them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from practicum.cli.pages import Filters, filled, write_page
from practicum.cli.verdicts import STATES, changed_since, last_export, shipped_pictures, state_of
from practicum.errors import ConfigError, PracticumError
from practicum.home import home
from practicum.lab.intervals import t_interval
from practicum.lab.rows import Rows
from practicum.lab.verdict import Verdict
from practicum.papers.catalog import Entry, entries, entry, has_page, page_facts

FILTERS: Filters = {
    "number": lambda value: "–" if value is None else f"{value:.4g}",
    "interval": lambda ends: f"{ends[0]:.4g} … {ends[1]:.4g}" if ends else "",
}
KINDS = {".png": "image/png", ".svg": "image/svg+xml", ".gif": "image/gif"}


@click.command()
@click.argument("slug", required=False)
@click.option("--all", "everything", is_flag=True, help="The scoreboard, and a file per verdict.")
@click.option("--preset", help="The last verdict of this preset.  [default: of any]")
@click.option("--output", type=click.Path(path_type=Path), help="A file, or the folder for --all.")
def command(slug: str | None, everything: bool, preset: str | None, output: Path | None) -> None:
    """Write the results of SLUG as one HTML file, or --all as a folder with a scoreboard."""
    if (slug is None) == (not everything):
        raise ConfigError("give the SLUG of an entry, or --all")
    if slug is not None:
        entry(slug)
        place = output or home("reports") / f"{slug}.html"
        write_page(place, entry_html(slug, preset))
        return click.echo(place)
    folder = output or home("reports", "all")
    tried = {one.slug for one in entries() if has_page(one.slug) and last_export(one.slug)}
    for name in sorted(tried):
        write_page(folder / f"{name}.html", entry_html(name, preset))
    write_page(folder / "index.html", scoreboard_html(tried))
    return click.echo(folder / "index.html")


def entry_html(slug: str, preset: str | None = None) -> str:
    """The page of one verdict: the store's last one, else the one that came with the code."""
    verdict, rows, pictures = _results(slug, preset)
    return filled(
        "entry.html",
        filters=FILTERS,
        entry=entry(slug),
        facts=page_facts(slug),
        verdict=verdict,
        stale=changed_since(verdict),
        metrics=list(_metrics(rows)),
        failures=rows.failures,
        pictures=[_picture(name, path) for name, path in pictures.items() if path.is_file()],
        setup=list(_fields(verdict.origin.setup)),
        environment=_environment(verdict, rows),
    )


def scoreboard_html(tried: set[str]) -> str:
    """All entries of the list by section; those in `tried` lead to a file beside this one."""
    rows = [_score(one, one.slug in tried) for one in entries()]
    names = dict.fromkeys(one.section for one in entries())
    states = [row["state"] for row in rows]
    return filled(
        "scoreboard.html",
        filters=FILTERS,
        counts=[(state, states.count(state)) for state in STATES if state in states],
        sections=[
            {"name": name, "rows": [row for row in rows if row["entry"].section == name]}
            for name in names
        ],
    )


def _results(slug: str, preset: str | None) -> tuple[Verdict, Rows, dict[str, Path]]:
    """The last verdict in the store with its rows and pictures, or the one in a file.

    Pictures of single runs are those of the first seed: all of them can be tens of megabytes.
    """
    from practicum.lab.store import Store

    with Store() as store:
        for study in store.studies(slug):
            verdict = store.verdict(slug, preset or study.preset)
            if verdict is not None and verdict.origin.fingerprint == study.fingerprint:
                rows = store.rows(study.id, seeds=verdict.seeds)
                pictures = store.pictures(study.id)
                for (arm, seed), files in store.artifacts(study.id).items():
                    pictures |= {
                        f"{name}: {arm}, seed {seed}": path
                        for name, path in files.items()
                        if path.suffix in KINDS and seed == verdict.seeds[0]
                    }
                return verdict, rows, pictures
    export = last_export(slug)
    if export is None or preset not in (None, export[0].origin.preset):
        which = f" at preset {preset}" if preset else ""
        raise PracticumError(f"{slug} has no verdict{which} yet; run `practicum run {slug}` first")
    return *export, shipped_pictures(slug)


def _metrics(rows: Rows) -> Iterator[dict[str, Any]]:
    """A table per metric: arms down, seeds across."""
    for name in dict.fromkeys(name for run in rows.runs for name in run.numbers):
        table = []
        for arm in rows.arms:
            values = [rows.run(arm, seed).numbers.get(name) for seed in rows.seeds]
            known = [value for value in values if value is not None]
            table.append(
                {
                    "arm": arm,
                    "values": values,
                    "mean": fmean(known) if known else None,
                    "interval": t_interval(known),
                }
            )
        yield {"name": name, "rows": table}


def _environment(verdict: Verdict, rows: Rows) -> list[tuple[str, str]]:
    origin = verdict.origin
    return [
        *origin.versions.items(),
        ("device", origin.device),
        ("time", f"{origin.wall_seconds:,.0f} s in {len(rows.runs)} runs"),
        ("finished", origin.created),
        ("configuration", origin.fingerprint),
        ("code", origin.code),
    ]


def _fields(value: Any, path: str = "") -> Iterator[str]:
    """Every field of a configuration as --set takes it: `learn.steps=700`."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            if name != "kind":
                yield from _fields(inner, f"{path}.{name}" if path else name)
    else:
        yield f"{path}={json.dumps(value, ensure_ascii=False)}"


def _picture(name: str, path: Path) -> dict[str, str]:
    return {
        "name": name,
        "kind": KINDS[path.suffix],
        "base64": base64.b64encode(path.read_bytes()).decode(),
    }


def _score(one: Entry, tried: bool) -> dict[str, Any]:
    export = last_export(one.slug)
    verdict = export[0] if export else None
    state = state_of(one)
    return {
        "entry": one,
        "state": state,
        "verdict": verdict,
        "stale": state == "stale",
        "file": f"{one.slug}.html" if tried else "",
        "claim": page_facts(one.slug).claim if has_page(one.slug) else "",
    }
