"""Events become plain lines where there is no terminal, and bars where there is one."""

import io
import json

import pytest
from rich.console import Console

from practicum.cli import render
from practicum.events import Artifact, Metric, Note, Progress, emit


def told(seconds_per_step, steps):
    """The plain lines of a task of so many steps."""
    clock = iter(range(steps + 1))
    lines = render.PlainLines(now=lambda: next(clock) * seconds_per_step)
    for step in range(1, steps + 1):
        lines(Progress(task="training", done=step, total=steps, unit="steps", detail="loss 3.2"))


def test_a_long_task_is_a_line_every_few_seconds_and_at_its_end(capsys):
    told(seconds_per_step=2.0, steps=8)
    assert capsys.readouterr().err.splitlines() == [
        "training: 4/8 steps  loss 3.2",
        "training: 7/8 steps  loss 3.2",
        "training: 8/8 steps  loss 3.2",
    ]


def test_what_is_done_at_once_is_no_line(capsys):
    told(seconds_per_step=0.01, steps=50)
    assert capsys.readouterr().err == ""


def test_notes_are_shown_and_metrics_are_not(capsys):
    with render.showing_progress():
        emit(Note(text="resumed from step 400"))
        emit(Metric(name="loss", value=3.0, step=1))
        emit(Artifact(name="plot", path="plot.png"))
    assert capsys.readouterr().err == "resumed from step 400\n"


def test_nested_blocks_say_everything_once(capsys):
    with render.showing_progress(), render.showing_progress():
        emit(Note(text="resumed from step 400"))
    assert capsys.readouterr().err == "resumed from step 400\n"


@pytest.fixture
def bars(monkeypatch):
    """Bars on a terminal that is kept as text."""
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120)
    monkeypatch.setattr(render, "console", lambda **_: terminal)
    with render._bars() as drawn:
        yield drawn


def test_each_task_has_a_bar(bars):
    bars(Progress(task="arm [a]", done=1, total=4, unit="steps"))
    bars(Progress(task="tokens", done=10))
    bars(Progress(task="arm [a]", done=3, total=4, unit="steps", detail="loss 2.0"))
    arm, tokens = bars.drawing.tasks
    assert (arm.description, arm.completed, arm.total) == ("arm [a]", 3, 4)
    assert arm.fields == {"amount": "3/4 steps", "detail": "loss 2.0"}
    assert tokens.total is None


def test_bytes_are_shown_in_megabytes(bars):
    bars(Progress(task="downloading", done=12_500_000, total=92_871_040, unit="B"))
    assert bars.drawing.tasks[0].fields["amount"] == "12.5/92.9 MB"


def test_of_many_finished_tasks_only_the_latest_keep_their_bars(bars):
    bars(Progress(task="study", done=0, total=20))
    for number in range(20):
        bars(Progress(task=f"arm {number}", done=1, total=1))
    shown = [task.description for task in bars.drawing.tasks]
    assert shown == ["study", "arm 17", "arm 18", "arm 19"]


@pytest.mark.parametrize("rows", [[], [{"slug": "gpt2", "share": 0.5, "new": True, "seeds": None}]])
def test_a_table_as_json_is_its_rows(rows, capsys):
    render.print_table(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows


def test_a_table_shows_brackets_as_they_are(capsys):
    render.print_table([{"name": "[bold]", "count": 1234567}])
    out = capsys.readouterr().out
    assert "[bold]" in out
    assert "1,234,567" in out
