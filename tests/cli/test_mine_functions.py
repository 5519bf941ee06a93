"""`practicum mine-functions`: a project's tests in, a file of problems out, which can be judged."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from practicum.cli import evaluate, mine_functions
from practicum.errors import ConfigError, DataError

CODE = '''\
def slug(title):
    """The title in lower case, words joined by hyphens."""
    return "-".join(title.lower().split())


def stamp():
    return object()
'''
TESTS = """\
import unittest
from own_slugs import slug, stamp

class Slugs(unittest.TestCase):
    def test_slug(self):
        self.assertEqual(slug("A  b"), "a-b")
        self.assertEqual(slug(""), "")
        stamp()
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "own_slugs.py").write_text(CODE)
    (tmp_path / "test_slugs.py").write_text(TESTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(command: Any, *arguments: str) -> Any:
    result = CliRunner().invoke(command, [*arguments, "--json"])
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def test_mined_problems_can_be_judged(project: Path):
    found = answer(mine_functions.command, ".", "--runner", "unittest", "--out", "mined.jsonl")
    assert found == {"file": "mined.jsonl", "problems": ["own_slugs.slug"], "dropped": {}}
    (row,) = [json.loads(line) for line in (project / "mined.jsonl").read_text().splitlines()]
    assert row["prompt"] == CODE.partition("    return")[0]
    completion = {"task_id": row["task_id"], "completion": row["canonical_solution"]}
    (project / "said.jsonl").write_text(json.dumps(completion))
    call = ["--task", "code", "--problems", "mined.jsonl", "--completions", "said.jsonl"]
    assert answer(evaluate.command, *call)["results"]["passed"] == 1


def test_a_person_reads_what_became_of_the_functions(project: Path):
    (project / "own_slugs.py").write_text(CODE.replace("object()", "None"))
    result = CliRunner().invoke(mine_functions.command, [".", "--runner", "unittest"])
    assert result.exit_code == 0, result.output
    assert "problems in problems.jsonl" in result.stdout
    assert "returns nothing" in result.stdout
    assert "programs run as " in result.stderr


def test_doctests_of_a_package_make_problems_too(project: Path, monkeypatch: pytest.MonkeyPatch):
    (project / "own_doctested.py").write_text(
        'def twice(x):\n    """Doubles.\n\n    >>> twice(2)\n    4\n    """\n    return 2 * x\n'
    )
    monkeypatch.syspath_prepend(str(project))
    found = answer(mine_functions.command, "own_doctested", "--doctests")
    assert found["problems"] == ["own_doctested.twice"]
    completion = {"task_id": "own_doctested.twice", "completion": "    return x + x\n"}
    (project / "said.jsonl").write_text(json.dumps(completion))
    call = ["--task", "code", "--problems", "problems.jsonl", "--completions", "said.jsonl"]
    for packages, passed in ([], 0), (["--packages", "own_doctested"], 1):
        assert answer(evaluate.command, *call, *packages)["results"]["passed"] == passed


def test_what_cannot_be_mined_is_refused(project: Path):
    with pytest.raises(DataError, match="no folder nowhere"):
        answer(mine_functions.command, "nowhere")
    with pytest.raises(ConfigError, match="--doctests takes a package"):
        answer(mine_functions.command, "textwrap", "--doctests", "--", "-k", "x")
    with pytest.raises(ConfigError, match="no folder nowhere to write out.jsonl in"):
        answer(mine_functions.command, ".", "--out", "nowhere/out.jsonl")
    with pytest.raises(ConfigError, match="--out is ., a folder; name a file"):
        answer(mine_functions.command, "nowhere", "--out", ".")
    (project / "test_slugs.py").write_text(TESTS.replace("slug(", "str(").replace("stamp()", ""))
    with pytest.raises(DataError, match="no function of . makes a problem \\(none was called\\)"):
        answer(mine_functions.command, ".", "--runner", "unittest")
