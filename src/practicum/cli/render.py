"""Tables, text and progress for a person; JSON for a program."""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from practicum.events import Artifact, Event, Metric, Note, Progress, listening

if TYPE_CHECKING:
    from rich import progress

WIDE = 200  # columns, where the output is a file or a pipe
LINE_EVERY = 5.0  # seconds between two plain progress lines of one task
FINISHED_BARS = 3  # that stay on the screen
AT_ONCE = 1.0  # seconds: what takes less is not worth a line
_showing: ContextVar[bool] = ContextVar("showing", default=False)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")


def console(*, err: bool = False) -> Console:
    """The terminal; wide and without colours where there is none."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=None if stream.isatty() else WIDE, highlight=False)


def print_json(data: Any) -> None:
    """`data` as JSON on standard output."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_table(
    rows: Sequence[Mapping[str, Any]], *, title: str = "", as_json: bool = False
) -> None:
    """Rows that share their keys: the keys are the columns. A number stands on the right."""
    if as_json:
        return print_json([dict(row) for row in rows])
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=None, header_style="bold")
    for key in rows[0] if rows else ():
        numbers = all(isinstance(row[key], int | float | None) for row in rows)
        table.add_column(
            key.replace("_", " "), justify="right" if numbers else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row.values()))
    console().print(table)
    return None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


@contextmanager
def showing_progress() -> Iterator[None]:
    """Within the block, what the library tells is drawn on standard error, once if nested."""
    if _showing.get():
        yield
        return
    token = _showing.set(True)
    try:
        if sys.stderr.isatty():
            with _bars() as listener, listening(listener):
                yield
        else:
            with listening(PlainLines()):
                yield
    finally:
        _showing.reset(token)


class PlainLines:
    """A line per task every few seconds and at its end, for logs; none for what is done at once."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.started: dict[str, float] = {}
        self.said: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case Progress():
                self._progress(event)
            case Note(text=text):
                click.echo(text, err=True)
            case Artifact() | Metric():
                pass

    def _progress(self, event: Progress) -> None:
        task, now = event.task, self.now()
        started = self.started.setdefault(task, now)
        finished = event.total is not None and event.done >= event.total
        since = now - self.said.get(task, started)
        if since >= LINE_EVERY or (finished and now - started >= AT_ONCE):
            self.said[task] = now
            click.echo(_line(event), err=True)
        if finished:
            self.started.pop(task)
            self.said.pop(task, None)


def _line(event: Progress) -> str:
    parts = (f"{event.task}: {_amount(event)}", event.detail)
    return "  ".join(part for part in parts if part)


def _amount(event: Progress) -> str:
    """Such as "400/1,500 steps" or "12.5/92.9 MB"."""
    if event.unit == "B":
        numbers = [f"{number / 1e6:,.1f}" for number in (event.done, event.total) if number]
        return f"{'/'.join(numbers) or '0'} MB"
    total = f"/{event.total:,.0f}" if event.total else ""
    return f"{event.done:,.0f}{total} {event.unit}".rstrip()


@contextmanager
def _bars() -> Iterator["Bars"]:
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.TextColumn("{task.fields[amount]}", markup=False),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.fields[detail]}", markup=False, style="dim"),
    )
    with progress.Progress(*columns, console=console(err=True)) as drawing:
        yield Bars(drawing)


class Bars:
    """A bar per `Progress.task`. Of finished bars only the latest stay on the screen."""

    def __init__(self, drawing: "progress.Progress") -> None:
        self.drawing = drawing
        self.going: dict[str, progress.TaskID] = {}
        self.finished: deque[progress.TaskID] = deque()

    def __call__(self, event: Event) -> None:
        match event:
            case Progress():
                self._progress(event)
            case Note(text=text):
                self.drawing.console.print(text, markup=False)
            case Artifact() | Metric():
                pass

    def _progress(self, event: Progress) -> None:
        task, done, total = event.task, event.done, event.total
        amount = _amount(event)
        if task not in self.going:
            self.going[task] = self.drawing.add_task(task, total=total, amount="", detail="")
        bar = self.going[task]
        self.drawing.update(bar, completed=done, total=total, amount=amount, detail=event.detail)
        if total is not None and done >= total:
            self.finished.append(self.going.pop(task))
            if len(self.finished) > FINISHED_BARS:
                self.drawing.remove_task(self.finished.popleft())
