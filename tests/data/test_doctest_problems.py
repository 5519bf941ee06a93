"""Installed functions with doctests become problems; those that cannot judge are left out."""

import importlib
import sys
from pathlib import Path

import pytest

from practicum.data.code_problem import CodeProblem, program_of
from practicum.data.doctest_problems import candidates, discriminating, doctest_problems
from practicum.errors import DataError
from practicum.symbolic.sandbox import Limits, Sandbox


@pytest.fixture(scope="module")
def standard() -> dict[str, CodeProblem]:
    return {problem.task_id: problem for problem in candidates()}


def test_the_standard_library_has_dozens(standard):
    assert len(standard) > 60
    assert {"statistics.mean", "difflib.get_close_matches", "textwrap.shorten"} <= set(standard)
    assert "antigravity.geohash" not in standard
    for problem in standard.values():
        assert problem.solution is not None
        compile(program_of(problem, problem.solution), problem.task_id, "exec")


def test_a_prompt_is_what_is_needed_then_signature_and_docstring(standard):
    problem = standard["statistics.mean"]
    before, signature = problem.prompt.split("\n\n\n", 1)
    assert before.startswith("from statistics import ")
    assert "_sum" in before
    assert signature.startswith("def mean(data):\n    ")
    assert signature.endswith('"""\n')
    assert "return" not in problem.prompt.rpartition('"""')[2]


def test_kept_are_those_whose_solution_passes_and_whose_stub_fails(standard):
    names = [
        "statistics.mean", "heapq.merge", "textwrap.shorten",
        "enum._test_simple_enum",  # its stub passes, too
        "subprocess.getoutput",  # starts a process, which is not permitted
    ]  # fmt: skip
    with Sandbox(Limits(seconds=10.0)) as sandbox:
        kept = discriminating([standard[name] for name in names], sandbox)
    assert [problem.task_id for problem in kept] == names[:3]


PACKAGE = {
    "__init__.py": "from .inside import double, quick\n",
    "inside.py": '''\
import owndoc_package as own


def marked(function):
    return function


@marked
def double(x):
    """Twice as much.

    >>> own.double(2)
    4
    >>> import owndoc_package.user
    >>> owndoc_package.user.four()
    4
    """
    return 2 * x


def quick(x):
    """Says little.

    >>> y = quick(1)
    """
    return x
''',
    "user.py": "from .inside import double\ndef four():\n    return double(2)\n",
    "broken.py": "def (:  # >>> \n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "owndoc_package"
    (folder / "tests").mkdir(parents=True)
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    (folder / "tests" / "more.py").write_text(PACKAGE["inside.py"])
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.startswith("owndoc_package")]:
        del sys.modules[name]


def test_a_package_is_read_without_being_imported(package):
    found = candidates("owndoc_package")
    assert [problem.task_id for problem in found] == [
        "owndoc_package.inside.double", "owndoc_package.inside.quick",
    ]  # fmt: skip
    assert "owndoc_package" not in sys.modules
    assert found[0].prompt.startswith("def double(x):")


def test_the_candidate_stands_wherever_its_package_has_the_function(package):
    problem = candidates("owndoc_package")[0]
    exec(program_of(problem, "    return 2 * x\n"), {})
    with pytest.raises(AssertionError, match="Failed example: own.double"):
        exec(program_of(problem, "    return None\n"), {})


def test_a_package_is_shown_to_its_programs(package):
    with Sandbox(Limits(seconds=10.0)) as sandbox:
        (kept,) = doctest_problems(sandbox, ["owndoc_package"])
    assert kept.task_id == "owndoc_package.inside.double"  # quick has an example that says nothing


def test_a_package_that_is_not_there_is_refused():
    for name in ("no_such_package", "sys", "a.b", "-"):
        with pytest.raises(DataError, match=f"no package '{name}' with Python source"):
            candidates(name)
