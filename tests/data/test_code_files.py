"""Python files of the user's own: read and replaced with their encodings and line ends."""

import os
import stat
from pathlib import Path

import pytest

from practicum.data.code_files import code_files, documented_functions
from practicum.errors import DataError
from practicum.events import Note, listening

CODE = "def twice(x):\n    return 2 * x\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("good.py", "inner/more.py", "tests/test_good.py", ".hidden/secret.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(CODE)
    (tmp_path / "broken.py").write_text("def (:\n")
    (tmp_path / "notes.txt").write_text("no code")
    return tmp_path


def test_a_folder_is_read_without_what_is_no_python_of_its_own(folder: Path):
    notes = list[str]()
    with listening(lambda event: notes.append(event.text) if isinstance(event, Note) else None):
        files = code_files(folder)
    names = [file.path.relative_to(folder).as_posix() for file in files]
    assert names == ["good.py", "inner/more.py"]
    assert notes == [f"left out: {folder}/broken.py is no Python (invalid syntax, line 1)"]


@pytest.mark.parametrize(
    ("encoding", "words", "written"),
    [
        ("utf-8", "Täglich — zweimal", "Täglich — zweimal"),
        ("utf-8-sig", "Täglich", "Täglich"),
        ("latin-1", "Täglich — zweimal", "Täglich \\u2014 zweimal"),
    ],
)
def test_encodings_line_ends_and_modes_are_kept(
    tmp_path: Path, encoding: str, words: str, written: str
):
    place = tmp_path / "code.py"
    cookie = "" if encoding == "utf-8-sig" else f"# coding: {encoding}\r\n"
    place.write_bytes((cookie + CODE.replace("\n", "\r\n") + "# é\r\n").encode(encoding))
    place.chmod(0o750)
    (file,) = code_files(place)
    file.write(dict.fromkeys(file.functions, words))
    expected = cookie + f'def twice(x):\n    """{written}"""\n    return 2 * x\n# é\n'
    expected = expected.replace("\r\n", "\n").replace("\n", "\r\n")
    assert place.read_bytes() == expected.encode(encoding)
    assert stat.S_IMODE(place.stat().st_mode) == 0o750
    (again,) = code_files(place)
    assert [function.docstring for function in again.functions] == [words]
    assert os.listdir(tmp_path) == ["code.py"]


def test_a_link_stays_one(folder: Path):
    (folder / "link.py").symlink_to(folder / "good.py")
    (file,) = code_files(folder / "link.py")
    file.write(dict.fromkeys(file.functions, "Doubles."))
    assert (folder / "link.py").is_symlink()
    assert '"""Doubles."""' in (folder / "good.py").read_text()


def test_a_file_stays_whole_where_it_cannot_be_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    (file,) = code_files(folder / "good.py")
    before = sorted(folder.iterdir())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(DataError, match=r"good.py stays as it is: .*\(No space left on device\)"):
        file.write(dict.fromkeys(file.functions, "Doubles."))
    assert file.path.read_text() == CODE
    assert sorted(folder.iterdir()) == before


def test_what_was_changed_meanwhile_is_not_overwritten(folder: Path):
    (file,) = code_files(folder / "good.py")
    file.path.write_text(CODE + "\n# new\n")
    with pytest.raises(DataError, match="it has changed since it was read"):
        file.write(dict.fromkeys(file.functions, "Doubles."))
    assert file.path.read_text() == CODE + "\n# new\n"


def test_a_folder_that_takes_no_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    (file,) = code_files(folder / "good.py")
    file.check_writable()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(DataError, match="is not writable"):
        file.check_writable()


def test_what_is_no_code_is_refused(folder: Path):
    (folder / "zero.py").write_bytes(b"x = 1\0\n")
    (folder / "bytes.py").write_bytes(b"x = '\xff'\n")
    (folder / "coded.py").write_bytes(b"# coding: klingon\nx = 1\n")
    (folder / "empty").mkdir()
    for name, why in {
        "nowhere": "no file or folder",
        "broken.py": "is no Python",
        "zero.py": "is no Python",
        "bytes.py": "is no Python",
        "coded.py": "unknown encoding",
        "empty": "no Python in",
    }.items():
        with pytest.raises(DataError, match=why):
            code_files(folder / name)


def test_documented_functions_come_from_files_packages_and_the_library(folder: Path):
    with pytest.raises(DataError, match="has a docstring to learn from"):
        documented_functions(str(folder))
    (folder / "good.py").write_text('def f(x):\n    """Doubles."""\n    return 2 * x\n')
    assert [f.docstring for f in documented_functions(str(folder))] == ["Doubles."]
    assert "shorten" in [f.name for f in documented_functions("textwrap")]
    with pytest.raises(DataError, match="no package 'no_such_thing'"):
        documented_functions("no_such_thing")
