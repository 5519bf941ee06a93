"""What a page reaches, in a small library of its own."""

import pytest

from practicum.errors import UnknownName
from practicum.lab import reached as code
from practicum.lab.reached import reached

LIBRARY = {
    "__init__": "",
    "parts": """
import math as m
from toolbox.deep import used as told, Base
from toolbox import whole

LIMIT = 3
UNUSED = 4

def helper(x: "Hint" = LIMIT): return told(x)
def alone(): return UNUSED
class Hint: pass
class Thing(Base):
    def go(self): return whole.one()
class Other: pass
def asked(x):
    match x:
        case Other(): return 1
    return isinstance(x, Hint)
""",
    "deep": """
import os
print(os)
def used(x): return lower(x)
def lower(x): return x
def idle(): pass
class Base: pass
""",
    "whole": "def one(): return 1\ndef two(): return 2\n",
    "again": "from toolbox.deep import idle\n",
    "lab": "",
}


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What a page of this text reaches, without what it says itself."""
    root = tmp_path / "toolbox"
    root.mkdir()
    for name, text in LIBRARY.items():
        (root / f"{name}.py").write_text(text)
    monkeypatch.setattr(code, "PACKAGE", "toolbox")
    monkeypatch.setattr(code, "ROOT", root)
    monkeypatch.syspath_prepend(str(tmp_path))

    def of(text):
        (tmp_path / "small_page.py").write_text(text)
        found = {f"{m}.{n}".removeprefix("toolbox.") for m, n in reached("small_page")}
        return {name for name in found if not name.startswith("small_page")}

    return of


def test_a_call_is_followed_through_other_files(names):
    found = names("from toolbox.parts import helper\ndef run(): return helper()")
    assert found == {"parts.helper", "parts.LIMIT", "deep.used", "deep.lower", "deep."}


def test_a_class_is_followed_with_its_bases_and_methods(names):
    found = names("from toolbox.parts import Thing\nTHING = Thing()")
    assert found == {"parts.Thing", "deep.Base", "deep.", "whole.one"}


def test_what_is_only_asked_for_is_not_followed(names):
    assert names("from toolbox.parts import asked\ndef run(x): return asked(x)") == {"parts.asked"}
    assert names("from toolbox.parts import Hint\ndef run(x: Hint) -> Hint: return 1") == set()


def test_an_import_alone_reaches_nothing(names):
    assert names("from toolbox.parts import helper, alone") == set()


def test_imports_inside_functions_and_by_module_are_followed(names):
    assert names("def run():\n from toolbox import whole as w\n return w.two()") == {"whole.two"}
    assert names("import toolbox.whole\ndef run(): return toolbox.whole.two()") == {"whole.two"}


def test_a_name_is_followed_to_where_it_is_defined(names):
    found = names("from toolbox.again import idle\ndef run(): return idle()")
    assert found == {"deep.idle", "deep."}


def test_all_of_a_file_is_reached_where_it_is_not_known_what(names):
    found = names("from toolbox import whole\ndef run(x): return getattr(whole, x)")
    assert found == {"whole.one", "whole.two"}


def test_an_unknown_page_is_an_error():
    with pytest.raises(UnknownName, match="no module 'no_such_page'"):
        reached("no_such_page")
