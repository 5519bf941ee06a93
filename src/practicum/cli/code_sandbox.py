"""A sandbox for code that nobody vouches for, and what a person is told about it before it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from practicum.errors import ConfigError

if TYPE_CHECKING:
    from practicum.symbolic.sandbox import Sandbox

KEPT = ("network", "processes", "files", "kernel")


@contextmanager
def sandboxed(seconds: float, workers: int, *, forced: bool) -> Iterator["Sandbox"]:
    """A sandbox for the block, after a line on standard error says what it protects.

    Raises ConfigError where this system cannot shut programs in, unless `forced`.
    """
    from practicum.symbolic.sandbox import Limits, Sandbox

    sandbox = Sandbox(Limits(seconds=seconds), workers=workers, forced=forced)
    try:
        sandbox.__enter__()
    except ConfigError as problem:
        raise ConfigError(str(problem).replace("forced=True", "--force-sandbox")) from problem
    try:
        for line in protections(sandbox):
            click.echo(line, err=True)
        yield sandbox
    finally:
        sandbox.__exit__(None, None, None)


def protections(sandbox: "Sandbox") -> list[str]:
    """What keeps programs from what; a line of its own for what nothing keeps them from."""
    found = sandbox.protections()
    held = [f"{name}: {words}" for name in KEPT if (words := getattr(found, name))]
    lines = [f"programs run as {found.user}; {'; '.join(held)}"]
    if found.missing:
        lines.append(f"WARNING: nothing keeps programs from {', '.join(found.missing)}")
    return lines
