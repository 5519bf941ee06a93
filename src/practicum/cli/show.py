"""`practicum show SLUG`: an entry on one screen."""

from dataclasses import asdict
from typing import Any

import click
from rich.console import Group
from rich.markup import escape
from rich.padding import Padding

from practicum.cli.render import console, json_option, print_json
from practicum.cli.verdicts import changed_since, last_verdict
from practicum.lab.verdict import Verdict
from practicum.papers.catalog import (
    ClaimFacts,
    Entry,
    PageFacts,
    entry,
    has_page,
    page_facts,
)


@click.command()
@click.argument("slug")
@json_option
def command(slug: str, as_json: bool) -> None:
    """Claim, system, equation, the files that implement it, and the last verdict of SLUG."""
    chosen = entry(slug)
    facts = page_facts(slug) if has_page(slug) else None
    verdict = last_verdict(slug)
    if as_json:
        page = None if facts is None else asdict(facts)
        judged = None if verdict is None else verdict.to_json()
        return print_json({**asdict(chosen), "link": chosen.link, "page": page, "verdict": judged})
    parts = [_head(chosen)]
    parts += _body(facts) if facts else ["This entry has no page yet."]
    parts += [_section("Last verdict", _verdict(verdict, slug))] if facts else []
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
    return [_section(title, lines) for title, lines in sections if any(lines)]


def _section(title: str, lines: list[str]) -> Group:
    return Group(
        f"\n[bold]{title}[/bold]", Padding(escape("\n".join(lines)), (0, 0, 0, 2), expand=False)
    )


def _verdict(verdict: Verdict | None, slug: str) -> list[str]:
    if verdict is None:
        return [f"none yet; practicum run {slug}"]
    origin = verdict.origin
    seeds = f"{len(verdict.seeds)} seed{'s' if len(verdict.seeds) > 1 else ''}"
    stale = "; the page changed since" if changed_since(verdict) else ""
    head = f"{verdict.state}{stale}  ({origin.preset}, {seeds}, {origin.created[:10]})"
    lines = [
        f"{claim.state}: {claim.text}: {_number(claim.mean)}, asked {claim.bound}"
        for claim in verdict.claims
    ]
    return [head, *([verdict.reason] if verdict.reason else []), *lines]


def _number(value: float | None) -> str:
    return "no value" if value is None else f"{value:.4g}"


def _rule(claim: ClaimFacts) -> str:
    source = f"  [{claim.source}]" if claim.source else ""
    return f"{claim.text}: {claim.threshold}{source}"
