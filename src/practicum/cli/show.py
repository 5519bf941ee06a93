"""`practicum show SLUG`: an entry on one screen."""

from dataclasses import asdict
from typing import Any

import click
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding

from practicum.cli.render import console, json_option, print_json
from practicum.papers.catalog import FOLDER, Entry, PageFacts, entry, has_page, page_facts

PACKAGE = FOLDER.parent


@click.command()
@click.argument("slug")
@json_option
def command(slug: str, as_json: bool) -> None:
    """Claim, system, equation, the files that implement it, and the last verdict of SLUG."""
    chosen = entry(slug)
    facts = page_facts(slug) if has_page(slug) else None
    if as_json:
        return print_json({**asdict(chosen), "link": chosen.link, "page": facts and asdict(facts)})
    parts = [_head(chosen)]
    parts += _body(facts) if facts else ["This entry has no page yet."]
    console().print(Group(*parts))
    return None


def _head(chosen: Entry) -> str:
    name = f" ({escape(chosen.nickname)})" if chosen.nickname else ""
    lines = [
        f"[bold]{escape(chosen.title)}[/bold]{name}{' ✨' if chosen.new else ''}",
        f"[dim]{escape(chosen.section)} · tier {chosen.tier} · {chosen.slug}[/dim]",
        escape(chosen.link),
    ]
    if chosen.link_note:
        lines.append(f"[dim]({escape(chosen.link_note)}: {escape(chosen.url)})[/dim]")
    if chosen.video:
        lines.append(f"video {escape(chosen.video)}")
    return "\n".join(lines)


def _body(facts: PageFacts) -> list[Any]:
    sections = (
        ("Work", [facts.citation]),
        ("Idea", list(facts.idea)),
        ("Claim", [facts.claim]),
        ("Judged by", [_rule(claim) for claim in (*facts.claims, *facts.validity)]),
        ("System", [f"{name} = {value}" for name, value in facts.setup]),
        ("Arms", [", ".join(facts.arms)]),
        ("Files", [f"{part.file}  ({', '.join(part.names)})" for part in facts.parts]),
    )
    return [
        Group(f"\n[bold]{title}[/bold]", Padding(escape("\n".join(lines)), (0, 0, 0, 2)))
        for title, lines in sections
        if any(lines)
    ]


def _rule(claim: Any) -> str:
    source = f"  [{claim.source}]" if claim.source else ""
    return f"{claim.text}: {claim.threshold}{source}"
