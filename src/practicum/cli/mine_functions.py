"""`practicum mine-functions`: programming problems from a project's tests, or from doctests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from practicum.cli.code_sandbox import sandboxed
from practicum.cli.options import chosen, explained, options_of
from practicum.cli.render import json_option, print_json, print_table, showing_progress
from practicum.errors import ConfigError, DataError

if TYPE_CHECKING:
    from practicum.data.code_problem import CodeProblem
    from practicum.symbolic.sandbox import Sandbox


@dataclass(frozen=True, kw_only=True)
class Mining:
    """Where problems come from, and where they go."""

    out: str = explained("problems.jsonl", "The file to write, shaped as HumanEval.")
    doctests: bool = explained(
        False, "PROJECT is an installed package, or python: mine its doctests instead."
    )
    runner: Literal["auto", "pytest", "unittest"] = explained(
        "auto", "Of the tests; auto is pytest where it is installed."
    )
    python: str | None = explained(
        None, "The interpreter that has the project's dependencies. [default: this one]"
    )
    suite_seconds: float = explained(600.0, "After which one run of the tests is given up.")
    seconds: float = explained(3.0, "After which a mined function's check is ended.")
    workers: int = explained(2, "Checks that run at the same time.")
    force_sandbox: bool = explained(
        False, "Check functions even where this system cannot shut them in."
    )


@click.command()
@click.argument("project")
@click.argument("arguments", nargs=-1)
@options_of(Mining)
@json_option
def command(project: str, arguments: tuple[str, ...], as_json: bool) -> None:
    """Turn functions that PROJECT's test suite calls into problems for evaluate --task code.

    The suite runs twice, as you would run it: only mine projects that you trust. ARGUMENTS after --
    go to its runner. Kept are functions whose arguments and results are plain values, the same in
    both runs, and that pass alone in the sandbox, where a function that returns None does not.
    """
    mining = chosen(Mining)
    if mining.doctests and arguments:
        raise ConfigError("--doctests takes a package and no arguments for a runner")
    out = Path(mining.out).expanduser()
    if not out.parent.is_dir():
        raise ConfigError(f"no folder {out.parent} to write {out.name} in")
    if out.is_dir():
        raise ConfigError(f"--out is {out}, a folder; name a file")
    box = sandboxed(mining.seconds, mining.workers, forced=mining.force_sandbox)
    with box as sandbox, showing_progress():
        if mining.doctests:
            problems, dropped = _of_doctests(project, sandbox)
        else:
            folder = Path(project).expanduser()
            problems, dropped = _of_suite(folder, arguments, mining, sandbox)
    if not problems:
        reasons = ", ".join(f"{count} × {why}" for why, count in dropped.items())
        raise DataError(
            f"no function of {project} makes a problem ({reasons or 'none was called'})"
        )
    with out.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(one.row) + "\n" for one in problems)
    if as_json:
        tasks = [problem.task_id for problem in problems]
        return print_json({"file": mining.out, "problems": tasks, "dropped": dict(dropped)})
    rows = [{"functions": len(problems), "became": f"problems in {mining.out}"}]
    return print_table(rows + [{"functions": n, "became": why} for why, n in dropped.items()])


def _of_suite(
    project: Path, arguments: Sequence[str], mining: Mining, sandbox: "Sandbox"
) -> "tuple[Sequence[CodeProblem], Mapping[str, int]]":
    import sys

    from practicum.data.traced_functions import Suite, mine

    suite = Suite(
        project=project,
        runner=mining.runner,
        arguments=tuple(arguments),
        python=mining.python or sys.executable,
        seconds=mining.suite_seconds,
    )
    mined = mine(suite, sandbox)
    return mined.problems, mined.dropped


def _of_doctests(
    package: str, sandbox: "Sandbox"
) -> "tuple[Sequence[CodeProblem], Mapping[str, int]]":
    from practicum.data.doctest_problems import candidates, discriminating
    from practicum.data.package_files import package_files
    from practicum.data.standard_library import STANDARD

    if package == STANDARD:
        found, files = candidates(), {}
    else:
        found, files = candidates(package), package_files(package)
    kept = discriminating(found, sandbox, files)
    dropped = len(found) - len(kept)
    return kept, {"fails here, or passes with `return None`": dropped} if dropped else {}
