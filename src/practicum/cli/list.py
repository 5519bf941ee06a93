"""`practicum list`: the reading list in its order, with what has become of each entry."""

import click

from practicum.cli.render import json_option, print_table
from practicum.cli.verdicts import STATES, Codes, state_of
from practicum.papers.catalog import SIGNALS, TECHNIQUES, TIERS, Entry, entries


@click.command()
@click.option("--tier", type=click.Choice(TIERS), help="Only this tier.")
@click.option("--section", help="Only sections that contain these words.")
@click.option("--signal", type=click.Choice(SIGNALS), help="Only what learns from this.")
@click.option("--technique", type=click.Choice(TECHNIQUES), help="Only what works this way.")
@click.option("--state", type=click.Choice(STATES), help="Only entries in this state.")
@json_option
def command(
    tier: str | None,
    section: str | None,
    signal: str | None,
    technique: str | None,
    state: str | None,
    as_json: bool,
) -> None:
    """The reading list in its own order, with the state of each entry.

    ✨ marks what was added to the list after 2024-04-01. What is learned from is the --signal, and
    how is the --technique: rules written by hand (symbolic), learning without a neural network
    (classical) or with one (deep).
    """
    codes = Codes()
    chosen = [
        (entry, state_of(entry, codes))
        for entry in entries()
        if tier in (None, entry.tier)
        and (section or "").lower() in entry.section.lower()
        and signal in (None, *entry.signal)
        and technique in (None, *entry.technique)
    ]
    rows = [
        _row(entry, found) if not as_json else _full_row(entry, found)
        for entry, found in chosen
        if state in (None, found)
    ]
    print_table(rows, as_json=as_json)


def _row(entry: Entry, state: str) -> dict[str, str]:
    name = f" ({entry.nickname})" if entry.nickname else ""
    topic = entry.section.rpartition("/")[2].strip()
    title = f"{'✨ ' if entry.new else ''}{entry.title}{name}"
    return {
        "slug": entry.slug,
        "tier": entry.tier,
        "state": state,
        "section": topic,
        "title": title,
    }


def _full_row(entry: Entry, state: str) -> dict[str, str | bool | list[str]]:
    return {
        "slug": entry.slug,
        "title": entry.title,
        "nickname": entry.nickname,
        "section": entry.section,
        "tier": entry.tier,
        "new": entry.new,
        "signal": list(entry.signal),
        "technique": list(entry.technique),
        "link": entry.link,
        "list_link": entry.url,
        "state": state,
    }
