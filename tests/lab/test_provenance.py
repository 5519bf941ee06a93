import subprocess
import sys

import pytest

from practicum.errors import UnknownName
from practicum.lab.provenance import code_fingerprint, machine, versions

PAGE = '''"""A page."""
from practicum.lab.paper import Paper

THRESHOLD = 0.8


def run(setup, arm, seed):
    """Returns a number."""
    from practicum import home
    return {"x": THRESHOLD}
'''


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    name = "page_under_change"

    def write(text):
        (tmp_path / f"{name}.py").write_text(text)
        return code_fingerprint(name)

    return write


def test_words_do_not_change_the_fingerprint(page):
    before = page(PAGE)
    assert page(PAGE.replace("A page.", "A better page.")) == before
    assert page(PAGE.replace("Returns a number", "Returns one")) == before
    assert page("# why\n" + PAGE.replace("\n\n\n", "\n\n\n\n")) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("0.8", "0.7"), ("0.8", "True"), ("THRESHOLD", "LIMIT"), ("home", "config"), ('"x"', '"y"')],
)
def test_code_changes_the_fingerprint(page, old, new):
    assert page(PAGE) != page(PAGE.replace(old, new))


def test_annotations_do_not_change_the_fingerprint(page):
    before = page("x: int = 1\ndef f(a: int) -> int: return a")
    assert page("x: float = 1\ndef f(a: str | int): return a") == before
    assert page("x: int = 2\ndef f(a: int) -> int: return a") != before


def test_none_and_nothing_are_told_apart(page):
    assert page("x = None") != page("x: int")
    assert page("def f(): return None") != page("def f(): return")
    assert page("x = ''") != page("x = None")


def test_an_unknown_page_is_an_error():
    with pytest.raises(UnknownName, match="no module 'no_such_page'"):
        code_fingerprint("no_such_page")


def test_versions_and_machine_are_said():
    assert {"python", "torch"} <= set(versions())
    assert "core" in machine()


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        *((f"practicum.lab.{m}", "sqlalchemy matplotlib numpy alembic") for m in (
            "paper", "verdict", "intervals", "rows", "provenance", "export", "executor", "folder"
        )),
        ("practicum.lab.study", "matplotlib alembic"),
    ],
)  # fmt: skip
def test_the_lab_imports_little_and_never_torch(module, absent):
    code = f"import sys, {module}; print([m for m in 'torch {absent}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
