"""What README and CONTRIBUTING tell the reader to type works: every command, every block of code.

A command whose remark speaks of minutes is only parsed; so is `make`. The others run in one folder,
in their order, as a reader would type them.
"""

import json
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pydoc_data.topics import topics

import click
import pytest

from practicum.cli.main import practicum
from practicum.data.fetch import locate
from practicum.lab.executor import InProcess
from practicum.lab.store import Store
from practicum.lab.study import plan, study
from practicum.papers.catalog import load_page

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEXT = README + CONTRIBUTING
LOSS = """import torch


def loss(w, x):
    return torch.tanh(w @ x).sum()
"""

RUNS = "parameters,tokens,loss\n" + "\n".join(
    f"{n:.0f},{d:.0f},{1.7 + 400 / n**0.34 + 410 / d**0.28}"
    for n in (1e7, 1e8, 1e9)
    for d in (1e9, 1e10, 1e11)
)

ROWS = "cat,small\nhouse,big\nmouse,small\ntower,big\nbee,small\nship,big\nleaf,small\nsea,big\n"
PROBLEM = {
    "task_id": "double",
    "prompt": "def double(x):\n",
    "entry_point": "double",
    "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(3) == 6\n",
}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands():
    """Pairs of command and remark, in the order of the text."""
    for block in blocks(TEXT, "console"):
        for line in block.splitlines():
            command, _, remark = line.removeprefix("$ ").partition("  #")
            yield command.strip(), remark.strip()


PRACTICUM = [(c, remark) for c, remark in commands() if c.startswith("practicum ")]
QUICK = [c for c, remark in PRACTICUM if "minute" not in remark]
MAKE = [c for c, _ in commands() if c.startswith("make")]


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with what a reader would have: some notes, some questions and a loss."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "notes").mkdir()
    for name, text in list(topics.items())[:40]:
        (folder / "notes" / f"{name}.txt").write_text(text[:1000], encoding="utf-8")
    questions = {"prefix": "the cat", "candidates": [" sat", " ran"], "answer": 0}
    (folder / "questions.jsonl").write_text(json.dumps(questions) + "\n")
    (folder / "loss.py").write_text(LOSS)
    (folder / "runs.csv").write_text(RUNS)
    (folder / "rows.csv").write_text("text,label\n" + ROWS)
    (folder / "problems.jsonl").write_text(json.dumps(PROBLEM) + "\n")
    return folder


@pytest.mark.parametrize("command", [c for c, _ in PRACTICUM])
def test_a_command_and_its_options_exist(command, desk, monkeypatch):
    monkeypatch.chdir(desk)
    verb, arguments = practicum, shlex.split(command)[1:]
    context = click.Context(practicum, info_name="practicum")
    while isinstance(verb, click.Group):
        name = arguments.pop(0)
        verb = verb.get_command(context, name)
        assert verb is not None, f"there is no {name}"
    with verb.make_context(verb.name, arguments, parent=context):
        pass


@pytest.mark.parametrize("command", [c for c, _ in PRACTICUM if "--set" in c])
def test_a_field_that_is_changed_is_one_of_the_page(command):
    _, _, slug, *rest = shlex.split(command)
    changes = [rest[i + 1].split("=", 1) for i, word in enumerate(rest) if word == "--set"]
    plan(load_page(slug), slug, "cpu", overrides=[(path, value) for path, value in changes])


@pytest.mark.slow(reason="runs the README from top to bottom, a process per command")
def test_the_quick_commands_run_in_their_order(desk):
    for command in QUICK:
        if "smollm2" in command and locate("smollm2") is None:
            continue  # nobody has brought it here; the commands beside it still run
        done = subprocess.run(
            [str(Path(sys.executable).with_name("practicum")), *shlex.split(command)[1:]],
            cwd=desk, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout.strip(), f"{command} says nothing"


@pytest.mark.parametrize("command", MAKE)
def test_a_target_of_make_exists(command):
    subprocess.run([*shlex.split(command), "--dry-run"], cwd=ROOT, check=True, capture_output=True)


@pytest.mark.parametrize("code", blocks(README, "python"))
def test_the_code_runs(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_links_lead_somewhere():
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.DOTALL | re.MULTILINE)
    links = re.findall(r"\]\(([^)#]+)\)", prose)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


def test_the_page_that_shows_how_to_write_one_runs(tmp_path, monkeypatch):
    (code,) = blocks(CONTRIBUTING, "python")
    (tmp_path / "positions_page.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    paper = import_module("positions_page").PAPER
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        smoke = plan(paper, "positions", "smoke")
        verdict = study(paper, smoke, executor=InProcess(), store=store)
    assert verdict.state != "invalid", verdict.reason
