"""The files of installed packages, without importing them."""

import sys
from pathlib import Path

import pytest

from practicum.data.package_files import package_files
from practicum.errors import DataError


def test_a_package_and_a_single_module_are_read_without_tests(tmp_path: Path, monkeypatch):
    for name in ("own_files/__init__.py", "own_files/deep/a.py", "own_files/tests/b.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / "own_files" / "latin.py").write_bytes(b"# \xff\n")
    (tmp_path / "own_single.py").write_text("# alone\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert package_files("own_files") == {
        name: f"# {name}\n" for name in ("own_files/__init__.py", "own_files/deep/a.py")
    }
    assert package_files("own_single") == {"own_single.py": "# alone\n"}
    assert "own_files" not in sys.modules


@pytest.mark.parametrize("name", ["no_such_package", "sys", "math", "a.b", "-", ""])
def test_what_has_no_source_here_is_refused(name):
    with pytest.raises(DataError, match=f"no package '{name}' with Python source"):
        package_files(name)
