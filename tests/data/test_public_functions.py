"""Public functions come shortest first, a few of each module."""

import importlib
from pathlib import Path

import pytest

from practicum.data.public_functions import public_functions
from practicum.errors import DataError


def function(name: str, words: int) -> str:
    docstring = f'"""A {"very " * words}short one.\n\n    >>> {name}(1)\n    1\n    """'
    return f"def {name}(x):\n    {docstring}\n    return x\n"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "own_public_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    some = [function("c", 3), function("a", 9), function("_hidden", 0), function("b", 5)]
    (folder / "many.py").write_text("\n\n".join(some))
    (folder / "_inside.py").write_text(function("kept_apart", 0))
    (folder / "one.py").write_text(function("d", 4))
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return folder.name


def test_they_come_by_length_and_none_has_an_underscore(package):
    names = [
        problem.task_id.partition(".")[2] for problem in public_functions([package], of_each=9)
    ]
    assert names == ["many.c", "one.d", "many.b", "many.a"]


def test_of_a_module_come_only_the_shortest(package):
    found = public_functions([package], of_each=1)
    assert [problem.entry_point for problem in found] == ["c", "d"]


def test_a_package_that_is_not_there_is_refused():
    with pytest.raises(DataError, match="no package 'no_such_package'"):
        public_functions(["no_such_package"], of_each=1)
