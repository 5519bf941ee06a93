"""`practicum run`: an entry's arms at its seeds, and the verdict on its claims."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import console, json_option, print_json, print_table, showing_progress
from practicum.cli.verdicts import keep_verdict, state_of
from practicum.errors import ConfigError
from practicum.lab.export import export_verdict
from practicum.papers.catalog import entry, has_page, load_page, reading_order

if TYPE_CHECKING:
    from practicum.lab.executor import Executor
    from practicum.lab.paper import Paper
    from practicum.lab.rows import Rows
    from practicum.lab.study import Plan
    from practicum.lab.verdict import Verdict

SOME_RUN_FAILED = 1  # exit status; a claim that fails is a result, and 0


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be computed, and by whom."""

    preset: Literal["smoke", "cpu", "gpu"] = explained("cpu", "Seconds, minutes, or a GPU.")
    seed: int = explained(0, "The first seed.")
    seeds: int | None = explained(None, "How many seeds. [default: what the page says]")
    set: tuple[str, ...] = explained((), "Change a field of the setup: --set adapt.steps=800.")
    workers: int = explained(1, "Processes that compute at the same time.")
    resume: bool = explained(False, "Runs that were interrupted go on from their checkpoints.")
    force: bool = explained(False, "Compute again what has been computed.")
    export: str | None = explained(None, "Also write verdict and pictures into this folder.")

    def plan(self, paper: "Paper", slug: str) -> "Plan":
        """What the study computes. Raises ConfigError for a --set that does not fit the setup."""
        from practicum.lab.study import plan

        pairs = []
        for given in self.set:
            path, sign, text = given.partition("=")
            if not sign:
                raise ConfigError(f"--set {given}: expected a field and a value, as in a.b=800")
            pairs.append((path.strip(), text))
        return plan(paper, slug, self.preset, seed=self.seed, seeds=self.seeds, overrides=pairs)

    def executor(self) -> "Executor":
        """This process, or `workers` others."""
        from practicum.lab.executor import InProcess, Processes

        return InProcess() if self.workers == 1 else Processes(self.workers)


@click.command()
@click.argument("slug", required=False)
@options_of(Wanted)
@json_option
@click.pass_context
def command(context: click.Context, slug: str | None, as_json: bool) -> None:
    """Run the experiment of SLUG and judge its claims; without SLUG, say which entry comes next.

    What has been computed before is not computed again. A run that was stopped can be repeated with
    --resume.
    """
    if slug is None:
        return _propose()
    wanted = chosen(Wanted)
    entry(slug)
    paper = load_page(slug)
    verdict, rows = _study(paper, wanted.plan(paper, slug), wanted)
    if as_json:
        print_json(verdict.to_json())
    else:
        print_verdict(verdict)
        click.echo(f"practicum report {slug} shows numbers, pictures and configuration", err=True)
    if rows.failures:
        context.exit(SOME_RUN_FAILED)
    return None


def _study(paper: "Paper", plan: "Plan", wanted: Wanted) -> tuple["Verdict", "Rows"]:
    """Compute, judge, and keep the verdict as a file beside the store."""
    from practicum.lab.store import Store
    from practicum.lab.study import study

    with Store() as store:
        with showing_progress():
            verdict = study(
                paper,
                plan,
                executor=wanted.executor(),
                store=store,
                resume=wanted.resume,
                force=wanted.force,
            )
        name = verdict.origin.fingerprint
        done = next(one for one in store.studies(plan.slug) if one.fingerprint == name)
        rows = store.rows(done.id, arms=paper.arms, seeds=plan.seeds)
        if not wanted.set:  # with changed fields it is somebody's experiment, not the page's
            keep_verdict(verdict, rows)
        if wanted.export is not None:
            _export(verdict, rows, store.pictures(done.id), Path(wanted.export))
    return verdict, rows


def _export(verdict: "Verdict", rows: "Rows", pictures: dict[str, Path], folder: Path) -> None:
    export_verdict(verdict, rows, folder)
    for name, path in pictures.items():
        shutil.copyfile(path, folder / f"{verdict.origin.slug}-{name}.png")


def print_verdict(verdict: "Verdict") -> None:
    """The claims with their intervals, and what they add up to."""
    rows = [
        {
            "claim": finding.text,
            "asked": str(finding.bound),
            "mean": finding.mean,
            "interval": interval_text(finding.interval),
            "verdict": finding.state,
        }
        for finding in verdict.claims
    ]
    print_table(rows)
    seeds = f"{len(verdict.seeds)} seed{'s' if len(verdict.seeds) > 1 else ''}"
    head = f"{verdict.origin.slug} ({verdict.origin.preset}, {seeds}): {verdict.state}"
    console().print(f"{head}{f' — {verdict.reason}' if verdict.reason else ''}", markup=False)


def interval_text(interval: tuple[float, float] | None) -> str:
    """Both ends, or nothing."""
    return "" if interval is None else f"{interval[0]:.4g} … {interval[1]:.4g}"


def _propose() -> None:
    """The next entry without a verdict, in reading order; and the next that has a page."""
    unread = [one for one in reading_order() if state_of(one) in ("no page", "unread")]
    if not unread:
        return click.echo("every entry has a verdict; practicum list shows them")
    ready = next((one for one in unread if has_page(one.slug)), None)
    upcoming = unread[0]
    click.echo(f"next to read: {upcoming.title} ({upcoming.slug})  {upcoming.link}")
    if ready is None:
        return click.echo("no unread entry has a page yet")
    if ready is not upcoming:
        click.echo(f"it has no page yet; the next that has one is {ready.title} ({ready.slug})")
    return click.echo(f"practicum show {ready.slug}\npracticum run {ready.slug}")
